//! Cuts blanks that double those before the cursor, and lines indented with the other character.
//!
//! If the lines around the cursor mix tabs and spaces, both are allowed.

use super::Cut;
use crate::indent::editors_step;
use crate::lines::indentation;
use crate::surroundings::Surroundings;

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let before = surroundings.request.before;
    let blanks = indentation(text).len();
    if blanks > 0 && blanks < text.len() && before.ends_with([' ', '\t']) {
        let why = "there is a blank before the cursor already";
        return Some(Cut { keep: blanks..text.len(), why: why.into() });
    }
    let character = match editors_step(surroundings) {
        Some(step) => Some(step.character),
        None => surroundings.indent_character(),
    };
    let wrong = match character? {
        '\t' => "  ",
        _ => "\t",
    };
    let mut start = 0;
    for (idx, line) in text.split('\n').enumerate() {
        let begins_line = idx > 0 || before.is_empty();
        if begins_line && line.starts_with(wrong) && !line.trim().is_empty() {
            let end = start.max(1) - 1;
            return Some(Cut::at(end, "tabs and spaces: the file indents with the other"));
        }
        start += line.len() + 1;
    }
    None
}
