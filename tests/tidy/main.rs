//! Rules about the project that a program can check.
//!
//! The rules of `deny.toml`, the dependencies between crates, the form and length of source files, the names of types,
//! links in pages, the pages that are generated, and the words that prose avoids. Reads the working tree and
//! `cargo metadata`, without a network.

#![expect(clippy::unwrap_used, reason = "a broken working tree ends a test with its reason")]

mod deny;
mod devices;
mod folders;
mod layers;
mod links;
mod metadata;
mod names;
mod prose;
mod settings;
mod sources;
mod spdx;
mod weights;

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every file in `folder` and its subfolders with this extension, in a stable order.
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
