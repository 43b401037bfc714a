//! The holes in a file of `server/training/crossfile.py`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use lowkey_document::Language;
use serde::Deserialize;

use super::super::hole::{Hole, Kind};
use super::super::seeded::digest;

/// A line of the file of holes. Fields that are not needed here are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct GivenHole {
    pub(super) package: String,
    /// The package's folder.
    pub(super) root: PathBuf,
    /// The file with the hole, relative to `root`.
    pub(super) path: String,
    /// A language id.
    pub(super) language: String,
    /// Where the removed text begins, in bytes of the file.
    pub(super) offset: usize,
    /// The removed text, up to the line's end.
    pub(super) target: String,
    /// A whole line, or the rest of one.
    pub(super) kind: Kind,
    /// Whether the file imports the names: `imported` or `strict`.
    pub(super) visible: String,
    pub(super) names: Vec<Definition>,
}

/// A name on the line, and its definition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Definition {
    pub(super) name: String,
    /// The defining file, relative to the package's folder.
    pub(super) defined_in: String,
    /// The lines of its signature.
    #[serde(default)]
    pub(super) signature: Vec<String>,
}

/// A hole in its file's text.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) language: &'static Language,
    pub(super) text: String,
    pub(super) hole: Hole,
    /// Identifies the text and the hole.
    pub(super) digest: String,
}

/// Reads the holes of a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<GivenHole>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the holes in {}", path.display()))?;
    let hole = |(idx, line): (usize, &str)| {
        serde_json::from_str(line)
            .with_context(|| format!("line {} of {} is not a hole", idx + 1, path.display()))
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(hole).collect()
}

impl GivenHole {
    /// Returns the hole's name in rows.
    pub(super) fn id(&self) -> String {
        format!("{} {}:{}", self.package, self.path, self.offset)
    }

    /// Reads the file; fails if it does not have the removed text.
    pub(super) fn open(&self) -> anyhow::Result<Opened> {
        let path = self.root.join(&self.path);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let Some((above, below)) = text.split_at_checked(self.offset) else {
            bail!(
                "{} has no character at byte {}; fetch the packages again",
                path.display(),
                self.offset
            );
        };
        let removed = below.lines().next().unwrap_or_default();
        if removed.trim_end() != self.target.trim_end() {
            bail!(
                "{} has another text at byte {} than the hole; fetch the packages again",
                path.display(),
                self.offset
            );
        }
        let start = above.rfind('\n').map_or(0, |line_end| line_end + 1);
        let hole = Hole {
            kind: self.kind,
            start,
            end: self.offset + removed.len(),
            n_before: self.offset - start,
            tail: String::new(),
        };
        let language = Language::find(&self.language).unwrap_or_else(|| Language::by_path(&path));
        let digest = format!("{:016x}", digest(&[&text, &self.id()]));
        Ok(Opened { path, language, text, hole, digest })
    }

    /// Whether every name of the removed text is an identifier in `inserted`.
    pub(super) fn is_named_in(&self, inserted: &str) -> bool {
        let has = |text: &str, name: &str| {
            text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
        };
        let mut names = self
            .names
            .iter()
            .map(|name| name.name.as_str())
            .filter(|name| has(&self.target, name))
            .peekable();
        names.peek().is_some() && names.all(|name| has(inserted, name))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use lowkey_test_support::TestFolder;

    use super::*;

    const TEXT: &str = "use crate::b::area;\n\nfn f() {\n    let é = area(2, UNIT);\n}\n";

    /// A hole as the script writes it.
    pub(in super::super) fn hole() -> GivenHole {
        let line = r#"{"half":"development","package":"shapes","root":"/nowhere","path":"src/a.rs",
            "language":"rust","offset":43,"target":"area(2, UNIT);","kind":"rest","visible":"imported","names":[
            {"name":"area","kind":"function","defined_in":"src/b.rs","line":3,"signature":["pub fn area(w: u32,","h: u32) -> u32"]},
            {"name":"UNIT","kind":"constant","defined_in":"src/c.rs","line":1,"signature":["pub const UNIT: u32 = 1;"]}]}"#;
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn hole_ends_with_its_line() {
        let folder = TestFolder::new("given");
        std::fs::create_dir_all(folder.join("src")).unwrap();
        for text in [TEXT.to_owned(), TEXT.replace('\n', "\r\n")] {
            std::fs::write(folder.join("src/a.rs"), &text).unwrap();
            let offset = text.find("area(2").unwrap();
            let given = GivenHole { root: folder.join(""), offset, ..hole() };
            let Opened { hole, .. } = given.open().unwrap();
            assert_eq!(hole.truth(&text), "    let é = area(2, UNIT);");
            assert_eq!(hole.holed(&text), text.replace("area(2, UNIT);", ""));
        }
        for offset in [42, 39, 1000] {
            let wrong = GivenHole { root: folder.join(""), offset, ..hole() };
            let message = wrong.open().unwrap_err().to_string();
            assert!(message.contains("fetch the packages again"), "{message}");
        }
    }

    #[test]
    fn all_names_of_the_line_must_be_there() {
        let mut hole = hole();
        assert!(hole.is_named_in("area(UNIT, UNIT)"));
        assert!(!hole.is_named_in("area(2, 1)") && !hole.is_named_in("areas(UNIT)"));
        hole.target = "area(2, 1);".into();
        assert!(hole.is_named_in("area(2, 1)"));
        hole.target = "other();".into();
        assert!(!hole.is_named_in("other();"));
    }

    #[test]
    fn wrong_line_is_named() {
        let folder = TestFolder::new("given-wrong");
        let path = folder.join("holes.jsonl");
        std::fs::write(&path, "\n{\"package\":1}\n").unwrap();
        let message = format!("{:#}", read(&path).unwrap_err());
        assert!(message.contains("line 2 of"), "{message}");
    }
}
