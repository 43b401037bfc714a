//! A request for a completion: the document, the cursor, and the conditions of the answer.

use std::time::Instant;

use lowkey_context::Snippet;
use lowkey_document::{ByteOffset, Snapshot, Uri};
use lowkey_prompt::Placement;
use lowkey_suggestion::IndentUnit;
use tokio::sync::watch;

/// The cause of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Typing.
    Automatic,
    /// A key or a command.
    Invoked,
}

/// Where the answer is shown. Each surface of a document has its own request, so that an editor
/// that fills a popup and draws ghost text at one cursor gets both.
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
    /// The time budget of the settings: complete lines by then, at most one second.
    Budget,
    /// No limit, for the command line.
    Unlimited,
}

/// Text from other files for the prompt of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elsewhere {
    /// The most helpful last.
    pub snippets: Vec<Snippet>,
    /// The repository's name; "" if it has none.
    pub repository: String,
    /// Maximum number of tokens of the snippets, in addition to the prompt's; 0 lets the machine's
    /// speed decide.
    pub tokens: usize,
    /// The place in the prompt; `None` uses the model's.
    pub placement: Option<Placement>,
}

impl Elsewhere {
    /// Whether the completer chooses the text: the caller named neither snippets nor a repository.
    pub(crate) fn is_automatic(&self) -> bool {
        self.snippets.is_empty() && self.repository.is_empty()
    }
}

/// A request for a completion at a cursor.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// The document's present state.
    pub snapshot: Snapshot,
    pub cursor: ByteOffset,
    pub trigger: Trigger,
    pub surface: Surface,
    /// Maximum number of alternatives to the best text.
    pub alternatives: usize,
    /// Maximum number of decoded tokens; `None` uses the settings.
    pub max_tokens: Option<usize>,
    /// Whether the answer may have several lines; `None` uses the settings.
    pub multiline: Option<bool>,
    /// Whether the text at the cursor is an accepted suggestion; if false, the observed edits
    /// decide.
    pub has_accepted: bool,
    pub time_limit: TimeLimit,
    /// One step of indentation, if the editor sends it.
    pub indent_unit: Option<IndentUnit>,
    /// Text from other files.
    pub elsewhere: Elsewhere,
    /// Whether the editor and the server disagree about the text: then there is no suggestion.
    pub desynced: bool,
}

impl CompletionRequest {
    /// Builds an automatic request: lines as in the settings, within the time budget.
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
            elsewhere: Elsewhere::default(),
            desynced: false,
        }
    }

    /// Returns the subject of the request.
    pub(crate) fn subject(&self) -> Subject {
        (self.snapshot.version(), self.snapshot.n_bytes(), self.cursor.0)
    }
}

/// The text and the cursor that a request is about: version, length, offset.
///
/// The version alone is not enough: not every client counts.
pub(crate) type Subject = (i32, usize, usize);

/// A request that is being answered.
#[derive(Clone)]
pub(crate) struct ActiveRequest {
    /// Identifies the request, and its answer in the accept command.
    pub(crate) id: u64,
    /// When it arrived.
    pub(crate) asked: Instant,
    pub(crate) request: CompletionRequest,
    /// The id of the newest request of its document and surface.
    newest: watch::Receiver<u64>,
}

impl ActiveRequest {
    /// Builds a request that is superseded when `newest` has another id.
    pub(crate) fn new(
        id: u64,
        asked: Instant,
        request: CompletionRequest,
        newest: watch::Receiver<u64>,
    ) -> Self {
        Self { id, asked, request, newest }
    }

    /// Builds a likely future request: no caller waits for it, and nothing supersedes it.
    pub(crate) fn background(request: CompletionRequest) -> Self {
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

    /// Returns the milliseconds since the request arrived.
    pub(crate) fn elapsed_ms(&self) -> f64 {
        self.asked.elapsed().as_secs_f64() * 1e3
    }
}
