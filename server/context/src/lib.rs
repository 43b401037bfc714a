//! What the model may see: ignore and secret rules, the window of text around the cursor, and what
//! other files of the workspace define.
//!
//! [`Rules`] decides whether a file may be read at all. [`Context::gather`] cuts out the text
//! around the cursor. [`index`] finds the definitions of the workspace, and [`related`] chooses those
//! that may help at a place. Gathering is a pure function of a snapshot and a cursor, so the same text
//! always gives the same prompt.
//!
//! Invariant: no text typed or auto-closed on the cursor's line changes a byte of the prefix or the
//! suffix.

mod gather;
mod git;
mod ignore_file;
mod imports;
pub mod index;
mod label;
mod paths;
pub mod related;
mod rules;
mod secrets;
mod window;

pub use gather::{Anchor, Context, Snippet, WindowBudget};
pub use imports::{Import, imports};
pub use label::label;
pub use rules::{RuleProblem, Rules, Verdict};
