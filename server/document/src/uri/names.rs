//! The names in a URI, for the rules that decide whether the model may see a document.
//!
//! Only a `file:` URI states its file plainly. Other schemes (unsaved buffers, notebook cells,
//! files on other machines, in archives, in a repository's history) each wrap a path in their own
//! way, and there are too many ways to know all of them. So every path that can be read from a URI
//! is a name, and a document is denied if one of its names is. A name too many costs a suggestion;
//! a name too few exposes a secret.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{Parts, Uri, decoded};

/// Maximum length of a URI. A longer one names no file on any system, and costs memory for each
/// name.
const MAX_URI_BYTES: usize = 64 << 10;

/// Maximum number of names. A URI with more was made to be hard to judge.
const MAX_NAMES: usize = 64;

/// Maximum number of nested escapes that are decoded. One level is common (`vscode-remote`, `git`
/// in a query).
const MAX_ESCAPES: usize = 3;

/// Maximum number of path parts between `.git` and the file's name, as git extensions insert them:
/// `.git//0/x`.
const MAX_REVISION_PARTS: usize = 8;

/// Separators, besides the slash, between a name and its container: `a.zip!/x`, `a.zip::x`, `:0:x`,
/// `x:12`, `C:\\x`.
const SEPARATORS: &[char] = &['\\', ':', '!', '|', '*'];

/// The names of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Whether the document is the file of this name on this machine, so that its ignore files
    /// apply.
    pub is_file: bool,
    /// Every name, the most direct first. A relative one is in no known folder.
    pub paths: Vec<PathBuf>,
}

/// The names that a URI contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carried {
    /// These names. An unsaved buffer has none.
    Names(Names),
    /// No rule can judge the URI, for this reason.
    Undecidable(&'static str),
}

/// Reads the names from a URI.
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

/// Whether a path has a file or folder name: a root alone does not.
fn is_name(path: &Path) -> bool {
    path.components().any(|part| matches!(part, Component::Normal(_)))
}

/// The names found so far, without duplicates.
#[derive(Default)]
struct Collected {
    paths: Vec<PathBuf>,
    seen: BTreeSet<PathBuf>,
    has_nul: bool,
}

impl Collected {
    fn push(&mut self, path: PathBuf) {
        // One name more than the limit is enough to detect that there are too many.
        if is_name(&path) && self.paths.len() <= MAX_NAMES && self.seen.insert(path.clone()) {
            self.paths.push(path);
        }
    }

    /// Adds a part of the URI in every reading: decoded once or more, and with separators other
    /// than the slash.
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
            // `server.pem:12` and `archive.zip!/id_rsa`: each piece of each part is a name in the
            // same folder.
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

    /// For `/p/.git//0/x`, adds `/p/x`: the worktree path of a file in a repository's history.
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

    /// Adds each value in a query or fragment that resembles a path: `{"path":"/p/x"}`,
    /// `file=x.env`.
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
