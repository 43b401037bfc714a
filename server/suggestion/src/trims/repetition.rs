//! Cuts the last line if it repeats the line before it at the completion's end.
//!
//! Long loops already end decoding. This rule finds the short ones at the end of the text, which
//! the stop rules miss because they see whole lines only.

use super::Cut;
use crate::lines::{indent_columns, is_block_end, is_element, is_numbers, is_trivial};
use crate::repetition::LineLoop;
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let mut detector = LineLoop::default();
    let mut end = 0;
    for (idx, line) in text.split('\n').enumerate() {
        let line_end = end + line.len();
        let whole =
            if idx == 0 { [surroundings.request.before, line].concat() } else { line.to_owned() };
        if let Some(keep) = detector.push(&whole, line_end) {
            return Some(Cut::at(keep, "the lines repeat themselves"));
        }
        end = line_end + 1;
    }
    // A token limit may have cut the last line: two equal lines at the very end are the start of a
    // loop.
    let (rest, last) = text.trim_end().rsplit_once('\n')?;
    let before = rest.rsplit('\n').next().unwrap_or_default();
    let is_first = before.len() == rest.len();
    let before =
        if is_first { [surroundings.request.before, before].concat() } else { before.to_owned() };
    let repeats = before.trim() == last.trim()
        && indent_columns(last) >= indent_columns(&before)
        && !is_trivial(last)
        && !is_element(last)
        && !is_numbers(last)
        && !is_block_end(last, surroundings.request.language.block_ends);
    repeats.then(|| Cut::at(rest.len(), "the last line repeats the one before it"))
}
