//! Answers completion requests; the only crate that uses every stage.
//!
//! [`Completer`] takes a [snapshot](lowkey_document::Snapshot) and a cursor, runs `context`,
//! `prompt`, `engine` and `suggestion`, and returns a replaced range with its new text. The front
//! ends (the language server, the HTTP server, the command line) depend on this crate and, for
//! documents, on `lowkey_document`. This crate depends on none of them.
//!
//! The embedded model is not part of this crate: the program passes its bytes in.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

mod alternatives;
mod answer;
mod answer_builder;
mod ask_again;
mod cancel_on_drop;
mod completer;
mod counters;
mod cross_file;
mod cursor_prefill;
mod dirs;
mod document_state;
mod documents;
mod feedback;
mod insert;
pub mod load;
mod look_ahead;
mod look_ahead_backoff;
mod multiline;
mod next_edit;
pub mod plain;
mod plan;
mod prefill_slot;
mod prepared_request;
mod refine;
mod refine_job;
mod refine_link;
mod refine_rules;
mod refiners;
pub mod regular_file;
mod remote_budget;
mod remote_call;
mod remote_check;
mod remote_link;
mod remote_prompt;
mod remote_record;
mod remote_settings;
pub mod report;
mod request;
mod running_job;
mod second_call;
mod second_model;
pub mod settings;
mod small_prompt;
mod state;
pub mod stats;
mod time_budget;
mod usage;
mod visibility;
mod wait;
mod workspace_index;

pub use answer::{Answer, Outcome};
pub use ask_again::AskAgain;
pub use counters::Work;
pub use insert::Insert;
pub use next_edit::{NextEditTrial, NextEditWork, NoProposedEdit, ProposedEdit, judgement_job};
pub use remote_check::{RemoteCheck, RemoteSpeed};
pub use remote_settings::remote_config;
pub use request::{CompletionRequest, Elsewhere, Surface, TimeLimit, Trigger};
pub use second_model::SecondModelState;
pub use state::Completer;
pub use workspace_index::indexed_extensions;

// Re-exports of the stages for front ends, so that front ends depend on none of them.
pub use lowkey_engine::{PersistOptions, Speed, Status};
pub use lowkey_model::DeviceChoice;
pub use lowkey_prompt::{Placement, template_process};
pub use lowkey_remote::{RemoteConfig, RemoteError, RemoteState};
pub use lowkey_store::EmbeddedModel;
pub use lowkey_suggestion::{IndentUnit, StopReason};
