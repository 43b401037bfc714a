//! Cuts before a closer whose bracket the document closes already.
//!
//! Closers that editors insert and that the answer replaces are exempt: the answer may write them
//! again.

use super::Cut;
use crate::nesting::{Nesting, SurplusCloser};
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    match Nesting::of(surroundings, text).surplus? {
        (at, SurplusCloser::AlreadyClosed { closer }) => {
            let line_start = text.get(..at)?.rfind('\n').unwrap_or(0);
            let is_head = text.get(line_start..at)?.trim().is_empty();
            // A closer at the head of a line takes its line with it.
            let end = if is_head { line_start } else { at };
            Some(Cut::at(end, format!("`{closer}` is closed already by what follows")))
        }
        (_, SurplusCloser::WrongKind { .. } | SurplusCloser::NothingOpen { .. }) => None,
    }
}
