//! The language server as a process, with valid and invalid client behaviour.
//!
//! The model is the toy. No test depends on the content of its answers, only on their form.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod broken_input;
mod clients;
mod copilot;
mod cross_file;
mod cursor;
mod documents;
mod first;
mod ghost_text;
mod instructed;
mod lifecycle;
mod lines;
mod next_edit;
#[cfg(unix)]
mod packed;
mod popup;
mod privacy;
mod remote;
mod restart;
mod secrets;
mod settings;
mod statistics;
mod stderr;
mod storm;
mod workspace_folders;
