//! A public type has a name of its own in the workspace, so that a search for the name finds one type.

use std::collections::BTreeMap;

use super::{files, root};

/// Names that may occur several times: every command has clap's `Args`.
const SHARED: &[&str] = &["Args"];

/// Folders with code of their own: no other crate can use their types.
const SEPARATE: &[&str] = &["tests", "examples", "benches", "fuzz"];

const KEYWORDS: &[&str] = &["struct", "enum", "union", "trait", "type"];

#[test]
fn public_type_names_are_unique() {
    let sources: Vec<(String, String)> = files(&root().join("server"), "rs")
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(root()).unwrap();
            let is_separate = relative
                .components()
                .any(|part| SEPARATE.iter().any(|folder| part.as_os_str() == *folder));
            (!is_separate)
                .then(|| (relative.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        })
        .collect();
    let n_types: usize = sources.iter().map(|(_, text)| public_types(text).count()).sum();
    assert!(
        n_types > 100,
        "found {n_types} public types: the sources are not where they are expected"
    );
    let faults = repeated(&sources);
    assert!(
        faults.is_empty(),
        "give each type a name that says which one it is:\n{}",
        faults.join("\n")
    );
}

/// Returns the names of public types that are defined more than once, each with its files.
fn repeated(sources: &[(String, String)]) -> Vec<String> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, text) in sources {
        for name in public_types(text).filter(|name| !SHARED.contains(name)) {
            found.entry(name).or_default().push(path);
        }
    }
    let is_repeated = |(_, paths): &(&str, Vec<&str>)| {
        // The same type for several systems is defined several times in one file.
        paths.iter().any(|path| path != &paths[0])
    };
    let repeated = found.into_iter().filter(is_repeated);
    repeated.map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect()
}

/// Returns the names of the types in a source that are `pub`, not `pub(crate)` or `pub(super)`.
fn public_types(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (keyword, rest) = line.trim_start().strip_prefix("pub ")?.split_once(' ')?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        KEYWORDS.contains(&keyword).then(|| &rest[..end])
    })
}

#[test]
fn repeated_names_are_found() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let sources = [
        source("a.rs", "pub struct Entry<'a> {\n    pub kind: Kind,\n}\npub struct Args {}\n"),
        source("b.rs", "pub(crate) enum Kind {}\npub trait Source: Sized {}\npub struct Args;\n"),
        source("c.rs", "/// pub struct Other;\npub type Entry = u32;\npub enum Kind {}\n"),
        source("d.rs", "#[cfg(unix)]\npub struct Lock(i32);\n#[cfg(windows)]\npub struct Lock;\n"),
    ];
    assert_eq!(repeated(&sources), ["Entry: a.rs, c.rs"]);
}
