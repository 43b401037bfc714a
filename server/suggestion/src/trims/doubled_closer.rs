//! Cuts before a closer whose bracket the document closes already.
//!
//! Closers that editors insert and that the answer replaces are exempt: the answer may write them
//! again.

use super::Cut;
use crate::nesting::{Nesting, Surplus};
use crate::site::Site;

pub(super) fn cut(site: &Site<'_>, text: &str) -> Option<Cut> {
    match Nesting::of(site, text).surplus? {
        (at, Surplus::ClosedAlready { closer }) => {
            let line_start = text.get(..at)?.rfind('\n').unwrap_or(0);
            let is_head = text.get(line_start..at)?.trim().is_empty();
            // A closer at the head of a line takes its line with it.
            let end = if is_head { line_start } else { at };
            Some(Cut::at(end, format!("`{closer}` is closed already by what follows")))
        }
        (_, Surplus::WrongKind { .. } | Surplus::NothingOpen { .. }) => None,
    }
}
