//! Prefilling the prompt where the cursor rests, before the first key.
//!
//! A client that says where the cursor rests (`$/lowkey/cursor`) gets the prompt of that
//! place computed at low priority, so that the first request there finds it in a session.
//! Nothing is decoded, remembered or reported.
//!
//! Invariants: at most one such job exists, whatever the number of documents; a place where
//! a request would be silent is not prefilled; a request on another line ends the job.

use std::sync::Arc;
use std::time::Instant;

use lowkey_engine::{Job, Priority, Status, Ticket};
use tokio::sync::watch;

use crate::document_state::Subject;
use crate::plan::Question;
use crate::{Ask, Completer, lock};

/// The name under which the engine knows the job: one for all documents, so that a newer place
/// supersedes the one before.
const HISTORY: &str = "\0rests";

/// Where the cursor rests.
#[derive(Default)]
pub(crate) struct Resting {
    /// The place that was prefilled last or is being prefilled. Dropping the ticket ends the job.
    last: Option<(Spot, Ticket)>,
    /// The newest place that was named while the model loaded.
    waiting: Option<Ask>,
}

/// A place in a text.
#[derive(PartialEq, Eq)]
struct Spot {
    uri: String,
    about: Subject,
    line: usize,
}

impl Spot {
    fn of(ask: &Ask) -> Self {
        let snapshot = &ask.snapshot;
        Self {
            uri: snapshot.uri().to_string(),
            about: (snapshot.version(), snapshot.n_bytes(), ask.cursor.0),
            line: snapshot.line_of(ask.cursor),
        }
    }

    /// Whether a request at `ask` still gains from a job at this place.
    fn serves(&self, ask: &Ask) -> bool {
        let snapshot = &ask.snapshot;
        self.uri == **snapshot.uri() && self.line == snapshot.line_of(ask.cursor)
    }
}

impl Completer {
    /// Prefills the prompt that a request at this place would use, at low priority.
    ///
    /// Does nothing when the place is the one of the last call, and nothing where a request
    /// would be silent. While the model loads, the newest place waits. Must be called within a
    /// tokio runtime.
    pub fn rests(self: &Arc<Self>, ask: Ask) {
        if !matches!(self.status(), Status::Loading(_)) {
            self.prefill(ask);
            return;
        }
        if lock(&self.resting).waiting.replace(ask).is_some() {
            return;
        }
        let completer = Arc::downgrade(self);
        let mut status = self.status.clone();
        tokio::spawn(async move {
            let loaded = status.wait_for(|status| !matches!(status, Status::Loading(_)));
            if loaded.await.is_err() {
                return;
            }
            if let Some(completer) = completer.upgrade() {
                let waiting = lock(&completer.resting).waiting.take();
                if let Some(ask) = waiting {
                    completer.prefill(ask);
                }
            }
        });
    }

    fn prefill(&self, ask: Ask) {
        let settings = self.settings();
        if !settings.prefill_at_cursor {
            return;
        }
        let spot = Spot::of(&ask);
        if lock(&self.resting).last.as_ref().is_some_and(|(last, _)| *last == spot) {
            return;
        }
        let asked = Instant::now();
        let question = Question { id: 0, asked, ask, newest: watch::channel(0).1 };
        // A request would be silent here. The cursor has left the previous place, so its job ends too.
        let Ok((frame, budget, _)) = self.framed(&question, &settings) else {
            lock(&self.resting).last = None;
            return;
        };
        let context = frame.prompted().clone();
        let work = Arc::clone(&self.work);
        let job = Job {
            document: HISTORY.into(),
            priority: Priority::Background,
            prepare: Box::new(move |assembler| Some(assembler.assemble(&context, &budget))),
            max_tokens: 0,
            // The small prompt comes first: the user may type before the whole one is computed.
            first: self.first(&question, &frame, budget),
            n_openings: 0,
            must_write: false,
            second: None,
            sampling: frame.sampling,
            stop: Box::new(|_| None),
            on_text: Box::new(|_| {}),
            done: Box::new(move |generated| {
                let tokens = generated.tokens;
                work.add(Priority::Background, &tokens);
                tracing::debug!(
                    stop = ?generated.stop,
                    reused = tokens.reused,
                    prefilled = tokens.prefilled,
                    "prefilled where the cursor rests"
                );
            }),
            persists: frame.persists,
            asked,
        };
        let ticket = self.engine.submit(job);
        lock(&self.resting).last = Some((spot, ticket));
    }

    /// Ends the job when a request asks on another line: the user has gone there.
    pub(crate) fn rests_no_more(&self, ask: &Ask) {
        let mut resting = lock(&self.resting);
        resting.last.take_if(|(spot, _)| !spot.serves(ask));
        resting.waiting.take_if(|waiting| !Spot::of(waiting).serves(ask));
    }

    /// Ends the job of a document that was closed.
    pub(crate) fn rests_not_in(&self, uri: &str) {
        let mut resting = lock(&self.resting);
        resting.last.take_if(|(spot, _)| spot.uri == uri);
        resting.waiting.take_if(|ask| **ask.snapshot.uri() == *uri);
    }

    /// Ends the job, because settings have changed and with them what a request would use.
    pub(crate) fn rests_anew(&self) {
        lock(&self.resting).last = None;
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::{ByteOffset, Document};

    use super::*;

    fn ask(uri: &str, version: i32, cursor: usize) -> Ask {
        let document = Document::open(uri, "rust", version, "let a;\nlet b;\n");
        Ask::new(document.snapshot(), ByteOffset(cursor))
    }

    #[test]
    fn a_job_serves_requests_on_its_line_only() {
        let spot = Spot::of(&ask("file:///a.rs", 1, 3));
        assert!(spot.serves(&ask("file:///a.rs", 2, 6)), "the next keys on the line");
        assert!(!spot.serves(&ask("file:///a.rs", 1, 7)), "another line");
        assert!(!spot.serves(&ask("file:///b.rs", 1, 3)), "another document");
    }

    #[test]
    fn another_text_is_another_place() {
        let spot = Spot::of(&ask("file:///a.rs", 1, 3));
        assert!(spot == Spot::of(&ask("file:///a.rs", 1, 3)));
        for other in [ask("file:///a.rs", 2, 3), ask("file:///a.rs", 1, 4)] {
            assert!(spot != Spot::of(&other));
        }
    }
}
