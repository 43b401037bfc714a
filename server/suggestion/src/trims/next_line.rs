//! Cuts before a repetition of the document's next line.
//!
//! The stop rules detect this at line ends, but the last line of a finished completion has none.
//! Lines of brackets repeat in good code and are left to the balance rules.

use super::Cut;
use crate::lines::{is_deeper_than_both, repeats};
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let next = surroundings.request.next_line()?;
    let ends = surroundings.request.language.block_ends;
    let repeats = |line: &str| repeats(line, next, ends);
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let whole_first = [surroundings.request.before, first].concat();
    // If the whole line was there before the completion, the rule does not apply.
    let adds = !first.trim().is_empty() && !surroundings.request.is_in_pattern();
    if adds && repeats(&whole_first) {
        return Some(Cut::at(0, "the line repeats the next line"));
    }
    let (mut end, mut above) = (first.len(), whole_first.as_str());
    for line in lines {
        if repeats(line) && !is_deeper_than_both(line, above, next) {
            return Some(Cut::at(end, "the end repeats the next line"));
        }
        end += 1 + line.len();
        above = line;
    }
    None
}
