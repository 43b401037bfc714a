//! From model text to what the editor shows: stop rules, trims, gate, completion memory.
//!
//! A [`Completion`] is raw model text; a [`Suggestion`] is what the editor may draw.
//! [`StopRules`] end decoding as soon as nothing useful can follow; [`trim`] then shortens the text,
//! rule by rule and each with its reason, and puts back the closers that the answer replaces.
//! The [`Gate`] says whether what is left is likely enough to be right.
//! [`CompletionMemory`] keeps decoded middles, so that typing along costs no inference.
//! Invariant: everything here is total and pure. Text that makes no sense gives silence, never a panic.

#![cfg_attr(
    test,
    expect(
        clippy::needless_raw_string_hashes,
        reason = "expect-test writes its literals this way"
    )
)]

mod following;
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
mod site;
mod stop;
mod suggestion;
mod tail;
mod trims;

#[cfg(test)]
mod fixtures;

pub use gate::{
    Confidence, Evidence, GATE, Gate, Judgement, PositionClass, Recent, SuffixClass, Talkative,
};
pub use indent::IndentUnit;
pub use marks::{Mark, MarkKind, marks};
pub use memory::{CompletionMemory, MemoryBudget, MemoryKey, Middle, Remembered};
pub use request::{Completion, MAX_LINES, MAX_SURROUNDING_LINES, Request};
pub use stop::{StopReason, StopRules};
pub use suggestion::{Suggestion, Trimmed, Verdict};
pub use trims::{rule_names, trim};
