//! Drops the line that was being written when time or tokens ran out.
//!
//! Runs once, before the trims, and only on text that somebody else ended:
//! whether a line is finished cannot be seen in the text itself.

use super::Cut;

pub(super) const NAME: &str = "half line";

pub(super) fn cut(text: &str) -> Option<Cut> {
    match text.rfind('\n') {
        Some(end) if end + 1 == text.len() => None,
        Some(end) => Some(Cut::at(end + 1, "the last line was not finished in time")),
        None => Some(Cut::at(0, "the line was not finished in time")),
    }
}
