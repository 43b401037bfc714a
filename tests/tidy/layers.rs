//! The allowed dependencies between the workspace's crates: data flows one way.
//!
//! `server/ARCHITECTURE.md` describes the layers. Dev-dependencies are not restricted. A crate that
//! is missing from the table fails the test.

use super::metadata::Metadata;

/// A crate, and the workspace crates that it may depend on.
const LAYERS: &[(&str, &[&str])] = &[
    ("lowkey-document", &[]),
    ("lowkey-context", &["lowkey-document"]),
    ("lowkey-prompt", &["lowkey-document", "lowkey-context"]),
    ("lowkey-kernels", &[]),
    ("lowkey-model", &["lowkey-kernels"]),
    ("lowkey-engine", &["lowkey-model", "lowkey-prompt"]),
    ("lowkey-suggestion", &["lowkey-document"]),
    ("lowkey-store", &[]),
    ("lowkey-test-support", &[]),
];

/// The application, which may depend on all crates.
const APP: &str = "lowkey";

#[test]
fn crates_depend_on_earlier_stages_only() {
    let tree = Metadata::read();
    let ours = tree.packages.iter().filter(|package| package.source.is_none());
    let mut faults = Vec::new();
    for package in ours.filter(|package| package.name != APP) {
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == package.name) else {
            faults.push(format!("{} has no layer", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let for_tests = dependency.kind.as_deref() == Some("dev");
            if dependency.path.is_some() && !for_tests && !allowed.contains(&&*dependency.name) {
                faults.push(format!("{} must not use {}", package.name, dependency.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
