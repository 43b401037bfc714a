//! Weights: file sizes, and that only the program contains the default model.

use std::path::Path;

use lowkey_test_support::{TOY_BYTES, TOY_SHA256};
use sha2::{Digest, Sha256};

use super::metadata::Metadata;
use super::{files, root};

/// The file size that repository hosts accept, with some margin.
const MAX_FILE_BYTES: u64 = 95_000_000;
/// All weights of the default together.
const MAX_DEFAULT_BYTES: u64 = 300_000_000;
const MODELS: &str = "server/store/models";

fn n_bytes(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

#[test]
fn default_model_parts_are_within_limits() {
    let entries = std::fs::read_dir(root().join(MODELS)).unwrap();
    let paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in &paths {
        assert!(n_bytes(path) <= MAX_FILE_BYTES, "{} is too large", path.display());
        assert_ne!(path.extension().unwrap_or_default(), "gguf", "{}: in parts", path.display());
    }
    let all: u64 = paths.iter().map(|path| n_bytes(path)).sum();
    assert!(all <= MAX_DEFAULT_BYTES, "{all} bytes in {MODELS}");
}

#[test]
fn only_program_contains_default_model() {
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
fn toy_is_a_dev_dependency_only() {
    let tree = Metadata::read();
    for package in tree.packages.iter().filter(|package| package.source.is_none()) {
        let uses = package.dependencies.iter().filter(|on| on.name == "lowkey-test-support");
        for dependency in uses {
            assert_eq!(dependency.kind.as_deref(), Some("dev"), "{} links the toy", package.name);
        }
    }
}

#[test]
fn model_cards_match_files() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let hex: Vec<String> = Sha256::digest(TOY_BYTES).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex.concat(), TOY_SHA256);
    for path in ["server/test-support/lowkey-toy.md", "server/app/main.rs"] {
        assert!(read(path).contains(TOY_SHA256), "{path} names another toy");
    }
    // The build script has checked the parts against the list.
    for list in files(&root().join(MODELS), "parts") {
        let list = std::fs::read_to_string(list).unwrap();
        let Some(whole) = list.lines().find(|_| !list.starts_with("incomplete")) else { continue };
        let [sha256, _, name] = whole.split(' ').collect::<Vec<_>>()[..] else { panic!("{whole}") };
        let card = format!("{MODELS}/{}.md", name.trim_end_matches(".gguf"));
        assert!(read(&card).contains(sha256), "{card} names another file than {whole}");
    }
}
