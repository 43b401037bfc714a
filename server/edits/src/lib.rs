//! Next edits without a model: the same change at another place.
//!
//! [`EditHistory`] follows the edits of a session and groups them into [`Hunk`]s. [`propose`] takes
//! the newest hunks and the text of a document, and proposes the same change elsewhere in it. The
//! [gate] decides whether a proposal is shown.
//!
//! The crate knows only `lowkey_document`: the language table and the lexical scanner, no parser.
//! Invariants: all functions are total; nothing is written to disk; a proposal never touches text
//! that the user has just edited.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

mod blocks;
mod candidates;
mod diff;
pub mod gate;
mod history;
mod hunk;
mod judge;
mod likelihood;
mod places;
mod propose;
mod rewrite;
mod searched;
mod source_line;
mod spelling;
mod tokens;

pub use gate::{Caution, Decision, EditGate, Quiet};
pub use history::EditHistory;
pub use hunk::Hunk;
pub use judge::{JudgementFacts, Question, judged_probability};
pub use likelihood::EditFeatures;
pub use propose::{Candidate, Proposal, candidates, propose};
