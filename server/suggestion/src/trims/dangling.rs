//! Cuts before a block that the text opens and does not end, except the block of the cursor's own
//! line.
//!
//! A line limit or a time limit can cut anywhere. `if day == 3:` without a body is wrong in every
//! language, and half a block between brackets or words leaves the document unfinished. A block
//! that the cursor's line opens may stay open: the user continues it.

use lowkey_document::lexical::{Scanner, TextKind};

use super::Cut;
use crate::lines::{indent_columns, is_word};
use crate::nesting::Nesting;
use crate::surroundings::Surroundings;

/// Words that end a block and have no text after them; `else` and similar words begin another part.
const ENDS: &[&str] = &["end", "fi", "done", "esac", "until"];

pub(super) fn cut(surroundings: &Surroundings<'_>, text: &str) -> Option<Cut> {
    let (first, _) = text.split_once('\n')?;
    if let Some(at) = last_line_opens(surroundings, text) {
        return Some(Cut::at(at, "the last line opens a block without a body"));
    }
    // The text after the cursor may end the block that the completion opens.
    if !surroundings.unmatched_closers.is_empty()
        || !surroundings.has_paired_brackets() && !ends_with_words(surroundings)
    {
        return None;
    }
    let by_bracket = || {
        let open = Nesting::of(surroundings, text).open;
        let at = open.iter().map(|open| open.at).find(|&at| at > first.len())?;
        text.get(..at)?.rfind('\n')
    };
    let at = if ends_with_words(surroundings) {
        open_by_words(surroundings, text)
    } else {
        by_bracket()
    };
    at.map(|at| Cut::at(at, "a block begins that the text does not end"))
}

/// Whether the language ends its blocks with words.
fn ends_with_words(surroundings: &Surroundings<'_>) -> bool {
    surroundings.request.language.block_ends.iter().any(|end| ENDS.contains(end))
}

/// Returns the lines of the text, each with the scanner's state at its start and its start in
/// bytes.
fn lines<'t>(surroundings: &Surroundings<'_>, text: &'t str) -> Vec<(Scanner, usize, &'t str)> {
    let mut scanner = surroundings.scanner_at_line_start();
    let mut start = 0;
    let mut lines = Vec::new();
    for (idx, line) in text.split('\n').enumerate() {
        lines.push((scanner.clone(), start, line));
        let before = if idx == 0 { surroundings.request.before } else { "" };
        scanner.scan(&[before, line, "\n"].concat(), |_| {});
        start += line.len() + 1;
    }
    lines
}

/// Returns the end of the line before the last one, if the last one opens a block that no line
/// below continues.
fn last_line_opens(surroundings: &Surroundings<'_>, text: &str) -> Option<usize> {
    let text = text.trim_end();
    let lines = lines(surroundings, text);
    let (scanner, start, line) = lines.last().filter(|(_, start, _)| *start > 0)?;
    if scanner.text_kind() != TextKind::Code || !scanner.opens_block(line) {
        return None;
    }
    let goes_on = surroundings
        .request
        .next_line()
        .is_some_and(|next| indent_columns(next) > indent_columns(line));
    (!goes_on).then(|| start - 1)
}

/// Returns the end of the line before the outermost block that is opened with words and not ended.
fn open_by_words(surroundings: &Surroundings<'_>, text: &str) -> Option<usize> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (idx, (scanner, start, line)) in lines(surroundings, text).into_iter().enumerate() {
        if scanner.text_kind() != TextKind::Code || line.trim().is_empty() {
            continue;
        }
        let word = line.trim_start().split(|c: char| !is_word(c)).next().unwrap_or_default();
        let indent = indent_columns(line);
        if ENDS.contains(&word) {
            // By indentation, because blocks opened on the cursor's line are not counted.
            open.retain(|&(_, of_opener)| of_opener < indent);
        } else if idx > 0
            && scanner.opens_block(line)
            && !surroundings.request.language.block_ends.contains(&word)
            && !line.trim_end().ends_with(['{', '(', '['])
        {
            open.retain(|&(_, of_opener)| of_opener < indent);
            open.push((start.saturating_sub(1), indent));
        }
    }
    open.first().map(|&(at, _)| at)
}
