//! Observes what the user does with a suggestion: accepts all or part of it, types it, or rejects
//! it; and whether it is retained.
//!
//! No protocol reports this in full: only VS Code runs a command after an accept, and no client
//! reports a rejection. This module therefore derives it from the edits that follow. If one edit
//! gives the text that accepting would give, the suggestion was accepted. If one edit adds some
//! words of it, it was partly accepted. If it is added letter by letter, the user typed it. Any
//! other change at the cursor rejects it.
//!
//! Invariants: a suggestion has one end; a clock that stops or jumps affects only the count
//! "retained".

use std::time::{Duration, Instant};

use lowkey_document::{ByteOffset, Snapshot};

use crate::insert::Insert;

/// Time after which accepted text that is still in the document counts as retained.
const RETAINED_AFTER: Duration = Duration::from_secs(30);
/// An edit with at least this many characters is not a single key, even with composed or
/// auto-closed characters.
const AT_ONCE_CHARS: usize = 2;
/// Maximum number of accepted suggestions watched at a time; further ones are not judged.
const MAX_WATCHED: usize = 16;

/// Bytes before a suggestion by which its place is recognized: a replaced letter before it keeps the
/// document's length.
const BEFORE_BYTES: usize = 64;

/// Returns the text before a suggestion.
fn text_before(snapshot: &Snapshot, start: ByteOffset) -> String {
    snapshot.slice(ByteOffset(start.0.saturating_sub(BEFORE_BYTES))..start)
}

/// The suggestion on the screen.
#[derive(Debug, Clone)]
struct Shown {
    id: u64,
    start: ByteOffset,
    /// The text before `start`, at most [`BEFORE_BYTES`].
    before: String,
    text: String,
    /// Length of the document in bytes with all of it accepted.
    accepted_bytes: usize,
    /// Length of the document in bytes when it was shown, and how many bytes of the text it had
    /// then.
    at_first: (usize, usize),
    /// How many bytes of the text the document has now.
    n_there: usize,
    /// Characters that arrived in one edit.
    taken_chars: usize,
    probability: Option<f32>,
}

/// The outcome of a suggestion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FeedbackKind {
    /// All of it was accepted, at once or as the rest after some words; this many characters.
    Accepted(usize),
    /// This many characters were accepted, then the user wrote other text.
    PartlyAccepted(usize),
    /// The user typed all of it.
    Typed,
    /// The user wrote other text, or moved the cursor away.
    Rejected,
}

/// An outcome, with the gate's estimate for the suggestion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FeedbackEvent {
    pub(crate) kind: FeedbackKind,
    pub(crate) probability: Option<f32>,
}

/// Whether an accepted suggestion was still in the text after its time, and its characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retained {
    pub(crate) is_retained: bool,
    pub(crate) chars: usize,
}

/// An accepted suggestion, and the document after its time.
#[derive(Debug, Clone)]
pub(crate) struct RetentionCheck {
    text: String,
    since: Instant,
    /// The newest text of the document within that time.
    last: Snapshot,
}

/// The state of a document after the latest suggestion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SuggestionState {
    /// Whether the shown suggestion has several lines and the document continues it.
    pub(crate) follows_lines: bool,
    /// Whether the cursor is directly after an accepted suggestion, or on the blank line that Enter
    /// began there.
    pub(crate) is_after_accepted: bool,
}

/// The suggestions of one document that are shown or were accepted recently.
#[derive(Debug, Default)]
pub(crate) struct Feedback {
    shown: Option<Shown>,
    watched: Vec<RetentionCheck>,
    /// The document's language.
    language: String,
    /// The suggestion that the edits have already shown to be accepted.
    counted: Option<u64>,
    /// The cursor after the last suggestion that was accepted to its end.
    accepted_end: Option<AcceptedEnd>,
}

/// The place after a suggestion that was accepted to its end.
#[derive(Debug, Clone, Copy)]
struct AcceptedEnd {
    end: ByteOffset,
    /// Length of the document in bytes at that time.
    n_bytes: usize,
}

impl Feedback {
    /// Returns the document's language at the last shown suggestion.
    pub(crate) fn language(&self) -> &str {
        &self.language
    }

    /// Records that `insert` is shown in `snapshot`; returns whether it differs from the suggestion
    /// before.
    pub(crate) fn show(
        &mut self,
        id: u64,
        (snapshot, cursor): (&Snapshot, ByteOffset),
        insert: &Insert,
        probability: Option<f32>,
    ) -> bool {
        if self.language != snapshot.language_id() {
            snapshot.language_id().clone_into(&mut self.language);
        }
        let n_bytes = snapshot.n_bytes();
        let n_there = cursor.0.saturating_sub(insert.start.0).min(insert.text.len());
        let mut shown = Shown {
            id,
            start: insert.start,
            before: text_before(snapshot, insert.start),
            text: insert.text.clone(),
            accepted_bytes: (n_bytes + insert.text.len())
                .saturating_sub(insert.end.0.saturating_sub(insert.start.0)),
            at_first: (n_bytes, n_there),
            n_there,
            taken_chars: 0,
            probability,
        };
        let Some(before) = self.shown.take() else {
            self.shown = Some(shown);
            return true;
        };
        let typed = snapshot.slice(before.start..insert.start.max(before.start));
        let whole = format!("{typed}{}", insert.text);
        let goes_on = whole.starts_with(&before.text) || before.text.starts_with(&whole);
        if goes_on && insert.start >= before.start {
            // It is the same suggestion, further along; the gate's first estimate applies.
            shown.taken_chars = before.taken_chars;
            shown.probability = before.probability;
            shown.start = before.start;
            shown.before = before.before;
            shown.n_there += typed.len();
            shown.at_first.1 = shown.n_there;
            shown.text = whole;
        }
        self.shown = Some(shown);
        !goes_on
    }

    /// Returns the rest of the suggestion on the screen after `cursor`, if the text before `cursor`
    /// agrees with it.
    pub(crate) fn rest(&self, snapshot: &Snapshot, cursor: ByteOffset) -> Option<&str> {
        let shown = self.shown.as_ref()?;
        let n = cursor.0.checked_sub(shown.start.0)?;
        let rest = shown.text.get(n..).filter(|rest| !rest.is_empty())?;
        let is_there =
            shown.is_typed(snapshot, n) && shown.before == text_before(snapshot, shown.start);
        is_there.then_some(rest)
    }

    /// Returns the state of the document after the latest suggestion.
    pub(crate) fn suggestion_state(
        &self,
        snapshot: &Snapshot,
        cursor: ByteOffset,
    ) -> SuggestionState {
        SuggestionState {
            follows_lines: self.follows_lines(snapshot, cursor),
            is_after_accepted: self.is_after_accepted(snapshot, cursor),
        }
    }

    fn follows_lines(&self, snapshot: &Snapshot, cursor: ByteOffset) -> bool {
        self.shown.as_ref().is_some_and(|shown| {
            let typed = cursor.0.checked_sub(shown.start.0);
            typed.is_some_and(|n| n < shown.text.len() && shown.is_typed(snapshot, n))
                && shown.text.contains(['\n', '\r'])
        })
    }

    fn is_after_accepted(&self, snapshot: &Snapshot, cursor: ByteOffset) -> bool {
        self.accepted_end.is_some_and(|AcceptedEnd { end, n_bytes }| {
            let typed = cursor.0.checked_sub(end.0);
            typed.is_some() && typed == snapshot.n_bytes().checked_sub(n_bytes) && {
                let typed = snapshot.slice(end..cursor);
                typed.trim().is_empty() && (typed.is_empty() || typed.contains(['\n', '\r']))
            }
        })
    }

    /// Drops the suggestion on the screen: the editor never got it, or no longer draws it.
    pub(crate) fn withdraw(&mut self) {
        self.shown = None;
    }

    /// Observes the document after an edit.
    pub(crate) fn after_edit(
        &mut self,
        snapshot: &Snapshot,
        now: Instant,
    ) -> Option<FeedbackEvent> {
        for check in &mut self.watched {
            if now.saturating_duration_since(check.since) < RETAINED_AFTER {
                check.last = snapshot.clone();
            }
        }
        let shown = self.shown.as_mut()?;
        let n_bytes = snapshot.n_bytes();
        let (first_bytes, first_there) = shown.at_first;
        // The bytes of the text that the document must have if only the text was added.
        let n_there = (first_there + n_bytes).checked_sub(first_bytes);
        let is_whole =
            n_bytes == shown.accepted_bytes && shown.is_typed(snapshot, shown.text.len());
        let n_new = match n_there {
            _ if is_whole => shown.text.len(),
            Some(n) if n < shown.text.len() && shown.is_typed(snapshot, n) => n,
            _ => return None,
        };
        let came = shown.text.get(shown.n_there..n_new).unwrap_or_default().chars().count();
        let at_once = if came >= AT_ONCE_CHARS { came } else { 0 };
        shown.taken_chars += at_once;
        shown.n_there = n_new;
        if !is_whole {
            return None;
        }
        let chars = shown.taken_chars;
        let kind = if chars > 0 { FeedbackKind::Accepted(chars) } else { FeedbackKind::Typed };
        Some(self.finish(kind, snapshot, now))
    }

    /// Observes the document and the cursor before the next request: text that differs from the
    /// suggestion rejects it.
    pub(crate) fn before_request(
        &mut self,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        now: Instant,
    ) -> Option<FeedbackEvent> {
        if let Some(event) = self.after_edit(snapshot, now) {
            return Some(event);
        }
        let shown = self.shown.as_ref()?;
        let typed = (cursor >= shown.start).then(|| cursor.0 - shown.start.0);
        if typed.is_some_and(|n| n < shown.text.len() && shown.is_typed(snapshot, n)) {
            return None;
        }
        let chars = shown.taken_chars;
        let kind =
            if chars > 0 { FeedbackKind::PartlyAccepted(chars) } else { FeedbackKind::Rejected };
        Some(self.finish(kind, snapshot, now))
    }

    /// Records the editor's report that a suggestion was accepted; `None` if the edits showed it
    /// before.
    pub(crate) fn accepted(&mut self, id: u64) -> Option<FeedbackEvent> {
        if self.counted == Some(id) {
            return None;
        }
        let shown = self.shown.as_ref().filter(|shown| shown.id == id)?;
        let n_left = shown.text.get(shown.n_there..).unwrap_or_default().chars().count();
        let kind = FeedbackKind::Accepted(shown.taken_chars + n_left);
        let probability = shown.probability;
        self.counted = Some(id);
        self.shown = None;
        Some(FeedbackEvent { kind, probability })
    }

    /// Returns the accepted suggestions whose time has passed.
    pub(crate) fn take_due_checks(&mut self, now: Instant) -> Vec<RetentionCheck> {
        let is_due = |check: &mut RetentionCheck| {
            now.saturating_duration_since(check.since) >= RETAINED_AFTER
        };
        self.watched.extract_if(.., is_due).collect()
    }

    fn finish(&mut self, kind: FeedbackKind, snapshot: &Snapshot, now: Instant) -> FeedbackEvent {
        let shown = self.shown.take();
        self.accepted_end = None;
        if let (FeedbackKind::Accepted(_), Some(shown)) = (&kind, &shown) {
            self.counted = Some(shown.id);
            let end = ByteOffset(shown.start.0 + shown.text.len());
            self.accepted_end = Some(AcceptedEnd { end, n_bytes: snapshot.n_bytes() });
            if self.watched.len() < MAX_WATCHED {
                let (text, last) = (shown.text.clone(), snapshot.clone());
                self.watched.push(RetentionCheck { text, since: now, last });
            }
        }
        FeedbackEvent { kind, probability: shown.and_then(|shown| shown.probability) }
    }
}

impl RetentionCheck {
    /// Searches the document for the suggestion; too slow for the message path.
    pub(crate) fn search(&self) -> Retained {
        let text = self.text.trim();
        Retained { is_retained: self.last.text().contains(text), chars: text.chars().count() }
    }
}

impl Shown {
    /// Whether the document has the first `n` bytes of the text at its start.
    fn is_typed(&self, snapshot: &Snapshot, n: usize) -> bool {
        let end = self.start.0 + n;
        let Some(wanted) = self.text.get(..n) else { return false };
        end <= snapshot.n_bytes() && snapshot.slice(self.start..ByteOffset(end)) == wanted
    }
}

#[cfg(test)]
mod tests;
