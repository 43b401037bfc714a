//! What the stage is asked: the place of the cursor in plain strings, and the model's text.
//!
//! Nothing but text, so that a test or a benchmark can build one by hand.
//! The cursor's line reads `before` + `replaced_tail` + `after`.

use lowkey_document::Language;
use lowkey_document::lexical::Scanner;

use crate::indent::IndentUnit;
use crate::lines::same_line;

/// How many lines above and below the cursor are looked at; what lies further away is not read.
pub const MAX_SURROUNDING_LINES: usize = 20;

/// How much of a line is looked at, on the side of the cursor; minified files have lines of megabytes.
const MAX_LINE_BYTES: usize = 4 << 10;

/// How many lines a multi-line suggestion has at most.
pub const MAX_LINES: usize = 10;

/// Where a completion is to stand.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The file's language.
    pub language: &'static Language,
    /// The lines above, nearest last, without line ends.
    pub previous_lines: &'a [String],
    /// The scanner's state at the start of the first of them; `None` where the document begins there.
    pub lexical: Option<&'a Scanner>,
    /// The cursor's line up to the cursor.
    /// "" on a line of whitespace, which is asked from column 0: the answer brings its indentation.
    pub before: &'a str,
    /// On a line of whitespace, the blanks before the cursor, which the editor has made.
    pub replaced_indent: &'a str,
    /// What stands directly right of the cursor and is replaced on accept: closers and punctuation, as editors insert
    /// them by themselves. It survives in the suggestion, in order.
    pub replaced_tail: &'a str,
    /// The rest of the line, which stays where it is.
    pub after: &'a str,
    /// The lines below, nearest first, without line ends.
    pub next_lines: &'a [String],
    /// Whether more than the cursor's line may be completed.
    /// Has no effect while `after` holds text: a line end there would tear the line apart.
    pub multiline: bool,
    /// How many lines at most when `multiline`; [`MAX_LINES`] unless set.
    pub max_lines: usize,
    /// One step of indentation as the editor says it; counts where the lines around the cursor show none.
    pub indent_unit: Option<IndentUnit>,
}

impl<'a> Request<'a> {
    /// Returns a single-line request with nothing around the cursor's line.
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

    /// Says whether the answer may hold line ends.
    pub(crate) fn takes_lines(&self) -> bool {
        self.multiline && self.max_lines > 1 && self.after.trim().is_empty()
    }

    /// Returns the request with no more of the cursor's line than is looked at.
    /// The replaced tail stays whole: it must survive.
    pub(crate) fn clipped(self) -> Self {
        let start = self.before.len().saturating_sub(MAX_LINE_BYTES);
        let before = self.before.get(self.before.ceil_char_boundary(start)..).unwrap_or_default();
        Self { before, after: clip(self.after), ..self }
    }

    /// Returns the lines above that are looked at, nearest last.
    pub(crate) fn lines_above(&self) -> impl DoubleEndedIterator<Item = &'a str> + Clone + use<'a> {
        let start = self.previous_lines.len().saturating_sub(MAX_SURROUNDING_LINES);
        self.previous_lines.get(start..).unwrap_or_default().iter().map(|line| clip(line))
    }

    /// Returns the lines below that are looked at, nearest first.
    pub(crate) fn lines_below(&self) -> impl DoubleEndedIterator<Item = &'a str> + Clone + use<'a> {
        self.next_lines.iter().take(MAX_SURROUNDING_LINES).map(|line| clip(line))
    }

    /// Returns the scanner's state at the start of the first line above that is looked at.
    pub(crate) fn scanner_above(&self) -> Scanner {
        let mut scanner = self.lexical.cloned().unwrap_or_else(|| Scanner::new(self.language));
        let n_more = self.previous_lines.len().saturating_sub(MAX_SURROUNDING_LINES);
        for line in self.previous_lines.iter().take(n_more) {
            scanner.scan_line(line, |_| {});
        }
        scanner
    }

    /// Says whether there may be more lines above than were given.
    pub(crate) fn is_cut_above(&self) -> bool {
        self.previous_lines.len() >= MAX_SURROUNDING_LINES
    }

    /// Says whether there may be more lines below than were given.
    pub(crate) fn is_cut_below(&self) -> bool {
        self.next_lines.len() >= MAX_SURROUNDING_LINES
    }

    /// Returns the first line below that is not blank.
    pub(crate) fn next_line(&self) -> Option<&'a str> {
        self.lines_below().find(|line| !line.trim().is_empty())
    }

    /// Says whether text must follow the cursor: on a blank line, after a blank inside a line, and after an operator or
    /// an opening parenthesis. Elsewhere the line may be complete, and silence is an answer.
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

    /// Says whether the lines around the cursor's are the same: then another one like them is no repetition.
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

/// Returns as much of a line's beginning as is looked at.
fn clip(line: &str) -> &str {
    line.get(..line.floor_char_boundary(MAX_LINE_BYTES)).unwrap_or_default()
}

/// The model's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion<'a> {
    /// What the model wrote behind the cursor.
    pub text: &'a str,
    /// Whether the model or a stop rule ended it.
    /// When a limit of tokens, a deadline or a newer request did, the last line is unfinished, and half a line is not shown.
    pub is_complete: bool,
}

impl<'a> From<&'a str> for Completion<'a> {
    /// Takes text that the model or a stop rule ended.
    fn from(text: &'a str) -> Self {
        Self { text, is_complete: true }
    }
}

impl<'a> From<&'a String> for Completion<'a> {
    /// Takes text that the model or a stop rule ended.
    fn from(text: &'a String) -> Self {
        Self { text, is_complete: true }
    }
}
