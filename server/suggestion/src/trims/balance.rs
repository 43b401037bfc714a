//! Cuts before a closer without an opener, and before a bracket left open in front of text that
//! stays.
//!
//! A bracket left open at the end of the line is no fault: its closer may come on a later line.

use super::Cut;
use crate::nesting::{Nesting, Surplus};
use crate::site::Site;
use crate::tail;

pub(super) fn cut(site: &Site<'_>, text: &str) -> Option<Cut> {
    let nesting = Nesting::of(site, text);
    match nesting.surplus {
        Some((at, Surplus::WrongKind { closer, opener })) => {
            let why = format!("`{closer}` does not close `{opener}`");
            return Some(Cut::at(end_of_sound_part(site, text, at), why));
        }
        Some((at, Surplus::NothingOpen { closer })) => {
            return Some(Cut::at(at, format!("`{closer}` closes nothing")));
        }
        Some((_, Surplus::ClosedAlready { .. })) | None => {}
    }
    let open = nesting.open.first()?;
    let has_rest = !site.request.after.trim().is_empty();
    if has_rest && site.has_paired_brackets() && !is_closed_by_rest(site, text, open.at) {
        return Some(Cut::at(open.at, "a bracket would stay open before the rest of the line"));
    }
    tail::leaves_closers(site, &nesting).then(|| {
        Cut::at(open.at, "a bracket would stay open before closers that are there already")
    })
}

/// Whether the rest of the line closes a bracket of the completion without taking the closer from
/// another bracket.
fn is_closed_by_rest(site: &Site<'_>, text: &str, open_at: usize) -> bool {
    let whole = [text, site.request.after].concat();
    let is_closed = Nesting::of(site, &whole).open.iter().all(|open| open.at != open_at);
    is_closed && (site.closes_more_on_line || !site.rest_is_sound)
}

/// Returns the end of the balanced part before a wrong closer: the end of the line before, or, on
/// the first line, the position before the brackets that are open there.
fn end_of_sound_part(site: &Site<'_>, text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    match before.rfind('\n') {
        Some(end) => end,
        None => Nesting::of(site, before).open.first().map_or(at, |open| open.at),
    }
}
