//! The dependency tree from `cargo metadata`, reduced to the fields that the checks use.
//!
//! Contains the packages of every platform if they are downloaded (`cargo fetch`), otherwise those
//! of this machine. Never uses a network.

use std::collections::HashSet;
use std::process::Command;

use serde::Deserialize;

/// The whole tree.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) resolve: Resolve,
}

/// A package of the tree.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// `None` for a path dependency.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A dependency as written in a manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) req: String,
    /// `None` for a normal dependency, otherwise `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) path: Option<String>,
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// A package and the packages it depends on, by id.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) dependencies: Vec<String>,
    /// The features that are built.
    #[serde(default)]
    pub(crate) features: Vec<String>,
}

impl Metadata {
    /// Runs cargo and reads its output.
    ///
    /// `cargo metadata` also lists packages that a weak feature (`ring?/alloc`) only mentions, as
    /// the lock file does, although they are never built (rust-lang/cargo#10801). Only the packages
    /// that `cargo tree` lists are kept.
    pub(crate) fn read() -> Self {
        let everywhere =
            run(METADATA, &[]).and_then(|all| Ok((all, run(TREE, &["--target=all"])?)));
        let (metadata, tree) = everywhere.unwrap_or_else(|_| {
            let host = host();
            let run = |command, more: &[&str]| run(command, more).unwrap_or_else(|e| panic!("{e}"));
            (run(METADATA, &["--filter-platform", &host]), run(TREE, &["--target", &host]))
        });
        // Lines of `name v1.2.3`, followed by other words for a path or a procedural macro.
        let words = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
        };
        let built: HashSet<(String, String)> = tree.lines().filter_map(words).collect();
        let mut all: Self = serde_json::from_str(&metadata).unwrap();
        all.packages.retain(|p| built.contains(&(p.name.clone(), p.version.clone())));
        let ids: HashSet<&String> = all.packages.iter().map(|package| &package.id).collect();
        all.resolve.nodes.retain(|node| ids.contains(&node.id));
        all
    }

    pub(crate) fn package(&self, id: &str) -> &Package {
        self.packages.iter().find(|package| package.id == id).unwrap()
    }
}

const METADATA: &[&str] = &["metadata", "--all-features", "--format-version=1"];
const TREE: &[&str] =
    &["tree", "--all-features", "--workspace", "--edges=all", "--prefix=none", "--format={p}"];
/// The packages of a build without features, without those for tests.
const PLAIN: &[&str] =
    &["tree", "--workspace", "--edges=normal,build", "--prefix=none", "--format={p}"];

/// Returns the names of the packages of a build without features, on every platform.
pub(crate) fn plain_build() -> HashSet<String> {
    let tree = run(PLAIN, &["--target=all"]);
    let tree = tree.or_else(|_| run(PLAIN, &["--target", &host()]));
    let tree = tree.unwrap_or_else(|error| panic!("{error}"));
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn run(command: &[&str], more: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(super::root())
        .args(command)
        .args(["--locked", "--offline"])
        .args(more)
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Returns the platform that cargo builds for.
fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}
