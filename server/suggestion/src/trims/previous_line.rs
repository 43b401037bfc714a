//! Silences text that only repeats the lines above.
//!
//! If the document itself repeats a line, a third copy is allowed.

use super::Cut;
use crate::lines::{is_block_end, is_element, is_numbers, is_trivial, same_line};
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let text = text.trim_end();
    let lines: Vec<&str> = text.split('\n').collect();
    let (first, later) = lines.split_first()?;
    if is_blank(first) {
        return None;
    }
    let first = [surroundings.request.before, first].concat();
    let above: Vec<&str> =
        surroundings.request.lines_above().filter(|line| !is_blank(line)).collect();
    let is_data = is_element(&first) || is_numbers(&first);
    if is_trivial(&first)
        || is_data
        || is_block_end(&first, surroundings.request.language.block_ends)
    {
        return None;
    }
    let previous = surroundings.request.previous_line()?;
    let is_pattern = above
        .len()
        .checked_sub(2)
        .and_then(|idx| above.get(idx))
        .is_some_and(|before| same_line(before, previous));
    // If the user has typed most of the line, the line is intended.
    let is_typed = surroundings.request.before.trim().len() * 2 > first.trim().len();
    if same_line(&first, previous)
        && !is_typed
        && !is_pattern
        && !surroundings.request.is_in_pattern()
    {
        return Some(Cut::at(0, "the line repeats the line above"));
    }
    if later.is_empty() {
        return None;
    }
    // Several lines that equal the last lines above, in the same order.
    let block: Vec<&str> = [first.as_str()]
        .into_iter()
        .chain(later.iter().copied())
        .filter(|line| !is_blank(line))
        .collect();
    let start = above.len().checked_sub(block.len())?;
    let repeats =
        above.get(start..)?.iter().zip(&block).all(|(above, line)| same_line(above, line));
    repeats.then(|| Cut::at(0, "the lines repeat the lines above"))
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}
