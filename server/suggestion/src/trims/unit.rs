//! Cuts before a line that begins a block with a different step of indentation than the file's
//! blocks.
//!
//! Only the first line after a block's opener is checked; continued lines and tables are aligned by
//! hand.

use lowkey_document::lexical::TextKind;

use super::Cut;
use crate::indent::{step, unit_columns};
use crate::surroundings::Surroundings;

pub(super) const NAME: &str = "indentation unit";

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let begins_line = surroundings.request.before.is_empty();
    if surroundings.text_kind != TextKind::Code || (!begins_line && !text.contains('\n')) {
        return None;
    }
    let unit = unit_columns(surroundings)?;
    let language = surroundings.request.language;
    let mut lines = text.split('\n');
    let mut start = 0;
    let first = lines.next().unwrap_or_default();
    let cursor_line = [surroundings.request.before, first].concat();
    let mut opener =
        if begins_line { surroundings.request.previous_line().unwrap_or_default() } else { "" };
    for (idx, line) in std::iter::once(cursor_line.as_str()).chain(lines).enumerate() {
        let is_wrong = step(language, opener, line).is_some_and(|step| step != unit);
        if is_wrong {
            return Some(Cut::at(
                start.max(1) - 1,
                format!("a block's line is not indented by {unit} columns like the other blocks"),
            ));
        }
        if !line.trim().is_empty() {
            opener = line;
        }
        start += if idx == 0 { first.len() } else { line.len() } + 1;
    }
    None
}
