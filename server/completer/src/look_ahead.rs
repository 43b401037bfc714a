//! Look-ahead: computes the user's most likely next request at low priority.
//!
//! The prompt changes most at the end of a line, because the FIM cut moves with the cursor's line.
//! When the line is complete, or when the user pauses on a shown suggestion, a background job
//! requests the next line. Its text is the document with the suggestion accepted and Enter pressed,
//! with the cursor at column 0. The answer is stored in the completion memory.
//!
//! Invariants: a look-ahead job has the lowest priority and works on a copy of the session; any
//! request that needs the model interrupts it within one token.

use std::sync::Arc;
use std::time::Duration;

use lowkey_document::{ByteOffset, LineEnding};
use lowkey_engine::Priority;

use crate::answer::{Answer, Outcome};
use crate::document_state::DocumentState;
use crate::insert::Insert;
use crate::plan::Plan;
use crate::report::TextSource;
use crate::request::{ActiveRequest, CompletionRequest, TimeLimit};
use crate::state::Completer;

/// A pause in typing after which a shown suggestion is considered likely.
const PAUSE: Duration = Duration::from_millis(600);

/// How often a replay checks whether the engine is idle.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// When to look ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The line is complete, and Enter is likely next.
    Now,
    /// When the user pauses here.
    Pause,
    /// There is no next line to compute.
    Never,
}

/// Returns when to look ahead from an answer.
pub(crate) fn occasion(request: &CompletionRequest, answer: &Answer) -> Occasion {
    let cursor = request.snapshot.cursor(request.cursor);
    let at_line_end = cursor.after.trim().is_empty();
    let on_blank_line = cursor.before.trim().is_empty();
    match &answer.outcome {
        Outcome::Insert(_) => Occasion::Pause,
        Outcome::Nothing if is_complete(answer) && at_line_end && !on_blank_line => Occasion::Now,
        Outcome::Nothing | Outcome::Superseded => Occasion::Never,
    }
}

/// Whether the model ended the line here: it ran and had nothing to add.
fn is_complete(answer: &Answer) -> bool {
    let report = &answer.report;
    report.source != TextSource::None && report.text.is_empty()
}

impl Completer {
    /// Submits a low-priority request for the line after that of the request.
    ///
    /// Does nothing if a newer request has arrived.
    fn look_ahead(&self, active: &ActiveRequest, outcome: &Outcome) {
        let request = ahead(&active.request, outcome);
        let (surface, uri) = (request.surface, active.uri());
        let is_wanted = self.documents().get_mut(uri).is_some_and(|state| {
            state.is_newest(surface, active.id) && state.look_ahead.should_look_ahead()
        });
        if !is_wanted {
            return;
        }
        let mut then = active.clone();
        then.request = request;
        if let Plan::Wait(waiting) = self.plan(&then, Priority::Background) {
            let mut documents = self.documents();
            let state = documents.get_mut(uri);
            if let Some(state) = state.filter(|state| state.is_newest(surface, active.id)) {
                state.look_ahead.record_look_ahead(waiting.prepared.key.clone());
                state.started_ahead(waiting.job, !waiting.joined);
            }
        }
    }

    /// Schedules the look-ahead from an answer.
    pub(crate) fn schedule(
        self: &Arc<Self>,
        occasion: Occasion,
        active: ActiveRequest,
        answer: &Answer,
    ) {
        match occasion {
            Occasion::Never => {}
            Occasion::Now => self.look_ahead(&active, &answer.outcome),
            // A command that requests one completion needs no look-ahead.
            Occasion::Pause if active.request.time_limit == TimeLimit::Unlimited => {}
            Occasion::Pause => {
                let completer = Arc::downgrade(self);
                tokio::spawn(async move {
                    if tokio::time::timeout(PAUSE, active.superseded()).await.is_err()
                        && let Some(completer) = completer.upgrade()
                    {
                        completer.paused_typing();
                    }
                });
            }
        }
    }

    /// Looks ahead from the suggestion on the screen, after the user has paused.
    fn paused_typing(&self) {
        let mut documents = self.documents();
        let Some((active, outcome)) = documents.shown_last.take() else { return };
        let snapshot = &active.request.snapshot;
        let place = (snapshot.line_of(active.request.cursor), snapshot.n_lines());
        // Once per line: a second pause makes the suggestion unlikely.
        let is_new = documents
            .get_mut(active.uri())
            .is_some_and(|state| state.looked_ahead_from.replace(place) != Some(place));
        drop(documents);
        if is_new {
            self.look_ahead(&active, &outcome);
        }
    }

    /// Simulates a pause of the user: computes what look-ahead would compute in that time, and
    /// returns early if it finishes.
    ///
    /// For replaying traces faster than they were typed.
    pub async fn idle(&self, pause: Duration) {
        if pause >= PAUSE {
            self.paused_typing();
        }
        let ahead: Vec<_> = self.documents().states().filter_map(DocumentState::ahead).collect();
        let all = async {
            for job in ahead {
                let mut progress = job.progress.clone();
                // An error means that the job is gone, so it has ended too.
                let _ = progress.wait_for(|progress| progress.ended.is_some()).await;
            }
            while self.engine.is_prefilling() {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        let _ = tokio::time::timeout(pause, all).await;
    }
}

/// Returns the request after the suggestion is accepted and Enter is pressed.
fn ahead(request: &CompletionRequest, outcome: &Outcome) -> CompletionRequest {
    let mut snapshot = request.snapshot.clone();
    let mut cursor = request.cursor;
    if let Outcome::Insert(Insert { start, end, text }) = outcome {
        snapshot = snapshot.with_edit(*start..*end, text);
        cursor = ByteOffset(start.0 + text.len());
    }
    let line_end = snapshot.line_end(snapshot.line_of(cursor));
    let enter = match snapshot.line_ending() {
        LineEnding::Lf => "\n",
        LineEnding::CrLf => "\r\n",
        LineEnding::Cr => "\r",
    };
    let snapshot = snapshot.with_edit(line_end..line_end, enter);
    let cursor = ByteOffset(line_end.0 + enter.len());
    CompletionRequest {
        surface: request.surface,
        multiline: request.multiline,
        has_accepted: matches!(outcome, Outcome::Insert(_)),
        time_limit: TimeLimit::Unlimited,
        indent_unit: request.indent_unit,
        elsewhere: request.elsewhere.clone(),
        desynced: request.desynced,
        ..CompletionRequest::new(snapshot, cursor)
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::fixture;

    use super::*;

    fn check(text: &str, outcome: &Outcome) -> (String, usize) {
        let (snapshot, cursor) = fixture::open("rust", text);
        let request = CompletionRequest::new(snapshot, cursor.offset);
        let ahead = ahead(&request, outcome);
        (ahead.snapshot.text(), ahead.cursor.0)
    }

    #[test]
    fn look_ahead_follows_a_complete_line() {
        assert_eq!(check("a;$0\nb\n", &Outcome::Nothing), ("a;\n\nb\n".into(), 3));
        assert_eq!(check("a;$0\r\nb\r\n", &Outcome::Nothing), ("a;\r\n\r\nb\r\n".into(), 4));
    }

    #[test]
    fn suggestion_counts_as_accepted() {
        let insert = Insert { start: ByteOffset(3), end: ByteOffset(4), text: "x)".into() };
        assert_eq!(check("f(a$0)\n", &Outcome::Insert(insert)), ("f(ax)\n\n".into(), 6));
    }
}
