//! Cuts blank lines at the start, where the cursor stands on a blank line already.
//!
//! The line that is there is the blank line; another would only push the code down,
//! and ghost text that begins with nothing looks like none.

use super::Cut;
use crate::site::Site;

pub(super) fn cut(site: &Site<'_>, text: &str) -> Option<Cut> {
    if !site.request.before.trim().is_empty() {
        return None;
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            break;
        }
        start += line.len();
    }
    // Nothing but blanks is left to the rule that says so.
    if start == 0 || start == text.len() {
        return None;
    }
    Some(Cut { keep: start..text.len(), why: "blank lines at the start".into() })
}
