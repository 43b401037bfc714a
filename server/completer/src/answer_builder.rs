//! Converts the model's text to a replaced range and its new text.
//!
//! The suggestion stage works on plain strings with `\n`. This module converts its result to a
//! range of the snapshot and text with the document's line endings. At the end, the gate decides
//! whether to show it. An explicit request always shows it.

use std::sync::Arc;

use lowkey_document::{ByteOffset, LineEnding, PositionEncoding};
use lowkey_suggestion::{
    Completion, Confidence, Evidence, GATE, Gate, Judgement, PositionClass, SuffixClass,
    SuggestionThreshold, TrimOutcome, trim,
};

use crate::answer::{Answer, Outcome};
use crate::insert::Insert;
use crate::prepared_request::PreparedRequest;
use crate::refine_rules::without_judgement;
use crate::report::{GateReport, InsertReport, Report, to_microseconds};
use crate::request::{ActiveRequest, Trigger};
use crate::state::Completer;

/// The model's text after the cursor, before the trims.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawCompletion<'a> {
    pub(crate) text: &'a str,
    /// If false, the last line is incomplete and is not shown.
    pub(crate) is_complete: bool,
    /// The model's confidence; `None` for an empty text.
    pub(crate) confidence: Option<Confidence>,
    /// Bytes typed after the anchor when the text was decoded. Text typed since then agrees with
    /// it.
    pub(crate) typed_bytes: usize,
}

impl Completer {
    /// Builds the answer: trims the model's text and applies the gate.
    pub(crate) fn build_answer(
        &self,
        active: &ActiveRequest,
        prepared: &PreparedRequest,
        raw: RawCompletion<'_>,
        mut report: Report,
    ) -> Answer {
        let RawCompletion { text, is_complete, confidence, .. } = raw;
        let is_judged = confidence.is_some() || active.request.trigger == Trigger::Invoked;
        let text = if is_judged { text } else { without_judgement(text) };
        if text.len() < raw.text.len() {
            let why = "gate: the model reports no probabilities, so only the first line is shown";
            report.why.push(why.into());
        }
        report.confidence = confidence;
        report.n_snippets = prepared.context.snippets.len();
        let lines = prepared.lines.map(|lines| format!("lines: several, because {}", lines.why));
        report.why.extend(lines);
        report.untrimmed = Some(insert(active, prepared, text, 0));
        let trimmed = trim(&prepared.for_suggestion(), Completion { text, is_complete });
        report.why.extend(trimmed.why());
        report.trims = trimmed.trims().iter().map(|trimmed| trimmed.rule).collect();
        let outcome = match trimmed {
            TrimOutcome::Show(suggestion) => {
                report.text.clone_from(&suggestion.text);
                let insert =
                    insert(active, prepared, &suggestion.text, suggestion.replaces_tail_bytes);
                let judgement = evidence(prepared, &raw, &insert.text).map(|evidence| {
                    Gate::of_model(&report.model).judge(
                        evidence,
                        &self.documents().recent,
                        self.settings().suggestion_threshold,
                    )
                });
                let threshold = self.settings().suggestion_threshold;
                if report.passes(judgement.as_ref(), active.request.trigger, threshold) {
                    report.insert = Some(insert_report(active, &insert));
                    Outcome::Insert(insert)
                } else {
                    Outcome::Nothing
                }
            }
            TrimOutcome::Silent { rule, text, .. } => {
                report.text = text;
                report.silent = Some(rule.to_owned());
                Outcome::Nothing
            }
        };
        report.ms.total = to_microseconds(active.elapsed_ms());
        Answer { id: active.id, outcome, others: Vec::new(), report: Arc::new(report) }
    }
}

impl Report {
    /// Records the gate's verdict; returns whether to show the suggestion.
    ///
    /// A text without probabilities cannot be judged. It is shown automatically unless the user
    /// wants only very probable ones.
    fn passes(
        &mut self,
        judgement: Option<&Judgement>,
        trigger: Trigger,
        threshold: SuggestionThreshold,
    ) -> bool {
        let Some(judgement) = judgement else {
            let shows = trigger == Trigger::Invoked || threshold != SuggestionThreshold::Quiet;
            if !shows {
                self.silent = Some(GATE.to_owned());
                let why = "silent: gate: the model reports no probabilities, and the setting suggestion_threshold is quiet";
                self.why.push(why.into());
            }
            return shows;
        };
        let Judgement { probability, threshold, .. } = *judgement;
        self.gate = Some(GateReport { probability, threshold });
        let by_key = trigger == Trigger::Invoked;
        let shows = by_key || judgement.shows();
        self.why.push(if by_key {
            format!("gate: open, because you requested the suggestion; otherwise: {judgement}")
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

/// Returns the gate's input: the place where the text was decoded, and the text typed since.
fn evidence(
    prepared: &PreparedRequest,
    raw: &RawCompletion<'_>,
    inserted: &str,
) -> Option<Evidence> {
    let typed = prepared.typed();
    let at = typed.floor_char_boundary(raw.typed_bytes);
    let (before, agreed) = typed.split_at_checked(at)?;
    let rest = &prepared.cursor.after;
    Some(Evidence {
        confidence: raw.confidence?,
        position: PositionClass::of(before.rsplit('\n').next().unwrap_or_default()),
        suffix: SuffixClass::of(rest),
        chars: inserted.chars().count() + agreed.chars().count(),
        lines: inserted.lines().count() + agreed.matches('\n').count(),
        agreed_chars: agreed.chars().count(),
    })
}

/// Returns the range that `text` replaces, and the text in the document's line endings.
fn insert(
    active: &ActiveRequest,
    prepared: &PreparedRequest,
    text: &str,
    tail_bytes: usize,
) -> Insert {
    let ByteOffset(cursor) = prepared.cursor.offset;
    let indent = &prepared.context.replaced_indent;
    // Indentation that stays the same need not be replaced.
    let (start, text) = match text.strip_prefix(indent.as_str()) {
        Some(rest) => (cursor, rest),
        None => (cursor.saturating_sub(indent.len()), text),
    };
    let text = match active.request.snapshot.line_ending() {
        LineEnding::Lf => text.to_owned(),
        LineEnding::CrLf => text.replace('\n', "\r\n"),
        LineEnding::Cr => text.replace('\n', "\r"),
    };
    Insert { start: ByteOffset(start), end: ByteOffset(cursor + tail_bytes), text }
}

fn insert_report(active: &ActiveRequest, insert: &Insert) -> InsertReport {
    let at = |offset| {
        let position = active.request.snapshot.position(offset, PositionEncoding::Utf16);
        [position.line, position.column]
    };
    InsertReport { start: at(insert.start), end: at(insert.end), text: insert.text.clone() }
}
