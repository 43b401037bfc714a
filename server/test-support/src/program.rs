//! The built program, and the model in it: the default, or the toy if parts of the default are
//! missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Returns the path of the program that Cargo has built for the test that runs.
///
/// Cargo sets `CARGO_BIN_EXE_lowkey` only for the tests of the program's own package, so this crate
/// looks next to the folder `deps`, which contains the test.
pub fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    folder.join(format!("lowkey{}", std::env::consts::EXE_SUFFIX))
}

/// Whether the program contains the default model. Prints the answer for the reader of the test's
/// output. `name` is the name of the default model.
pub fn contains_default(name: &str) -> bool {
    let output = Command::new(path())
        .args(["models", "list", "--json"])
        .env_remove("LOWKEY_MODEL")
        .output()
        .unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &list["models"][0];
    assert_eq!(row["name"], name);
    let is_default = row["state"] == "";
    let which = if is_default {
        "the default, its answers are checked"
    } else {
        "the toy, the form is checked"
    };
    eprintln!("the model inside: {which} ({}, {})", row["parameters"], row["size"]);
    is_default
}
