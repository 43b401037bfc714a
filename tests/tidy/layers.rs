//! The allowed dependencies between the workspace's crates: data flows one way.
//!
//! `server/ARCHITECTURE.md` shows the first table; `UPDATE_EXPECT=1 cargo test --test tidy` rewrites it there. What a crate
//! needs only for its tests is free. A crate that the table does not know fails the test. Within the application, the
//! table of paths says which of its files may name a stage: a front end gets what it needs from `lowkey-completer`.

use std::fmt::Write as _;

use super::metadata::Metadata;
use super::{files, root};

/// A crate, and the workspace crates that it may depend on.
const LAYERS: &[(&str, &[&str])] = &[
    ("lowkey-document", &[]),
    ("lowkey-context", &["lowkey-document"]),
    ("lowkey-prompt", &["lowkey-document", "lowkey-context"]),
    ("lowkey-kernels", &[]),
    ("lowkey-model", &["lowkey-kernels"]),
    ("lowkey-engine", &["lowkey-model", "lowkey-prompt"]),
    ("lowkey-suggestion", &["lowkey-document"]),
    ("lowkey-edits", &["lowkey-document"]),
    ("lowkey-network", &[]),
    ("lowkey-store", &["lowkey-network"]),
    ("lowkey-remote", &["lowkey-network"]),
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
            "lowkey-edits",
            "lowkey-store",
            "lowkey-remote",
        ],
    ),
    ("lowkey-terminal", &[]),
    (
        "lowkey-bench",
        &[
            "lowkey-completer",
            "lowkey-document",
            "lowkey-terminal",
            // Measures kernels, forward passes and chunks, without an editor.
            "lowkey-kernels",
            "lowkey-model",
            "lowkey-engine",
            // Chooses places by the rules of these stages, and groups answers by their classes.
            "lowkey-context",
            "lowkey-suggestion",
            "lowkey-edits",
            // Asks a server as a team does.
            "lowkey-remote",
        ],
    ),
    (
        "lowkey",
        &[
            "lowkey-completer",
            "lowkey-document",
            "lowkey-store",
            "lowkey-terminal",
            "lowkey-bench",
            // For the command line alone; see `STAGES_IN_APP`.
            "lowkey-prompt",
            "lowkey-kernels",
            "lowkey-model",
            "lowkey-engine",
        ],
    ),
    // With its features alone, for the tests of these crates.
    (
        "lowkey-test-support",
        &["lowkey-context", "lowkey-document", "lowkey-engine", "lowkey-model", "lowkey-prompt"],
    ),
    (
        "lowkey-fuzz-entries",
        &[
            "lowkey",
            "lowkey-completer",
            "lowkey-context",
            "lowkey-document",
            "lowkey-engine",
            "lowkey-model",
            "lowkey-prompt",
            "lowkey-remote",
        ],
    ),
];

/// The crates that only the completer names, and these files of `server/app`.
const STAGES: &[&str] = &[
    "lowkey_context",
    "lowkey_prompt",
    "lowkey_kernels",
    "lowkey_model",
    "lowkey_engine",
    "lowkey_suggestion",
    "lowkey_edits",
];

/// Where in `server/app` a stage may be named, which ones, and why.
const STAGES_IN_APP: &[(&str, &[&str])] = &[
    // Describes the machine, and the model's format without loading it.
    ("cli/doctor", &["lowkey_kernels", "lowkey_engine", "lowkey_prompt"]),
    // Says which architectures and shapes run here.
    ("cli/models/list", &["lowkey_model"]),
];

#[test]
fn crates_depend_on_earlier_stages_only() {
    let tree = Metadata::read();
    let ours = tree.packages.iter().filter(|package| package.source.is_none());
    let mut faults = Vec::new();
    for package in ours {
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
    let page = std::fs::read_to_string(root().join("server/ARCHITECTURE.md")).unwrap();
    let (above, rest) = page.split_once(BEGIN).unwrap();
    let (_, below) = rest.split_once(END).unwrap();
    let mut table = String::from("| crate | may use |\n|---|---|\n");
    for (name, allowed) in LAYERS {
        let allowed: Vec<&str> = allowed.iter().map(|name| short(name)).collect();
        let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
        writeln!(table, "| `{}` | {allowed} |", short(name)).unwrap();
    }
    expect_test::expect_file!["../../server/ARCHITECTURE.md"]
        .assert_eq(&format!("{above}{BEGIN}\n{table}\n{END}{below}"));
}

/// Returns the name of a crate's folder in `server/`.
fn short(name: &str) -> &str {
    name.strip_prefix("lowkey-").unwrap_or("app")
}

#[test]
fn front_ends_name_no_stage() {
    let app = root().join("server/app");
    let mut faults = Vec::new();
    let mut used = Vec::new();
    for path in files(&app, "rs") {
        let name = path.strip_prefix(&app).unwrap().display().to_string();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code: String = code.flat_map(|line| [line, "\n"]).collect();
        for stage in STAGES.iter().filter(|stage| code.contains(**stage)) {
            let is_allowed =
                |(place, stages): &&(&str, &[&str])| is_in(&name, place) && stages.contains(stage);
            match STAGES_IN_APP.iter().find(is_allowed) {
                Some((place, _)) => used.push((*place, *stage)),
                None => faults.push(format!(
                    "server/app/{name} names {stage}; export what it needs from lowkey-completer"
                )),
            }
        }
    }
    for (place, stages) in STAGES_IN_APP {
        for stage in stages.iter().filter(|stage| !used.contains(&(*place, **stage))) {
            faults.push(format!("server/app/{place} no longer names {stage}: remove it here"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether the file `name` is `place.rs` or in the folder `place`.
fn is_in(name: &str, place: &str) -> bool {
    name.strip_prefix(place).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}
