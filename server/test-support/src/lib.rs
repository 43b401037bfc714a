//! Fixtures for the tests of several crates. Only a dev-dependency; `tests/tidy` checks it.
//!
//! The toy is a model of 4.2 million parameters that loads in milliseconds. Its suggestions are
//! mostly wrong, so a test that uses it may depend on the form of an answer, but not on its
//! content. `lowkey-toy.md` is its model card.
//!
//! [`server`] starts the built program and speaks to it as an editor does, [`hub`] answers a pull,
//! [`team_server`] plays a completion server, `terminal` runs a program on a terminal, and [`TestFolder`] is a temporary folder. The features `prompt`, `model` and
//! `engine` add what needs the types of these crates or candle, so that the tests of the other crates do not
//! compile them.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a test fails by a panic of these functions")]

use std::path::Path;

mod folder;
pub mod gguf;
#[cfg(feature = "engine")]
pub mod healing;
#[cfg(feature = "engine")]
pub mod hooked_model;
pub mod hub;
#[cfg(feature = "model")]
pub mod model;
pub mod next_edit_model;
pub mod program;
pub mod server;
pub mod team_server;
#[cfg(target_os = "linux")]
pub mod terminal;
pub mod text;
#[cfg(feature = "prompt")]
pub mod vocabulary;

pub use folder::TestFolder;

/// The toy, as a GGUF file.
pub const TOY_BYTES: &[u8] = include_bytes!("../lowkey-toy-q8_0.gguf");

/// SHA-256 of [`TOY_BYTES`], lower-case hexadecimal.
pub const TOY_SHA256: &str = "41a716eb84efe7f5d46e1304fa358daf30372ed9134ad7f2d68c8960aa88b0ab";

/// The toy's name in its own metadata, which reports and screens show.
pub const TOY_NAME: &str = "lowkey-embedded";

/// Returns the path of the toy in the repository, for a program that opens it itself.
pub fn toy_path() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lowkey-toy-q8_0.gguf"))
}
