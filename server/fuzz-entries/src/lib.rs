//! The entry functions of the fuzz targets.
//!
//! `server/fuzz` is a workspace of its own and runs them for any length of time; `tests/seeds` runs them on the committed
//! seeds in every `cargo test`.
#![expect(clippy::missing_panics_doc, reason = "a panic is a finding of the fuzzer")]

pub mod editors;
pub mod models;
pub mod servers;
