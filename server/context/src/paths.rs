//! Paths as the rules use them: absolute, without `.` and `..`, and under every name that links
//! give them.
//!
//! A link named `notes.txt` that points to `.env` must not pass, and neither must `src/../.env`.

use std::path::{Component, Path, PathBuf};

/// Returns a path's absolute name and, if links make it another one, its real name.
///
/// A relative path is in `root`, or in the working folder if there is no root. If a file does not
/// exist, the existing part of its path is resolved.
pub(crate) fn given_and_real(root: Option<&Path>, path: &Path) -> Vec<PathBuf> {
    let joined = root.map_or_else(|| path.to_path_buf(), |root| root.join(path));
    let absolute = std::path::absolute(&joined).unwrap_or(joined);
    let lexical = without_dots(&absolute);
    // Resolved from the name that still has its dots: `link/..` is the parent of the link's target.
    let real = without_dots(&resolved(&absolute));
    if real == lexical { vec![lexical] } else { vec![lexical, real] }
}

/// Returns the parts of a path below its root, for matchers that accept only relative paths.
pub(crate) fn without_root(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            // At the root there is nothing to pop, as on disk.
            Component::ParentDir => _ = clean.pop(),
            _ => clean.push(part),
        }
    }
    clean
}

/// Resolves links in the existing part of the path.
fn resolved(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let Ok(real) = existing.canonicalize() {
            return match path.strip_prefix(existing) {
                Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
                _ => real,
            };
        }
    }
    path.to_path_buf()
}
