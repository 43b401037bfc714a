//! Cuts blanks and line ends at the end.
//!
//! Before text that stays on the line a blank may be what separates the two, and stays.
//! Blanks alone are left to the rule that says so.

use super::Cut;
use crate::site::Site;

pub(super) fn cut(site: &Site<'_>, text: &str) -> Option<Cut> {
    let end = text.trim_end().len();
    let after = site.request.after;
    let separates = !after.is_empty() && !after.starts_with(char::is_whitespace);
    if end == text.len() || end == 0 || separates {
        return None;
    }
    Some(Cut::at(end, "blanks at the end"))
}
