//! From the model's text to what the editor is to replace with what.
//!
//! The suggestion stage works in plain strings with `\n`; here its verdict becomes a
//! range of the snapshot and text in the document's own line endings. Last, the gate
//! decides whether it is worth showing; what the user asks for by a key always is.

use std::sync::Arc;

use lowkey_document::{ByteOffset, LineEnding, PositionEncoding};
use lowkey_suggestion::{
    Completion, Confidence, Evidence, GATE, Gate, Judgement, PositionClass, Request, SuffixClass,
    Verdict, trim,
};

use crate::plan::{Frame, Question};
use crate::report::{GateReport, InsertReport, Report, to_microseconds};
use crate::{Answer, Completer, Insert, Outcome, Trigger, lock};

impl Frame {
    /// The suggestion stage's view of the question.
    pub(crate) fn request(&self) -> Request<'_> {
        let on_blank_line = !self.context.replaced_indent.is_empty();
        Request {
            language: self.language,
            previous_lines: &self.previous_lines,
            lexical: Some(&self.lexical),
            before: if on_blank_line { "" } else { &self.cursor.before },
            replaced_indent: &self.context.replaced_indent,
            replaced_tail: &self.context.replaced_tail,
            after: &self.context.line_after,
            next_lines: &self.next_lines,
            multiline: self.lines.is_some(),
            max_lines: self.lines.map_or(1, |lines| lines.most),
            indent_unit: self.indent_unit,
        }
    }
}

/// What the model wrote behind the cursor, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) text: &'a str,
    /// Of text that is not complete the last line is half a line and is not shown.
    pub(crate) is_complete: bool,
    /// How sure the model was; `None` when it wrote nothing.
    pub(crate) confidence: Option<Confidence>,
    /// How many bytes from the anchor on had been typed when it was decoded; what was typed since agrees with it.
    pub(crate) typed_bytes: usize,
}

impl Completer {
    /// Makes the answer of what the model wrote: trims it, and asks the gate.
    pub(crate) fn compose(
        &self,
        question: &Question,
        frame: &Frame,
        written: Written<'_>,
        mut report: Report,
    ) -> Answer {
        let Written { text, is_complete, confidence, .. } = written;
        report.confidence = confidence;
        let lines = frame.lines.map(|lines| format!("lines: several, because {}", lines.why));
        report.why.extend(lines);
        report.untrimmed = Some(question.insert(frame, text, 0));
        let verdict = trim(&frame.request(), Completion { text, is_complete });
        report.why.extend(verdict.why());
        report.trims = verdict.trims().iter().map(|trimmed| trimmed.rule).collect();
        let outcome = match verdict {
            Verdict::Show(suggestion) => {
                report.text.clone_from(&suggestion.text);
                let insert =
                    question.insert(frame, &suggestion.text, suggestion.replaces_tail_bytes);
                let judgement = evidence(frame, &written, &insert.text).map(|evidence| {
                    Gate::of_model(&report.model).judge(
                        evidence,
                        &lock(&self.recent),
                        self.settings().talkative,
                    )
                });
                if report.passes(judgement.as_ref(), question.ask.trigger) {
                    report.insert = Some(question.insert_report(&insert));
                    Outcome::Insert(insert)
                } else {
                    Outcome::Nothing
                }
            }
            Verdict::Silent { rule, text, .. } => {
                report.text = text;
                report.silent = Some(rule.to_owned());
                Outcome::Nothing
            }
        };
        report.ms.total = to_microseconds(question.asked.elapsed().as_secs_f64() * 1e3);
        Answer { id: question.id, outcome, others: Vec::new(), report: Arc::new(report) }
    }
}

impl Report {
    /// Notes the gate's verdict and says whether the suggestion is to be shown.
    fn passes(&mut self, judgement: Option<&Judgement>, trigger: Trigger) -> bool {
        let Some(judgement) = judgement else { return true };
        let Judgement { probability, threshold, .. } = *judgement;
        self.gate = Some(GateReport { probability, threshold });
        let by_key = trigger == Trigger::Invoked;
        let shows = by_key || judgement.shows();
        self.why.push(if by_key {
            format!("gate: open, because you asked by a key; otherwise: {judgement}")
        } else {
            format!("gate: {judgement}")
        });
        if !shows {
            self.silent = Some(GATE.to_owned());
            self.why.push(format!("silent: {GATE}"));
        }
        shows
    }
}

/// What the gate goes by: the place where the text was decoded, and what was typed of it since.
fn evidence(frame: &Frame, written: &Written<'_>, inserted: &str) -> Option<Evidence> {
    let typed = &frame.context.line_before;
    let at = typed.floor_char_boundary(written.typed_bytes);
    let (before, agreed) = typed.split_at_checked(at)?;
    let rest = &frame.cursor.after;
    Some(Evidence {
        confidence: written.confidence?,
        position: PositionClass::of(before.rsplit('\n').next().unwrap_or_default()),
        suffix: SuffixClass::of(rest),
        chars: inserted.chars().count() + agreed.chars().count(),
        lines: inserted.lines().count() + agreed.matches('\n').count(),
        agreed_chars: agreed.chars().count(),
    })
}

impl Question {
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
