//! The stage's input: the place of the cursor as plain strings, and the model's text.
//!
//! Plain text, so that a test or a benchmark can build a request by hand.
//! The cursor's line is `before` + `replaced_tail` + `after`.

use lowkey_document::Language;
use lowkey_document::lexical::Scanner;

use crate::indent::IndentUnit;
use crate::lines::same_line;

/// How many lines above and below the cursor are read.
pub const MAX_SURROUNDING_LINES: usize = 20;

/// How many bytes of a line are read on each side of the cursor; minified files have lines of
/// megabytes.
const MAX_LINE_BYTES: usize = 4 << 10;

/// Maximum number of lines of a multi-line suggestion.
pub const MAX_LINES: usize = 10;

/// The place of a completion.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub language: &'static Language,
    /// The lines above, nearest last, without line ends.
    pub previous_lines: &'a [String],
    /// The scanner's state at the start of `previous_lines`; `None` if the document begins there.
    pub lexical: Option<&'a Scanner>,
    /// The cursor's line up to the cursor.
    /// Empty on a line of whitespace: such a line is completed from column 0, and the answer
    /// contains the indentation.
    pub before: &'a str,
    /// On a line of whitespace, the blanks before the cursor, which the editor has inserted.
    pub replaced_indent: &'a str,
    /// The text directly after the cursor that is replaced on accept: closers and punctuation that
    /// editors insert. The suggestion contains all of its characters, in order.
    pub replaced_tail: &'a str,
    /// The rest of the line, which is not replaced.
    pub after: &'a str,
    /// The lines below, nearest first, without line ends.
    pub next_lines: &'a [String],
    /// Whether the answer may have more than one line.
    /// Has no effect if `after` holds text, because a line end would split that line.
    pub multiline: bool,
    /// Maximum number of lines if `multiline`; the default is [`MAX_LINES`].
    pub max_lines: usize,
    /// The editor's step of indentation; used if the lines around the cursor show none.
    pub indent_unit: Option<IndentUnit>,
}

impl<'a> Request<'a> {
    /// Returns a single-line request with no text around the cursor's line.
    pub fn new(language: &'static Language, before: &'a str) -> Self {
        Self {
            language,
            previous_lines: &[],
            lexical: None,
            before,
            replaced_indent: "",
            replaced_tail: "",
            after: "",
            next_lines: &[],
            multiline: false,
            max_lines: MAX_LINES,
            indent_unit: None,
        }
    }

    /// Whether the answer may contain line ends.
    pub(crate) fn takes_lines(&self) -> bool {
        self.multiline && self.max_lines > 1 && self.after.trim().is_empty()
    }

    /// Returns the request with the cursor's line clipped to the bytes that are read. The replaced
    /// tail is not clipped, because all of it must be in the answer.
    pub(crate) fn clipped(self) -> Self {
        let start = self.before.len().saturating_sub(MAX_LINE_BYTES);
        let before = self.before.get(self.before.ceil_char_boundary(start)..).unwrap_or_default();
        Self { before, after: clip(self.after), ..self }
    }

    /// Returns the lines above that are read, nearest last.
    pub(crate) fn lines_above(&self) -> impl DoubleEndedIterator<Item = &'a str> + Clone + use<'a> {
        let start = self.previous_lines.len().saturating_sub(MAX_SURROUNDING_LINES);
        self.previous_lines.get(start..).unwrap_or_default().iter().map(|line| clip(line))
    }

    /// Returns the lines below that are read, nearest first.
    pub(crate) fn lines_below(&self) -> impl DoubleEndedIterator<Item = &'a str> + Clone + use<'a> {
        self.next_lines.iter().take(MAX_SURROUNDING_LINES).map(|line| clip(line))
    }

    /// Returns the scanner's state at the start of the first line above that is read.
    pub(crate) fn scanner_above(&self) -> Scanner {
        let mut scanner = self.lexical.cloned().unwrap_or_else(|| Scanner::new(self.language));
        let n_more = self.previous_lines.len().saturating_sub(MAX_SURROUNDING_LINES);
        for line in self.previous_lines.iter().take(n_more) {
            scanner.scan_line(line, |_| {});
        }
        scanner
    }

    /// Whether there may be more lines above than were given.
    pub(crate) fn is_cut_above(&self) -> bool {
        self.previous_lines.len() >= MAX_SURROUNDING_LINES
    }

    /// Whether there may be more lines below than were given.
    pub(crate) fn is_cut_below(&self) -> bool {
        self.next_lines.len() >= MAX_SURROUNDING_LINES
    }

    /// Returns the first line below that is not blank.
    pub(crate) fn next_line(&self) -> Option<&'a str> {
        self.lines_below().find(|line| !line.trim().is_empty())
    }

    /// Whether text must follow the cursor: on a blank line, after a blank inside a line, and after
    /// an operator or an opening parenthesis. Elsewhere the line may be complete, and an empty
    /// answer is valid.
    pub fn expects_text(&self) -> bool {
        if !self.after.trim().is_empty() {
            return false;
        }
        let code = self.before.trim_end();
        let mut backwards = code.chars().rev();
        match (backwards.next(), backwards.next()) {
            (None, _) => true,
            _ if code.len() < self.before.len() => true,
            // `i++`, `i--`, and the end of a comment.
            (Some('+'), Some('+')) | (Some('-'), Some('-')) | (Some('/'), Some('*')) => false,
            (Some(last), _) => "=.(+-*/%&|<^!".contains(last),
        }
    }

    /// Whether the lines before and after the cursor's are equal; then another such line is no
    /// repetition.
    pub(crate) fn is_in_pattern(&self) -> bool {
        match (self.previous_line(), self.next_line()) {
            (Some(previous), Some(next)) => same_line(previous, next),
            _ => false,
        }
    }

    /// Returns the last line above that is not blank.
    pub(crate) fn previous_line(&self) -> Option<&'a str> {
        self.lines_above().rev().find(|line| !line.trim().is_empty())
    }
}

/// Returns the part of a line that is read, from its start.
fn clip(line: &str) -> &str {
    line.get(..line.floor_char_boundary(MAX_LINE_BYTES)).unwrap_or_default()
}

/// The model's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion<'a> {
    /// The text that the model wrote after the cursor.
    pub text: &'a str,
    /// Whether the model or a stop rule ended it. Otherwise a token limit, a deadline or a newer
    /// request did, the last line is unfinished, and the unfinished line is not shown.
    pub is_complete: bool,
}

impl<'a> From<&'a str> for Completion<'a> {
    /// Converts text that the model or a stop rule ended.
    fn from(text: &'a str) -> Self {
        Self { text, is_complete: true }
    }
}

impl<'a> From<&'a String> for Completion<'a> {
    /// Converts text that the model or a stop rule ended.
    fn from(text: &'a String) -> Self {
        Self { text, is_complete: true }
    }
}
