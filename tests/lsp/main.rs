//! The language server as a process, with valid and invalid client behaviour.
//!
//! The model is the toy. No test depends on the content of its answers, only on their form.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../harness/folder.rs"]
mod folder;
#[path = "../harness/gguf.rs"]
mod gguf;
#[path = "../harness/server.rs"]
mod server;
#[path = "../harness/text.rs"]
mod text;

mod broken_input;
mod clients;
mod copilot;
mod cursor;
mod documents;
mod first;
mod ghost_text;
mod instructed;
mod lifecycle;
mod lines;
mod popup;
mod secrets;
mod settings;
mod statistics;
mod stderr;
mod storm;
