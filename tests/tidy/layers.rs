//! The allowed dependencies between the workspace's crates: data flows one way.
//!
//! Dev-dependencies are not restricted. A crate that is missing from the table fails the test.
//! `server/ARCHITECTURE.md` shows the table; `UPDATE_EXPECT=1 cargo test --test tidy` rewrites it there.

use std::fmt::Write as _;

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

const BEGIN: &str = "<!-- layers -->\n";
const END: &str = "<!-- /layers -->\n";

#[test]
fn architecture_shows_the_layers() {
    let page = std::fs::read_to_string(super::root().join("server/ARCHITECTURE.md")).unwrap();
    let (above, rest) = page.split_once(BEGIN).unwrap();
    let (_, below) = rest.split_once(END).unwrap();
    let mut table = String::from("| crate | may use |\n|---|---|\n");
    for (name, allowed) in LAYERS {
        let allowed: Vec<&str> = allowed.iter().map(|name| short(name)).collect();
        let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
        writeln!(table, "| `{}` | {allowed} |", short(name)).unwrap();
    }
    table.push_str("| `app` | all |\n");
    expect_test::expect_file!["../../server/ARCHITECTURE.md"]
        .assert_eq(&format!("{above}{BEGIN}\n{table}\n{END}{below}"));
}

/// Returns the name of a crate's folder in `server/`.
fn short(name: &str) -> &str {
    name.strip_prefix("lowkey-").unwrap_or(name)
}
