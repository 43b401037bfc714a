//! The program's build script: checks the parts of the default model and joins them.
//!
//! Only `main.rs` uses the result. The parts are in `server/store/models`;
//! `server/training/parts.py` cuts them.

use std::path::{Path, PathBuf};

#[path = "build/parts.rs"]
mod parts;

use parts::Outcome;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(lowkey_default_model)");
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let folder = root.join("server/store/models");
    // The folder covers added and removed files, its files cover changed ones.
    println!("cargo::rerun-if-changed={}", folder.display());
    match parts::join(&folder, Path::new(&variable("OUT_DIR"))) {
        Ok(Outcome::Joined(model)) => {
            println!("cargo::rustc-cfg=lowkey_default_model");
            println!("cargo::rustc-env=LOWKEY_DEFAULT_PATH={}", model.path.display());
            println!("cargo::rustc-env=LOWKEY_DEFAULT_BYTES={}", model.n_bytes);
            println!("cargo::rustc-env=LOWKEY_DEFAULT_SHA256={}", model.sha256);
            println!("cargo::rustc-env=LOWKEY_DEFAULT_CARD={}", model.card.display());
        }
        Ok(Outcome::Incomplete(reason)) => {
            println!("cargo::warning={reason}; the build uses the test fixture instead");
        }
        Err(problem) => println!("cargo::error={problem}"),
    }
}

/// Reads a variable that cargo sets for every build script.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
