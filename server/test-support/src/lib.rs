//! What tests of several crates share. Only ever a dev-dependency: `tests/tidy` checks it.
//!
//! The toy is a model of 4.2 million parameters that loads in milliseconds. Its suggestions are mostly wrong, so a
//! test with it may depend on how something is said, never on what. `lowkey-toy.md` beside it is its card.

use std::path::Path;

/// The toy, a GGUF file.
pub const TOY_BYTES: &[u8] = include_bytes!("../lowkey-toy-q8_0.gguf");

/// SHA-256 of [`TOY_BYTES`], lower-case hexadecimal.
pub const TOY_SHA256: &str = "41a716eb84efe7f5d46e1304fa358daf30372ed9134ad7f2d68c8960aa88b0ab";

/// The toy's name in its own metadata, which reports and screens show.
pub const TOY_NAME: &str = "lowkey-embedded";

/// Returns the path of the toy in the repository, for a program that opens it itself.
pub fn toy_path() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/lowkey-toy-q8_0.gguf"))
}
