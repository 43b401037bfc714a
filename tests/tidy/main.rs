//! Rules about the project itself that a program can check.
//!
//! What `deny.toml` says of dependencies, which crate may depend on which, how a source
//! file begins and how long it may be, and that the README's settings are the program's.
//! Everything is read from the working tree and from `cargo metadata`, without a network.

#![expect(clippy::unwrap_used, reason = "a broken working tree ends a test with its reason")]

mod deny;
mod devices;
mod folders;
mod layers;
mod metadata;
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
