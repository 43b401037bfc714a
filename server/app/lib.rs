//! lowkey: private code completion at the speed of typing.
//!
//! This crate is the application: the language server (`lsp`), the command line
//! (`cli`) and the HTTP server (`http`). The completer and the stages are crates of
//! their own under `server/`; `server/ARCHITECTURE.md` has the map.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

pub mod cli;
mod embedded;
mod ending;
mod http;
mod log;
pub mod lsp;
mod stderr;
mod tasks;
#[cfg(test)]
#[path = "../../tests/harness/folder.rs"]
mod test_folder;
