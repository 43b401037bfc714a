//! Cuts blanks and line ends at the end.
//!
//! Before text that stays on the line, a blank may separate the two, and is kept. A text of blanks
//! alone is left to the rule for it.

use super::Cut;
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let end = text.trim_end().len();
    let after = surroundings.request.after;
    let separates = !after.is_empty() && !after.starts_with(char::is_whitespace);
    if end == text.len() || end == 0 || separates {
        return None;
    }
    Some(Cut::at(end, "blanks at the end"))
}
