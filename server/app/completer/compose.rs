//! From the model's text to what the editor is to replace with what.
//!
//! The suggestion stage works in plain strings with `\n`; here its verdict becomes a
//! range of the snapshot and text in the document's own line endings.

use std::sync::Arc;

use lowkey_document::{ByteOffset, LineEnding, PositionEncoding};
use lowkey_suggestion::{Completion, Request, Verdict, trim};

use super::plan::{Frame, Question};
use super::{Answer, Insert, Outcome};
use crate::report::{InsertReport, Report, to_microseconds};

impl Frame {
    /// The suggestion stage's view of the question.
    pub(super) fn request(&self) -> Request<'_> {
        let on_blank_line = !self.context.replaced_indent.is_empty();
        Request {
            language: self.language,
            previous_lines: &self.previous_lines,
            before: if on_blank_line { "" } else { &self.cursor.before },
            replaced_tail: &self.context.replaced_tail,
            after: &self.context.line_after,
            next_lines: &self.next_lines,
            multiline: self.multiline,
            max_lines: self.max_lines,
        }
    }
}

impl Question {
    /// Makes the answer of what the model wrote behind the cursor.
    ///
    /// Of text that is not complete the last line is half a line and is not shown.
    pub(super) fn compose(
        &self,
        frame: &Frame,
        text: &str,
        is_complete: bool,
        mut report: Report,
    ) -> Answer {
        let verdict = trim(&frame.request(), Completion { text, is_complete });
        report.why.extend(verdict.why());
        let outcome = match verdict {
            Verdict::Show(suggestion) => {
                report.text.clone_from(&suggestion.text);
                let insert = self.insert(frame, &suggestion.text, suggestion.replaces_tail_bytes);
                report.insert = Some(self.insert_report(&insert));
                Outcome::Insert(insert)
            }
            Verdict::Silent { rule, text, .. } => {
                report.text = text;
                report.silent = Some(rule.to_owned());
                Outcome::Nothing
            }
        };
        report.ms.total = to_microseconds(self.asked.elapsed().as_secs_f64() * 1e3);
        Answer { id: self.id, outcome, others: Vec::new(), report: Arc::new(report) }
    }

    /// The range that `text` replaces, and the text in the document's line endings.
    fn insert(&self, frame: &Frame, text: &str, tail_bytes: usize) -> Insert {
        let ByteOffset(cursor) = frame.cursor.offset;
        let indent = &frame.context.replaced_indent;
        // Indentation that the suggestion keeps need not be replaced by itself.
        let (start, text) = match text.strip_prefix(indent.as_str()) {
            Some(rest) => (cursor, rest),
            None => (cursor.saturating_sub(indent.len()), text),
        };
        let text = match self.ask.snapshot.line_ending() {
            LineEnding::Lf => text.to_owned(),
            LineEnding::CrLf => text.replace('\n', "\r\n"),
            LineEnding::Cr => text.replace('\n', "\r"),
        };
        Insert { start: ByteOffset(start), end: ByteOffset(cursor + tail_bytes), text }
    }

    fn insert_report(&self, insert: &Insert) -> InsertReport {
        let at = |offset| {
            let position = self.ask.snapshot.position(offset, PositionEncoding::Utf16);
            [position.line, position.column]
        };
        InsertReport { start: at(insert.start), end: at(insert.end), text: insert.text.clone() }
    }
}
