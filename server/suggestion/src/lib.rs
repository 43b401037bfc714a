//! Turns model text into a suggestion that the editor can show: stop rules, trims, the gate and the
//! completion memory.
//!
//! A [`Completion`] is raw model text. A [`Suggestion`] is the text that the editor may draw.
//! [`StopRules`] end decoding as soon as no useful text can follow. [`trim`] then shortens the text
//! rule by rule, gives a reason for each cut, and puts back the closers that the answer replaces.
//! The [`Gate`] decides whether the remaining text is likely enough to be right.
//! [`CompletionMemory`] keeps decoded middles, so that typing a suggestion costs no inference.
//! Invariant: every function here is total and pure. Malformed text leads to silence, never to a
//! panic.

#![cfg_attr(
    test,
    expect(
        clippy::needless_raw_string_hashes,
        reason = "expect-test writes its literals this way"
    )
)]

mod following_line;
mod gate;
mod indent;
mod lines;
mod marks;
mod memory;
mod nesting;
mod reindent;
mod repetition;
mod request;
mod scope;
mod stop;
mod suggestion;
mod surroundings;
mod tail;
mod trims;

#[cfg(test)]
mod fixtures;

pub use gate::{
    Confidence, Evidence, GATE, Gate, Judgement, PositionClass, RecentAnswers, SuffixClass,
    SuggestionThreshold,
};
pub use indent::IndentUnit;
pub use marks::{Mark, MarkKind, marks};
pub use memory::{CompletionMemory, MemoryBudget, MemoryHit, MemoryKey, Middle};
pub use request::{Completion, MAX_LINES, MAX_SURROUNDING_LINES, Request};
pub use stop::{StopReason, StopRules};
pub use suggestion::{Suggestion, TrimOutcome, Trimmed};
pub use trims::{rule_names, trim};
