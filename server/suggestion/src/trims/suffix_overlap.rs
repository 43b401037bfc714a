//! Cuts the end that repeats the rest of the cursor's line.
//!
//! An overlap counts only if it begins and ends between words: `fo` completed with `o` before `o()`
//! is no repetition. A single letter may repeat by chance. Brackets alone are left to the balance
//! rules.

use super::Cut;
use crate::lines::{is_closer, is_trivial, is_word};
use crate::nesting::Nesting;
use crate::surroundings::Surroundings;
use crate::tail;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let after = surroundings.request.after.trim();
    if after.is_empty() {
        return after_tail(surroundings, text);
    }
    if let Some(at) = whole_rest(surroundings, text, after) {
        return Some(Cut::at(at, "the text repeats the rest of the line and goes on"));
    }
    // Scans from the left, so the first overlap found is the longest.
    let (start, whole) = text.char_indices().find_map(|(at, c)| {
        let end = text.get(at..)?.trim_end();
        let rest = after.strip_prefix(end)?;
        let last = end.chars().next_back()?;
        let left = text.get(..at)?;
        let left =
            left.chars().next_back().or_else(|| surroundings.request.before.chars().next_back());
        let splits_word = (is_word(c) && left.is_some_and(is_word))
            || (is_word(last) && rest.starts_with(is_word));
        let n_visible = end.chars().filter(|c| !c.is_whitespace()).count();
        let says_something = matches!(end, "," | ";")
            || (n_visible >= 3 && end.contains(is_word))
            || (rest.is_empty() && n_visible >= 2 && !end.chars().all(is_closer))
            || (!surroundings.has_paired_brackets() && end.chars().all(is_bracket));
        (!c.is_whitespace() && !splits_word && says_something).then_some((at, rest.is_empty()))
    })?;
    let why = if whole {
        "the end repeats the rest of the line"
    } else {
        "the end repeats how the rest of the line begins"
    };
    Some(Cut::at(start, why))
}

/// Cuts text that continues after a tail that ends the statement, and a comment after any tail.
fn after_tail(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let core = surroundings.request.replaced_tail.trim();
    if core.is_empty() {
        return None;
    }
    let end = tail::end_of_tail(surroundings, &Nesting::of(surroundings, text))?;
    let line = text.get(end..)?.split('\n').next()?.trim();
    let comments = surroundings.request.language.line_comments;
    let goes_on = !line.is_empty()
        && (core.ends_with(';') || comments.iter().any(|open| line.starts_with(open)));
    goes_on.then(|| Cut::at(end, "the text continues after the closers that are there"))
}

/// Finds the whole rest of the line inside the text, if the rest is long enough to be recognised.
fn whole_rest(surroundings: &Surroundings<'_>, text: &str, after: &str) -> Option<usize> {
    if is_trivial(after) {
        return None;
    }
    text.match_indices(after).map(|(at, _)| at).find(|&at| {
        let left = text.get(..at).and_then(|left| left.chars().next_back());
        let left = left.or_else(|| surroundings.request.before.chars().next_back());
        let right = text.get(at + after.len()..).unwrap_or_default();
        let splits_word = (after.starts_with(is_word) && left.is_some_and(is_word))
            || (after.ends_with(is_word) && right.starts_with(is_word));
        !splits_word
    })
}

fn is_bracket(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '>')
}
