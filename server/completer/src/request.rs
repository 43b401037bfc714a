//! A request for a completion: the document, the cursor, and how the answer is wanted.

use std::time::Instant;

use lowkey_document::{ByteOffset, Snapshot, Uri};
use lowkey_suggestion::IndentUnit;
use tokio::sync::watch;

/// What asked for the completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Typing.
    Automatic,
    /// A key or a command.
    Invoked,
}

/// Where the answer is shown. Each surface of a document has one request of its own, so that an editor that fills a
/// popup and draws ghost text at one cursor gets both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// After the cursor, or on a terminal.
    Inline,
    /// As an entry of the completion popup.
    Popup,
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeLimit {
    /// The time budget of the settings: complete lines by then, one second at most.
    Budget,
    /// No limit: the command line.
    Unlimited,
}

/// A request for a completion at a cursor.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// The document as it is now.
    pub snapshot: Snapshot,
    /// Where in it.
    pub cursor: ByteOffset,
    /// What asked for it.
    pub trigger: Trigger,
    /// Where it is shown.
    pub surface: Surface,
    /// Look for this many other texts to offer beside the best one.
    pub alternatives: usize,
    /// Decode at most this many tokens; `None` leaves it to the settings.
    pub max_tokens: Option<usize>,
    /// Whether the answer may span lines; `None` leaves it to the settings.
    pub multiline: Option<bool>,
    /// Whether the text at the cursor is an accepted suggestion; where false, the edits seen so far decide.
    pub has_accepted: bool,
    /// How long it may take.
    pub time_limit: TimeLimit,
    /// One step of indentation, where the editor says it.
    pub indent_unit: Option<IndentUnit>,
    /// Whether the editor and the server disagree about the text: then there is no suggestion.
    pub desynced: bool,
}

impl CompletionRequest {
    /// Builds a request as typing makes it: one line or what the settings say, within the time budget.
    pub fn new(snapshot: Snapshot, cursor: ByteOffset) -> Self {
        Self {
            snapshot,
            cursor,
            trigger: Trigger::Automatic,
            surface: Surface::Inline,
            alternatives: 0,
            max_tokens: None,
            multiline: None,
            has_accepted: false,
            time_limit: TimeLimit::Budget,
            indent_unit: None,
            desynced: false,
        }
    }

    /// Returns the text and the cursor that the request is about.
    pub(crate) fn subject(&self) -> Subject {
        (self.snapshot.version(), self.snapshot.n_bytes(), self.cursor.0)
    }
}

/// The text and the cursor that a request is about: version, length, offset.
///
/// The version alone is not enough: not every client counts.
pub(crate) type Subject = (i32, usize, usize);

/// A request on its way to an answer.
#[derive(Clone)]
pub(crate) struct ActiveRequest {
    /// Names the request, and its answer in the accept command.
    pub(crate) id: u64,
    /// When it came.
    pub(crate) asked: Instant,
    /// What was asked.
    pub(crate) request: CompletionRequest,
    /// The id of the newest request of its document and surface.
    newest: watch::Receiver<u64>,
}

impl ActiveRequest {
    /// Builds a request that `newest` supersedes once it has another id.
    pub(crate) fn new(
        id: u64,
        asked: Instant,
        request: CompletionRequest,
        newest: watch::Receiver<u64>,
    ) -> Self {
        Self { id, asked, request, newest }
    }

    /// Builds the request that a client may send soon: no caller waits for it, and nothing supersedes it.
    pub(crate) fn foreseen(request: CompletionRequest) -> Self {
        Self::new(0, Instant::now(), request, watch::channel(0).1)
    }

    /// Returns the document's URI.
    pub(crate) fn uri(&self) -> &Uri {
        self.request.snapshot.uri()
    }

    /// Whether a newer request, or the closing of the document, has superseded this one.
    pub(crate) fn is_superseded(&self) -> bool {
        *self.newest.borrow() != self.id
    }

    /// Resolves once the request is superseded.
    pub(crate) async fn superseded(&self) {
        let mut newest = self.newest.clone();
        // An error means that the document is closed, which supersedes the request too.
        let _ = newest.wait_for(|&id| id != self.id).await;
    }

    /// Returns the milliseconds since the request came.
    pub(crate) fn elapsed_ms(&self) -> f64 {
        self.asked.elapsed().as_secs_f64() * 1e3
    }
}
