//! Where models come from: the one inside the binary, and files that the user names.
//!
//! The embedded model is compiled in, not installed beside the binary: one file to
//! copy, nothing to lose, and `cargo run` works from a fresh clone. At under five
//! megabytes the price is small; the binary's limit is 100 MB.
//!
//! Invariant: this is the only crate that may ever open an outbound socket, and
//! only on an explicit command. Today it opens none.

mod embedded;
mod source;

pub use embedded::{EMBEDDED, Embedded};
pub use source::{Source, SourceError, resolve};
