//! The model in the tested program: the default, or the toy if parts of the default are missing.

use std::process::Command;

use serde_json::Value;

/// Whether the program contains the default model. Prints the answer for the reader of the test's
/// output.
pub(crate) fn is_the_default() -> bool {
    let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
        .args(["models", "list", "--json"])
        .env_remove("LOWKEY_MODEL")
        .output()
        .unwrap();
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &list["models"][0];
    assert_eq!(row["name"], lowkey_store::DEFAULT_NAME);
    let is_default = row["state"] == "";
    let which = if is_default {
        "the default, its answers are checked"
    } else {
        "the toy, the form is checked"
    };
    eprintln!("the model inside: {which} ({}, {})", row["parameters"], row["size"]);
    is_default
}
