//! Cuts before a block that the text opens and does not end, but for that of the cursor's own line.
//!
//! A limit of lines or of time cuts anywhere: `if day == 3:` without a body is wrong in every language, and half a
//! block between brackets or words leaves the document unfinished. A block that the cursor's line opens may be left
//! open: the user goes on in it.

use lowkey_document::lexical::{Place, Scanner};

use super::Cut;
use crate::lines::{indent_columns, is_word};
use crate::nesting::Nesting;
use crate::site::Site;

/// Words that end a block with nothing after them; `else` and its like begin another part.
const ENDS: &[&str] = &["end", "fi", "done", "esac", "until"];

pub(super) fn cut(site: &Site<'_>, text: &str) -> Option<Cut> {
    let (first, _) = text.split_once('\n')?;
    if let Some(at) = last_line_opens(site, text) {
        return Some(Cut::at(at, "the last line opens a block without a body"));
    }
    // What follows may end what the text opens.
    if !site.more_closers.is_empty() || !site.has_paired_brackets() && !ends_with_words(site) {
        return None;
    }
    let by_bracket = || {
        let open = Nesting::of(site, text).open;
        let at = open.iter().map(|open| open.at).find(|&at| at > first.len())?;
        text.get(..at)?.rfind('\n')
    };
    let at = if ends_with_words(site) { open_by_words(site, text) } else { by_bracket() };
    at.map(|at| Cut::at(at, "a block begins that the text does not end"))
}

/// Says whether the language ends its blocks with words.
fn ends_with_words(site: &Site<'_>) -> bool {
    site.request.language.block_ends.iter().any(|end| ENDS.contains(end))
}

/// Visits the lines of the text with the state at their starts and where they start.
fn lines<'t>(site: &Site<'_>, text: &'t str) -> Vec<(Scanner, usize, &'t str)> {
    let mut scanner = site.scanner_at_line_start();
    let mut start = 0;
    let mut lines = Vec::new();
    for (idx, line) in text.split('\n').enumerate() {
        lines.push((scanner.clone(), start, line));
        let before = if idx == 0 { site.request.before } else { "" };
        scanner.scan(&[before, line, "\n"].concat(), |_| {});
        start += line.len() + 1;
    }
    lines
}

/// Returns where the line before the last one ends, if the last one opens a block that no line below goes on with.
fn last_line_opens(site: &Site<'_>, text: &str) -> Option<usize> {
    let text = text.trim_end();
    let lines = lines(site, text);
    let (scanner, start, line) = lines.last().filter(|(_, start, _)| *start > 0)?;
    if scanner.place() != Place::Code || !scanner.opens_block(line) {
        return None;
    }
    let goes_on =
        site.request.next_line().is_some_and(|next| indent_columns(next) > indent_columns(line));
    (!goes_on).then(|| start - 1)
}

/// Returns where the line ends before the outermost block that words open and do not end.
fn open_by_words(site: &Site<'_>, text: &str) -> Option<usize> {
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (idx, (scanner, start, line)) in lines(site, text).into_iter().enumerate() {
        if scanner.place() != Place::Code || line.trim().is_empty() {
            continue;
        }
        let word = line.trim_start().split(|c: char| !is_word(c)).next().unwrap_or_default();
        let indent = indent_columns(line);
        if ENDS.contains(&word) {
            // By indentation: what opened on the cursor's line is not counted.
            open.retain(|&(_, of_opener)| of_opener < indent);
        } else if idx > 0
            && scanner.opens_block(line)
            && !site.request.language.block_ends.contains(&word)
            && !line.trim_end().ends_with(['{', '(', '['])
        {
            open.retain(|&(_, of_opener)| of_opener < indent);
            open.push((start.saturating_sub(1), indent));
        }
    }
    open.first().map(|&(at, _)| at)
}
