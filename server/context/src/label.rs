//! The name of a file in a prompt.
//!
//! Workspace-relative and with `/` on every system, so that a prompt does not reveal the home
//! folder and does not change when a project moves.

use std::path::{Component, Path};

/// Returns `path` relative to `root` with `/` between its parts; only the file name for a path
/// outside.
pub fn label(root: Option<&Path>, path: &Path) -> String {
    let inside = root.and_then(|root| path.strip_prefix(root).ok());
    let shown = match inside {
        Some(relative) => relative,
        None => path.file_name().map_or(path, Path::new),
    };
    let parts = shown.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_is_relative_to_workspace() {
        let root = Some(Path::new("/projects/app"));
        assert_eq!(label(root, Path::new("/projects/app/src/main.rs")), "src/main.rs");
        assert_eq!(label(root, Path::new("/elsewhere/main.rs")), "main.rs");
        assert_eq!(label(None, Path::new("/elsewhere/main.rs")), "main.rs");
        assert_eq!(label(None, Path::new("")), "");
    }
}
