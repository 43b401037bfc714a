//! One recent edit: the lines before it and after it.

use std::ops::Range;
use std::time::Duration;

use lowkey_document::lexical::Scanner;
use lowkey_document::{ByteOffset, Snapshot, Uri};

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
    /// The start of `new_lines` in the current text.
    pub(crate) lines_start: usize,
    /// The scanner's state at the start of the lines.
    pub(crate) scanner: Scanner,
    pub(crate) at: Duration,
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

    /// Returns when the hunk was edited last, since the start of the session.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// Builds the hunk of a replaced part. `range` is the replacement in `after`.
    pub(crate) fn new(after: &Snapshot, range: Range<usize>, old: String, at: Duration) -> Self {
        let first = after.line_of(ByteOffset(range.start));
        let start = after.line_start(first);
        let end = after.line_end(after.line_of(ByteOffset(range.end)));
        let [before_part, after_part] =
            [start..ByteOffset(range.start), ByteOffset(range.end)..end]
                .map(|part| after.slice(part));
        Self {
            uri: after.uri().clone(),
            old_lines: format!("{before_part}{old}{after_part}"),
            new_lines: after.slice(start..end),
            lines_start: start.0,
            scanner: after.lexical_state(first),
            old,
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
