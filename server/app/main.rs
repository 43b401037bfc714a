//! The `lowkey` binary. All code is in the library, where tests can call it; only the model is
//! here.
//!
//! Only this file contains the default model. The build script joins its parts and passes their
//! path. A release build includes the model. A debug build opens the joined file at run time, so
//! that builds do not copy it. If parts are missing, the test fixture is used instead.

use std::process::ExitCode;

use lowkey_store::{EmbeddedModel, Weights};

#[cfg(lowkey_default_model)]
const INSIDE: EmbeddedModel = EmbeddedModel {
    #[cfg(not(debug_assertions))]
    weights: Weights::Inside(include_bytes!(env!("LOWKEY_DEFAULT_PATH"))),
    #[cfg(debug_assertions)]
    weights: Weights::Beside(env!("LOWKEY_DEFAULT_PATH")),
    n_bytes: number(env!("LOWKEY_DEFAULT_BYTES")),
    sha256: env!("LOWKEY_DEFAULT_SHA256"),
    card: include_str!(env!("LOWKEY_DEFAULT_CARD")),
    is_fixture: false,
};

#[cfg(not(lowkey_default_model))]
const INSIDE: EmbeddedModel = EmbeddedModel {
    weights: Weights::Inside(TOY),
    n_bytes: TOY.len() as u64,
    sha256: "41a716eb84efe7f5d46e1304fa358daf30372ed9134ad7f2d68c8960aa88b0ab",
    card: include_str!("../test-support/lowkey-toy.md"),
    is_fixture: true,
};

#[cfg(not(lowkey_default_model))]
const TOY: &[u8] = include_bytes!("../test-support/lowkey-toy-q8_0.gguf");

/// Parses decimal digits at compile time.
#[cfg(lowkey_default_model)]
const fn number(digits: &str) -> u64 {
    let (bytes, mut value, mut at) = (digits.as_bytes(), 0, 0);
    while at < bytes.len() {
        value = value * 10 + (bytes[at] - b'0') as u64;
        at += 1;
    }
    value
}

fn main() -> ExitCode {
    lowkey::cli::main(INSIDE)
}
