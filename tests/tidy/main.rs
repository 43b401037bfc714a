//! Rules about the project itself that a program can check.
//!
//! The rules of `deny.toml` on dependencies, the allowed dependencies between our crates, the first
//! line and the length of a source file, the README's table of settings, and the words that prose
//! avoids. The tests read only the working tree and `cargo metadata`, without a network.

#![expect(clippy::unwrap_used, reason = "a broken working tree ends a test with its reason")]

mod deny;
mod devices;
mod layers;
mod metadata;
mod prose;
mod settings;
mod sources;
mod spdx;
mod weights;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` that ends in `extension`, in a stable order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
