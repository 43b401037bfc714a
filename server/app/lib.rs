//! lowkey: private code completion at the speed of typing.
//!
//! This crate is the application: the language server (`lsp`), the command line
//! (`cli`) and, between them and the stages, the [`completer`]. The stages are
//! crates of their own under `server/`; `server/ARCHITECTURE.md` has the map.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

pub mod cli;
pub mod completer;
mod ending;
mod http;
pub mod keep;
pub mod load;
mod log;
pub mod lsp;
mod ordinary;
pub mod report;
pub mod settings;
pub mod stats;
mod stderr;
mod tasks;
#[cfg(test)]
#[path = "../../tests/harness/folder.rs"]
mod test_folder;
