//! One recent edit: the lines before it and after it.

use std::ops::Range;
use std::time::Duration;

use lowkey_document::lexical::Scanner;
use lowkey_document::{ByteOffset, Snapshot, Uri};

/// Longer lines above and below a hunk are not kept.
const MAX_LINE_BYTES: usize = 2048;

/// An edit of the session: keystrokes in the same lines are one hunk.
#[derive(Debug, Clone)]
pub struct Hunk {
    pub(crate) uri: Uri,
    /// The edited part of the current text; keeps its place while the text around it changes.
    pub(crate) range: Range<usize>,
    /// The text that the edited part replaced.
    pub(crate) old: String,
    /// Whole lines before and after the edit, without the last line end.
    pub(crate) old_lines: String,
    pub(crate) new_lines: String,
    /// The number, from 0, of the first of the lines when they were edited last, and the lines above
    /// and below at that time.
    pub(crate) first_line: usize,
    pub(crate) above: Option<String>,
    pub(crate) below: Option<String>,
    /// The start of `new_lines` in the current text.
    pub(crate) lines_start: usize,
    /// The scanner's state at the start of the lines.
    pub(crate) scanner: Scanner,
    pub(crate) at: Duration,
    /// The end of the last replaced part, where the cursor is while the user types.
    pub(crate) typed_to: usize,
}

impl Hunk {
    /// Returns the document.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the edited lines before the edit.
    pub fn old_lines(&self) -> &str {
        &self.old_lines
    }

    /// Returns the edited lines after the edit.
    pub fn new_lines(&self) -> &str {
        &self.new_lines
    }

    /// Returns the number, from 0, of the first of the lines when they were edited last.
    pub fn first_line(&self) -> usize {
        self.first_line
    }

    /// Returns the line above when the lines were edited last; `None` at the start of the text or
    /// if it is very long.
    pub fn above(&self) -> Option<&str> {
        self.above.as_deref()
    }

    /// Returns the line below when the lines were edited last; `None` at the end of the text or if
    /// it is very long.
    pub fn below(&self) -> Option<&str> {
        self.below.as_deref()
    }

    /// Returns when the hunk was edited last, since the start of the session.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// Builds the hunk of a replaced part. `range` is the replacement in `after`.
    pub(crate) fn new(after: &Snapshot, range: Range<usize>, old: String, at: Duration) -> Self {
        let first = after.line_of(ByteOffset(range.start));
        let start = after.line_start(first);
        let last = after.line_of(ByteOffset(range.end));
        let end = after.line_end(last);
        // A line end at the end of the text begins no line.
        let is_line = |line: usize| after.line_start(line).0 < after.n_bytes();
        let line = |line: usize| Some(after.line(line)).filter(|line| line.len() <= MAX_LINE_BYTES);
        let above = first.checked_sub(1).and_then(line);
        let below = Some(last + 1).filter(|line| is_line(*line)).and_then(line);
        let [before_part, after_part] =
            [start..ByteOffset(range.start), ByteOffset(range.end)..end]
                .map(|part| after.slice(part));
        Self {
            uri: after.uri().clone(),
            old_lines: format!("{before_part}{old}{after_part}"),
            new_lines: after.slice(start..end),
            first_line: first,
            above,
            below,
            lines_start: start.0,
            scanner: after.lexical_state(first),
            old,
            typed_to: range.end,
            range,
            at,
        }
    }

    /// Returns the range of the edited lines in the current text.
    pub(crate) fn lines(&self) -> Range<usize> {
        self.lines_start..self.lines_start + self.new_lines.len()
    }

    /// Whether a part of the current text is in the hunk's lines or touches them.
    pub(crate) fn touches(&self, part: &Range<usize>) -> bool {
        let lines = self.lines();
        part.start <= lines.end && lines.start <= part.end
    }

    /// Whether the lines are as they were.
    pub(crate) fn is_undone(&self) -> bool {
        self.old_lines == self.new_lines
    }

    pub(crate) fn n_bytes(&self) -> usize {
        self.old.len() + self.old_lines.len() + self.new_lines.len()
    }
}
