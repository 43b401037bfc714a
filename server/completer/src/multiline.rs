//! Decides whether an automatic suggestion may have several lines: at the beginning of a block,
//! while the user types or partly accepts one with several lines, and after an accepted suggestion.

use lowkey_suggestion::MAX_SURROUNDING_LINES;

use crate::feedback::SuggestionState;
use crate::request::{CompletionRequest, Trigger};
use crate::settings::{Multiline, Settings};

/// Maximum number of lines of an automatic block: of the lines after the fifth, almost none is
/// right (`server/suggestion/README.md`).
const BLOCK_LINES: usize = 5;

/// Maximum number of lines after an accepted suggestion that opens no block: the end of its own
/// block, and the next lines.
const AFTER_ACCEPTED_LINES: usize = 4;

/// The maximum number of lines of an answer, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lines {
    /// At most this many lines; 1 means only the cursor's line.
    pub(crate) max_lines: usize,
    /// The reason in words, if there are several.
    pub(crate) why: &'static str,
}

impl Lines {
    fn several(max_lines: usize, why: &'static str) -> Option<Self> {
        (max_lines > 1).then_some(Self { max_lines, why })
    }
}

/// Returns how many lines an answer may have; `None` for the cursor's line only.
///
/// `suggestion_state` is called if the result depends on the state of the document after the latest
/// suggestion.
pub(crate) fn lines(
    request: &CompletionRequest,
    settings: &Settings,
    suggestion_state: impl FnOnce() -> Option<SuggestionState>,
) -> Option<Lines> {
    let max_lines = settings.max_lines;
    match (request.multiline, settings.multiline, request.trigger) {
        (Some(true), ..) => Lines::several(max_lines, "the client requests several lines"),
        (Some(false), ..) | (None, Multiline::Never, Trigger::Automatic) => None,
        (None, Multiline::Always, _) => {
            Lines::several(max_lines, "the setting multiline is always")
        }
        (None, _, Trigger::Invoked) => Lines::several(max_lines, "you requested the suggestion"),
        (None, Multiline::Auto, Trigger::Automatic) => {
            by_place(request, max_lines, suggestion_state)
        }
    }
}

/// Decides by the lines around the cursor and the outcome of the latest suggestion.
fn by_place(
    request: &CompletionRequest,
    max_lines: usize,
    suggestion_state: impl FnOnce() -> Option<SuggestionState>,
) -> Option<Lines> {
    let snapshot = &request.snapshot;
    let cursor = snapshot.cursor(request.cursor);
    if !cursor.after.trim().is_empty() {
        return None;
    }
    let SuggestionState { follows_lines, is_after_accepted } =
        suggestion_state().unwrap_or_default();
    if follows_lines {
        // Otherwise the lines below would disappear with the first key.
        return Lines::several(max_lines, "the suggestion that you are typing has several lines");
    }
    let max_lines = max_lines.min(BLOCK_LINES);
    let opens_block = |idx: usize, line: &str| snapshot.lexical_state(idx).opens_block(line);
    if is_after_accepted || request.has_accepted {
        let opens = opens_block(cursor.line, &cursor.before);
        let max_lines = if opens { max_lines } else { max_lines.min(AFTER_ACCEPTED_LINES) };
        return Lines::several(max_lines, "a suggestion was accepted here");
    }
    let above = cursor.line.checked_sub(1).filter(|_| cursor.before.trim().is_empty())?;
    let opener = Some(snapshot.line(above)).filter(|line| opens_block(above, line));
    let below = (cursor.line + 1..snapshot.n_lines()).take(MAX_SURROUNDING_LINES);
    let below: Vec<String> = below.map(|idx| snapshot.line(idx)).collect();
    let begins = begins_block(opener.as_deref(), &cursor.before, &below);
    begins.then(|| Lines::several(max_lines, "a block begins here")).flatten()
}

/// Returns the indentation of a line in bytes.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a blank line of the cursor begins an empty block.
///
/// `opener` is the line above if it opens a block, by a bracket, a word or a mark of its language
/// ([`Scanner::opens_block`](lowkey_document::lexical::Scanner::opens_block)). The block is empty
/// if no line follows, or if the next line is not indented deeper than the opener.
pub(crate) fn begins_block(opener: Option<&str>, cursor_line: &str, next: &[String]) -> bool {
    let below = next.iter().find(|line| !line.trim().is_empty());
    let is_empty = |opener: &str| below.is_none_or(|line| indent(line) <= indent(opener));
    cursor_line.trim().is_empty() && opener.is_some_and(is_empty)
}

#[cfg(test)]
mod tests {
    use super::begins_block;

    fn check(above: &str, line: &str, below: &[&str]) -> bool {
        let below: Vec<String> = below.iter().map(|l| (*l).to_owned()).collect();
        begins_block(Some(above), line, &below)
    }

    #[test]
    fn empty_block_begins_below_its_opener() {
        assert!(check("fn f() {", "    ", &["}"]));
        assert!(check("def f():", "", &[]));
        assert!(check("    if x:", "        ", &["", "    y = 1"]));
    }

    #[test]
    fn block_with_lines_does_not_begin() {
        assert!(!check("fn f() {", "    ", &["    let x = 1;", "}"]));
    }

    #[test]
    fn other_lines_do_not_begin_a_block() {
        assert!(!check("fn f() {", "    let", &["}"]));
        assert!(!begins_block(None, "", &[]));
    }
}
