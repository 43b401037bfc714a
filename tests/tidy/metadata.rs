//! The dependency tree as `cargo metadata` tells it: only what the checks ask for.
//!
//! Packages of every platform, if they are all there (`cargo fetch` brings them);
//! otherwise those that this machine builds. Never a network.

use std::process::Command;

use serde::Deserialize;

/// The whole tree.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) license: Option<String>,
    /// `None` for a path.
    pub(crate) source: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a manifest asks for.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) req: String,
    /// `None` for what the library itself needs, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) path: Option<String>,
}

/// What was chosen.
#[derive(Debug, Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

/// One package and the packages it depends on, by id.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) dependencies: Vec<String>,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn read() -> Self {
        let every_platform = run(&[]);
        let output = every_platform.unwrap_or_else(|_| {
            let host = host();
            run(&["--filter-platform", &host]).unwrap_or_else(|error| panic!("{error}"))
        });
        serde_json::from_str(&output).unwrap()
    }

    pub(crate) fn package(&self, id: &str) -> &Package {
        self.packages.iter().find(|package| package.id == id).unwrap()
    }
}

fn run(more: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(super::root())
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--all-features"])
        .args(more)
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The platform that cargo builds for here.
fn host() -> String {
    let output = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}
