//! Cuts blanks that double those before the cursor, and lines indented with the other character.
//!
//! Where the lines around the cursor mix tabs and spaces, either is right.

use super::Cut;
use crate::indent::IndentUnit;
use crate::lines::indentation;
use crate::site::Site;

pub(super) fn cut(site: &Site<'_>, text: &str) -> Option<Cut> {
    let before = site.request.before;
    let blanks = indentation(text).len();
    if blanks > 0 && blanks < text.len() && before.ends_with([' ', '\t']) {
        let why = "a blank stands before the cursor already";
        return Some(Cut { keep: blanks..text.len(), why: why.into() });
    }
    let wrong = match indent_character(site)? {
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

/// Returns what the lines around the cursor are indented with, when they agree; where none is indented, the editor's
/// word counts.
fn indent_character(site: &Site<'_>) -> Option<char> {
    let around = site.request.lines_above().chain(site.request.lines_below());
    let mut found = None;
    for line in around.chain([site.request.before]) {
        let indentation = indentation(line);
        if indentation.len() == line.len() {
            continue;
        }
        // One space aligns the stars of a comment.
        let character = match indentation {
            "" | " " => continue,
            spaces if spaces.starts_with(' ') => ' ',
            _ => '\t',
        };
        match found {
            Some(before) if before != character => return None,
            _ => found = Some(character),
        }
    }
    found.or_else(|| site.request.indent_unit.map(IndentUnit::character))
}
