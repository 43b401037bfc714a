//! Cuts before a quote that is never closed, or that closes a literal that is closed already.
//!
//! A quote that the tail or the rest of the line supplies is not missing. A literal that can span
//! lines may stay open at the end of the line.

use super::Cut;
use crate::nesting::Nesting;
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let nesting = Nesting::of(surroundings, text);
    if let Some(at) = nesting.literal_ended_twice {
        return Some(Cut::at(at, "the quote is closed already by the rest of the line"));
    }
    let (at, literal) = nesting.open_literal?;
    let is_supplied = surroundings.request.replaced_tail.trim_start().starts_with(literal.close)
        || surroundings.request.after.contains(literal.close);
    let is_long = literal.open.len() > 1 || literal.open == "`";
    let may_go_on = literal.multiline
        && surroundings.request.after.trim().is_empty()
        && (is_long || surroundings.request.takes_lines());
    if is_supplied || may_go_on {
        return None;
    }
    // The call or list that the literal belongs to is cut with it.
    let before = text.get(..at).unwrap_or_default();
    let end = Nesting::of(surroundings, before).open.first().map_or(at, |open| open.at);
    Some(Cut::at(end, "a quote is opened and never closed"))
}
