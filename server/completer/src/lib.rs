//! From a request at a cursor to an answer: the one crate that names every stage.
//!
//! [`Completer`] takes a [snapshot](lowkey_document::Snapshot) and a cursor, lets `context`, `prompt`, `engine` and
//! `suggestion` work on them, and returns what the editor replaces with what. The front ends (the language server, the
//! HTTP server, the command line) depend on this crate and, for documents, on `lowkey_document`; it depends on none of
//! them.
//!
//! The model inside the program is not part of this crate: the program passes its bytes in.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

mod alternatives;
mod answer;
mod answer_builder;
mod completer;
mod counters;
mod cursor_prefill;
pub mod dirs;
mod document_state;
mod documents;
mod feedback;
mod insert;
pub mod load;
mod look_ahead;
mod look_ahead_backoff;
mod multiline;
pub mod ordinary;
pub mod plain;
mod plan;
mod prefill_slot;
mod prepared_request;
pub mod report;
mod request;
mod running_job;
pub mod settings;
mod small_prompt;
mod state;
pub mod stats;
#[cfg(test)]
#[path = "../../../tests/harness/folder.rs"]
mod test_folder;
mod time_budget;
mod usage;
mod visibility;
mod wait;

pub use answer::{Answer, Outcome};
pub use counters::Work;
pub use insert::Insert;
pub use request::{CompletionRequest, Surface, TimeLimit, Trigger};
pub use state::Completer;

// What front ends need of the stages below, so that they name none of them.
pub use lowkey_engine::{Keep, Speed, Status};
pub use lowkey_model::DeviceChoice;
pub use lowkey_prompt::template_process;
pub use lowkey_store::Embedded;
pub use lowkey_suggestion::{IndentUnit, StopReason};
