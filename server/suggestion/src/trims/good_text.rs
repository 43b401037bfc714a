//! Good text is not changed: holes in real code, filled with the original text, stay as they are.
//!
//! The code is this crate's own. A trim that cuts good text is worse than no trim.

use lowkey_document::Language;

use super::trim;
use crate::request::{MAX_LINES, Request};

const SOURCES: &[&str] = &[
    include_str!("../memory.rs"),
    include_str!("../nesting.rs"),
    include_str!("../repetition.rs"),
    include_str!("../scope.rs"),
    include_str!("../surroundings.rs"),
    include_str!("../stop.rs"),
    include_str!("../../../document/src/lexical/code.rs"),
    include_str!("../../../document/src/lexical.rs"),
    include_str!("../tail.rs"),
];

/// Completes a line at byte `column` with its original rest; returns whether the rest is unchanged.
fn comes_back(lines: &[String], idx: usize, column: usize) -> bool {
    let line = &lines[idx];
    let (before, rest) = line.split_at(line.floor_char_boundary(column));
    let is_blank = before.trim().is_empty();
    let (before, rest) = if is_blank { ("", line.as_str()) } else { (before, rest) };
    if rest.trim().is_empty() {
        return true;
    }
    let request = Request {
        previous_lines: &lines[idx.saturating_sub(20)..idx],
        next_lines: &lines[idx + 1..(idx + 21).min(lines.len())],
        max_lines: MAX_LINES,
        ..Request::new(Language::by_id("rust"), before)
    };
    let verdict = trim(&request, rest);
    // A blank that doubles the one before the cursor is rightly removed.
    verdict.shown().is_some_and(|shown| shown.text == rest || shown.text == rest.trim_start())
}

#[test]
fn real_code_is_not_changed() {
    let (mut n_holes, mut n_changed) = (0, 0);
    for source in SOURCES {
        let lines: Vec<String> = source.lines().map(str::to_owned).collect();
        for idx in 0..lines.len() {
            let indent = lines[idx].len() - lines[idx].trim_start().len();
            for column in [0, indent + 3, usize::midpoint(indent, lines[idx].len())] {
                n_holes += 1;
                n_changed += usize::from(!comes_back(&lines, idx, column.min(lines[idx].len())));
            }
        }
    }
    assert!(n_holes > 4000, "{n_holes} holes");
    assert!(n_changed * 200 <= n_holes, "{n_changed} of {n_holes} changed; at most one in 200 may");
}
