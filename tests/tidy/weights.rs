//! Weights: how large files may be, and that the program alone contains the default model.

use std::path::Path;

use super::metadata::Metadata;
use super::{files, root};

/// What hosts of repositories take, with some room.
const MOST_BYTES_OF_A_FILE: u64 = 95_000_000;
/// All weights of the default together.
const MOST_BYTES_OF_THE_DEFAULT: u64 = 300_000_000;
const MODELS: &str = "server/store/models";

fn n_bytes(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

#[test]
fn parts_of_the_default_are_within_their_limits() {
    let entries = std::fs::read_dir(root().join(MODELS)).unwrap();
    let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in &paths {
        assert!(n_bytes(path) <= MOST_BYTES_OF_A_FILE, "{} is too large", path.display());
        assert_ne!(path.extension().unwrap_or_default(), "gguf", "{}: in parts", path.display());
    }
    let all: u64 = paths.iter().map(|path| n_bytes(path)).sum();
    assert!(all <= MOST_BYTES_OF_THE_DEFAULT, "{all} bytes in {MODELS}");
}

#[test]
fn the_program_alone_contains_the_default() {
    let users: Vec<_> = ["server", "tests"]
        .iter()
        .flat_map(|folder| files(&root().join(folder), "rs"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains("LOWKEY_DEFAULT_PATH"))
        .map(|path| path.strip_prefix(root()).unwrap().display().to_string())
        .filter(|path| path != "tests/tidy/weights.rs")
        .collect();
    assert_eq!(users, ["server/app/build.rs", "server/app/main.rs"]);
}

#[test]
fn the_fixture_is_for_tests_alone() {
    let tree = Metadata::read();
    for package in tree.packages.iter().filter(|package| package.source.is_none()) {
        let uses = package.dependencies.iter().filter(|on| on.name == "lowkey-test-support");
        for dependency in uses {
            assert_eq!(dependency.kind.as_deref(), Some("dev"), "{} links the toy", package.name);
        }
    }
}
