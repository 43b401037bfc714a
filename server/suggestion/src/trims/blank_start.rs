//! Cuts blank lines at the start if the cursor is on a blank line.
//!
//! Another blank line would only push the code down, and ghost text that begins with a blank line
//! looks empty.

use super::Cut;
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    if !surroundings.request.before.trim().is_empty() {
        return None;
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            break;
        }
        start += line.len();
    }
    // A text of blanks alone is left to the rule for it.
    if start == 0 || start == text.len() {
        return None;
    }
    Some(Cut { keep: start..text.len(), why: "blank lines at the start".into() })
}
