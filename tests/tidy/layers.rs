//! Which of our crates may depend on which: data flows one way.
//!
//! The table is the one in `server/ARCHITECTURE.md`; what a crate needs only for its
//! tests is free. A crate that the table does not know fails the test.

use super::metadata::Metadata;

/// A crate and those of ours that it may use.
const LAYERS: &[(&str, &[&str])] = &[
    ("lowkey-document", &[]),
    ("lowkey-context", &["lowkey-document"]),
    ("lowkey-prompt", &["lowkey-document", "lowkey-context"]),
    ("lowkey-kernels", &[]),
    ("lowkey-model", &["lowkey-kernels"]),
    ("lowkey-engine", &["lowkey-model", "lowkey-prompt"]),
    ("lowkey-suggestion", &["lowkey-document"]),
    ("lowkey-store", &[]),
    (
        "lowkey-completer",
        &[
            "lowkey-document",
            "lowkey-context",
            "lowkey-prompt",
            "lowkey-kernels",
            "lowkey-model",
            "lowkey-engine",
            "lowkey-suggestion",
            "lowkey-store",
        ],
    ),
    ("lowkey-test-support", &[]),
];

/// The application, which may use all of them.
const APP: &str = "lowkey";

#[test]
fn no_crate_depends_on_a_later_stage() {
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
