//! What the model may see: ignore and secret rules, the window around the cursor.
//!
//! [`Rules`] says whether a file may be looked at at all; [`Context::gather`] cuts the text around the cursor.
//! Gathering is a pure function of a snapshot and a cursor, so the same text always gives the same prompt.
//! Invariant: nothing typed or auto-closed on the cursor's line changes a byte of the prefix or the suffix.

mod gather;
mod git;
mod ignore_file;
mod label;
mod paths;
mod rules;
mod secrets;
mod window;

pub use gather::{Anchor, Context, Snippet, WindowBudget};
pub use label::label;
pub use rules::{RuleProblem, Rules, Verdict};
