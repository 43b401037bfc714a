//! The names that a URI carries, for the rules about what the model may see.
//!
//! Only a `file:` URI says plainly which file it means. All others (unsaved buffers, notebook cells, files on other
//! machines, in archives, in a repository's history) wrap a path in a way of their own, and there are too many ways to
//! know them. So every path that can be read out of a URI is a name, and a document is denied if one of them is: a
//! name too many costs a suggestion, a name too few shows a secret.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Parts, Uri, decoded};

/// A longer URI names no file on any system, and costs memory for each name.
const MAX_URI_BYTES: usize = 64 << 10;

/// More names than this are a URI made to be hard to judge.
const MAX_NAMES: usize = 64;

/// Escapes within escapes that are taken off; one level is common (`vscode-remote`, `git` in a query).
const MAX_ESCAPES: usize = 3;

/// Parts of a path between a repository's folder and the name that an extension for git puts there: `.git//0/x`.
const MAX_REVISION_PARTS: usize = 8;

/// What may part a name from what holds it, besides the slash: `a.zip!/x`, `a.zip::x`, `:0:x`, `x:12`, `C:\\x`.
const SEPARATORS: &[char] = &['\\', ':', '!', '|', '*'];

/// The names of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Whether the document is the file of this name on this machine, so that its ignore files can be asked.
    pub is_file: bool,
    /// Every name, the plainest first. A relative one is below no known folder.
    pub paths: Vec<PathBuf>,
}

/// What a URI says of where its document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// These names. None at all is an unsaved buffer.
    Names(Names),
    /// No rule can be asked about it, for this reason.
    Undecidable(&'static str),
}

/// Reads the names out of a URI.
pub(super) fn carried(uri: &Uri) -> Carried {
    let text = uri.as_str();
    if text.len() > MAX_URI_BYTES {
        return Carried::Undecidable("its URI is longer than any path");
    }
    let parts = Parts::of(text);
    let file = uri.file_path();
    let is_local = cfg!(windows) || parts.authority.unwrap_or_default().is_empty();
    let is_file = is_local && file.as_deref().is_some_and(is_name);
    let mut names = Collected::default();
    if let Some(path) = file {
        names.push(path);
    }
    let mut texts = vec![parts.path, parts.tail];
    texts.extend(parts.authority.map(|a| a.rsplit('@').next().unwrap_or(a)));
    for text in texts {
        names.add_text(text);
    }
    for part in [parts.query, parts.fragment].into_iter().flatten() {
        names.add_values(part);
    }
    if names.has_nul {
        return Carried::Undecidable("its URI has a NUL, which no file's name can have");
    }
    if names.paths.len() > MAX_NAMES {
        return Carried::Undecidable("its URI carries too many names");
    }
    Carried::Names(Names { is_file, paths: names.paths })
}

/// Whether a path names anything: a root alone does not.
fn is_name(path: &Path) -> bool {
    path.components().any(|part| matches!(part, Component::Normal(_)))
}

/// The names found so far, without repetitions.
#[derive(Default)]
struct Collected {
    paths: Vec<PathBuf>,
    seen: BTreeSet<PathBuf>,
    has_nul: bool,
}

impl Collected {
    fn push(&mut self, path: PathBuf) {
        // One more than the limit is enough to know that there are too many.
        if is_name(&path) && self.paths.len() <= MAX_NAMES && self.seen.insert(path.clone()) {
            self.paths.push(path);
        }
    }

    /// Adds a part of the URI in every reading: unescaped once or more, with other separators than the slash.
    fn add_text(&mut self, text: &str) {
        let mut read = String::from_utf8_lossy(&decoded(text)).into_owned();
        for _ in 0..MAX_ESCAPES {
            self.has_nul |= read.contains('\0');
            self.add_readings(&read);
            let again = String::from_utf8_lossy(&decoded(&read)).into_owned();
            if again == read {
                return;
            }
            read = again;
        }
    }

    fn add_readings(&mut self, text: &str) {
        let path = Path::new(text);
        self.push(path.to_owned());
        self.add_worktree_names(path);
        if text.contains(SEPARATORS) {
            // `server.pem:12` and `archive.zip!/id_rsa`: each piece of each part is a name where it is.
            let last = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let folder = path.parent().unwrap_or(Path::new(""));
            for piece in last.unwrap_or_default().split(SEPARATORS) {
                self.push(folder.join(piece));
            }
            let slashed = text.replace(SEPARATORS, "/");
            self.push(PathBuf::from(&slashed));
            self.add_worktree_names(Path::new(&slashed));
        }
    }

    /// Adds `/p/x` for `/p/.git//0/x`: what a file in a repository's history is called in its worktree.
    fn add_worktree_names(&mut self, path: &Path) {
        let parts: Vec<Component<'_>> = path.components().collect();
        let Some(at) = parts.iter().position(|part| part.as_os_str() == ".git") else { return };
        let (worktree, inside) = parts.split_at(at);
        for n_revision in 1..=MAX_REVISION_PARTS {
            let Some(rest) = inside.get(n_revision..).filter(|rest| !rest.is_empty()) else {
                return;
            };
            self.push(worktree.iter().chain(rest).collect());
        }
    }

    /// Adds what looks like a path in a query or a fragment: `{"path":"/p/x"}`, `file=x.env`.
    fn add_values(&mut self, part: &str) {
        let mut read = String::from_utf8_lossy(&decoded(part)).into_owned();
        for _ in 0..MAX_ESCAPES {
            self.has_nul |= read.contains('\0');
            let is_end = |c: char| c.is_whitespace() || "\"'{}[]()<>&=,;?#".contains(c);
            for value in read.split(is_end).filter(|value| value.contains(['/', '\\', '.'])) {
                self.add_readings(value);
            }
            let again = String::from_utf8_lossy(&decoded(&read)).into_owned();
            if again == read {
                return;
            }
            read = again;
        }
    }
}
