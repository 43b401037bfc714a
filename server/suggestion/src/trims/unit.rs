//! Cuts before a line that begins a block at another depth than the file's blocks have.
//!
//! Which depth is right is told by the line that opens the block, and by nothing else: continued lines and tables are
//! aligned by hand.

use lowkey_document::lexical::Place;

use super::Cut;
use crate::indent::{step, unit_columns};
use crate::site::Site;

pub(super) const NAME: &str = "indentation unit";

pub(super) fn cut(site: &Site<'_>, text: &str) -> Option<Cut> {
    let begins_line = site.request.before.is_empty();
    if site.place != Place::Code || (!begins_line && !text.contains('\n')) {
        return None;
    }
    let unit = unit_columns(site)?;
    let language = site.request.language;
    let mut lines = text.split('\n');
    let mut start = 0;
    let first = lines.next().unwrap_or_default();
    let cursor_line = [site.request.before, first].concat();
    let mut opener =
        if begins_line { site.request.previous_line().unwrap_or_default() } else { "" };
    for (idx, line) in std::iter::once(cursor_line.as_str()).chain(lines).enumerate() {
        let is_wrong = step(language, opener, line).is_some_and(|step| step != unit);
        if is_wrong {
            return Some(Cut::at(
                start.max(1) - 1,
                format!("a block's line is not indented by {unit} columns, as the others are"),
            ));
        }
        if !line.trim().is_empty() {
            opener = line;
        }
        start += if idx == 0 { first.len() } else { line.len() } + 1;
    }
    None
}
