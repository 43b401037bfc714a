//! Cuts before a closer without an opener, and before a bracket left open in front of text that
//! stays.
//!
//! A bracket left open at the end of the line is no fault: its closer may come on a later line.

use super::Cut;
use crate::nesting::{Nesting, SurplusCloser};
use crate::surroundings::Surroundings;
use crate::tail;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let nesting = Nesting::of(surroundings, text);
    match nesting.surplus {
        Some((at, SurplusCloser::WrongKind { closer, opener })) => {
            let why = format!("`{closer}` does not close `{opener}`");
            return Some(Cut::at(end_of_balanced_part(surroundings, text, at), why));
        }
        Some((at, SurplusCloser::NothingOpen { closer })) => {
            return Some(Cut::at(at, format!("`{closer}` closes nothing")));
        }
        Some((_, SurplusCloser::AlreadyClosed { .. })) | None => {}
    }
    let open = nesting.open.first()?;
    let has_rest = !surroundings.request.after.trim().is_empty();
    if has_rest
        && surroundings.has_paired_brackets()
        && !is_closed_by_rest(surroundings, text, open.at)
    {
        return Some(Cut::at(open.at, "a bracket would stay open before the rest of the line"));
    }
    tail::leaves_closers(surroundings, &nesting).then(|| {
        Cut::at(open.at, "a bracket would stay open before closers that are there already")
    })
}

/// Whether the rest of the line closes a bracket of the completion without taking the closer from
/// another bracket.
fn is_closed_by_rest(surroundings: &Surroundings<'_>, text: &str, open_at: usize) -> bool {
    let whole = [text, surroundings.request.after].concat();
    let is_closed = Nesting::of(surroundings, &whole).open.iter().all(|open| open.at != open_at);
    is_closed && (surroundings.closes_more_on_line || !surroundings.rest_is_balanced)
}

/// Returns the end of the balanced part before a wrong closer: the end of the line before, or, on
/// the first line, the position before the brackets that are open there.
fn end_of_balanced_part(surroundings: &Surroundings<'_>, text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    match before.rfind('\n') {
        Some(end) => end,
        None => Nesting::of(surroundings, before).open.first().map_or(at, |open| open.at),
    }
}
