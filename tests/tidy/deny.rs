//! Applies `deny.toml` to the dependency tree: licences, banned crates, sources.
//!
//! Gives the same verdicts as `cargo deny check licenses bans sources` for the rules in use. An
//! unknown key is a parse error.

use serde::Deserialize;

use super::metadata::{Metadata, Package};
use super::{root, spdx};

const DEFAULT_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    graph: Graph,
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Graph {
    all_features: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Bans {
    deny: Vec<Ban>,
    features: Vec<FeatureBan>,
    wildcards: Level,
    allow_wildcard_paths: bool,
    multiple_versions: Level,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeatureBan {
    #[serde(rename = "crate")]
    name: String,
    deny: Vec<String>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Sources {
    unknown_registry: Level,
    unknown_git: Level,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Allow,
    Deny,
}

fn rules() -> Rules {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("deny.toml: {error}"))
}

fn named(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

/// Returns every package whose licence is not covered by the allow list.
fn unlicensed(licenses: &Licenses, tree: &Metadata) -> Vec<String> {
    let verdict = |package: &Package| match &package.license {
        None => Some(format!("{} names no licence", named(package))),
        Some(expression) => match spdx::satisfied(expression, &licenses.allow) {
            Ok(true) => None,
            Ok(false) => Some(format!("{} is under {expression}", named(package))),
            Err(reason) => Some(format!("{}: {reason}", named(package))),
        },
    };
    tree.packages.iter().filter_map(verdict).collect()
}

/// Returns every use of a banned crate outside its wrappers, every banned feature, and every
/// wildcard requirement.
fn banned(bans: &Bans, tree: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    for ban in &bans.deny {
        for package in tree.packages.iter().filter(|package| package.name == ban.name) {
            for user in tree.resolve.nodes.iter().filter(|n| n.dependencies.contains(&package.id)) {
                let user = tree.package(&user.id);
                if !ban.wrappers.contains(&user.name) {
                    let (what, who) = (named(package), named(user));
                    found.push(format!("{what} ({}) is used by {who}", ban.reason));
                }
            }
        }
    }
    for ban in &bans.features {
        for node in &tree.resolve.nodes {
            let package = tree.package(&node.id);
            let enabled = node.features.iter().filter(|feature| ban.deny.contains(feature));
            for feature in enabled.filter(|_| package.name == ban.name) {
                found.push(format!("{} has `{feature}` ({})", named(package), ban.reason));
            }
        }
    }
    let ours = tree.packages.iter().filter(|package| package.source.is_none());
    for dependency in ours.flat_map(|package| &package.dependencies) {
        let excused = bans.allow_wildcard_paths && dependency.path.is_some();
        if bans.wildcards == Level::Deny && dependency.req == "*" && !excused {
            found.push(format!("any version of {} is asked for", dependency.name));
        }
    }
    found
}

/// Returns every package that is neither from the default registry nor from this repository.
fn foreign(sources: &Sources, tree: &Metadata) -> Vec<String> {
    let verdict = |package: &Package| {
        let source = package.source.as_deref().filter(|source| *source != DEFAULT_REGISTRY)?;
        let level = if source.starts_with("git+") {
            &sources.unknown_git
        } else {
            &sources.unknown_registry
        };
        (*level == Level::Deny).then(|| format!("{} comes from {source}", named(package)))
    };
    tree.packages.iter().filter_map(verdict).collect()
}

#[test]
fn dependencies_obey_deny_toml() {
    let (rules, tree) = (rules(), Metadata::read());
    assert!(rules.graph.all_features, "cargo metadata is called with all features");
    assert_eq!(rules.bans.multiple_versions, Level::Allow, "this check cannot count versions");
    assert!(tree.packages.len() > 50, "the tree cannot be this small");
    let faults = [
        unlicensed(&rules.licenses, &tree),
        banned(&rules.bans, &tree),
        foreign(&rules.sources, &tree),
    ]
    .concat();
    assert!(faults.is_empty(), "against deny.toml:\n{}", faults.join("\n"));
}

#[test]
fn violations_are_detected() {
    let package = |name: &str, license: Option<&str>, source: Option<&str>, req: &str| {
        serde_json::json!({
            "id": name, "name": name, "version": "1.0.0", "license": license, "source": source,
            "dependencies": [{"name": "any", "req": req, "kind": null, "path": null}],
        })
    };
    let node = |id: &str, on: &[&str]| serde_json::json!({"id": id, "dependencies": on});
    let tree: Metadata = serde_json::from_value(serde_json::json!({
        "packages": [
            package("lowkey-store", Some("MIT"), None, "1"),
            package("lowkey-app", Some("GPL-3.0-only"), None, "*"),
            package("ureq", Some("MIT OR X"), Some(DEFAULT_REGISTRY), "*"),
            package("onig", None, Some("git+https://example.org/onig"), "1"),
            package("odd", Some("MIT AND"), Some("registry+https://example.org"), "1"),
            package("hyper-util", Some("MIT"), Some(DEFAULT_REGISTRY), "1"),
            package("hyper", Some("MIT"), Some(DEFAULT_REGISTRY), "1"),
        ],
        "resolve": {"nodes": [
            node("lowkey-store", &["ureq"]), node("lowkey-app", &["ureq", "odd"]),
            node("odd", &["onig"]), node("ureq", &[]), node("onig", &[]),
            node("hyper-util", &["hyper"]),
            {"id": "hyper", "dependencies": [], "features": ["client", "http1", "server"]},
        ]},
    }))
    .unwrap();
    let rules = rules();
    assert_eq!(
        unlicensed(&rules.licenses, &tree),
        [
            "lowkey-app 1.0.0 is under GPL-3.0-only",
            "onig 1.0.0 names no licence",
            "odd 1.0.0: a licence is missing before None",
        ]
    );
    assert_eq!(
        banned(&rules.bans, &tree),
        [
            "onig 1.0.0 (C library; tokenizers runs on fancy-regex) is used by odd 1.0.0",
            "ureq 1.0.0 (HTTP client) is used by lowkey-app 1.0.0",
            "hyper 1.0.0 has `client` (HTTP client)",
            "any version of any is asked for",
        ]
    );
    assert_eq!(
        foreign(&rules.sources, &tree),
        [
            "onig 1.0.0 comes from git+https://example.org/onig",
            "odd 1.0.0 comes from registry+https://example.org",
        ]
    );
}
