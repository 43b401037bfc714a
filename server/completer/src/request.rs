//! A request for a completion: the document, the cursor, and how the answer is wanted.

use lowkey_document::{ByteOffset, Snapshot};
use lowkey_suggestion::IndentUnit;

/// How an answer was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// By typing.
    Automatic,
    /// By a key or a command.
    Invoked,
}

/// Where the answer is shown. Each place of a document has one live request of its own, so that
/// an editor that fills a popup and draws ghost text at one cursor gets both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Behind the cursor, or on a terminal.
    Inline,
    /// As an entry of the completion popup.
    Popup,
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// The time budget of the settings: complete lines by then, one second at most.
    Budget,
    /// As long as it takes: the command line.
    Unlimited,
}

/// A question at a cursor.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The document as it is now.
    pub snapshot: Snapshot,
    /// Where in it.
    pub cursor: ByteOffset,
    /// By typing or on purpose.
    pub trigger: Trigger,
    /// Where it is shown.
    pub place: Place,
    /// Look for so many other texts to offer beside the best one.
    pub alternatives: usize,
    /// Decode so many tokens at most; `None` leaves it to the settings.
    pub max_tokens: Option<usize>,
    /// Whether the answer may span lines; `None` leaves it to the settings.
    pub multiline: Option<bool>,
    /// Whether the text at the cursor is an accepted suggestion; otherwise what was seen of the edits says it.
    pub has_accepted: bool,
    /// How long it may take.
    pub patience: Patience,
    /// One step of indentation, where the editor says it.
    pub indent_unit: Option<IndentUnit>,
    /// The editor and the server disagree about the text: stay silent.
    pub desynced: bool,
}

impl Ask {
    /// A question as typing asks it: one line or what the settings say, within the time budget.
    pub fn new(snapshot: Snapshot, cursor: ByteOffset) -> Self {
        Self {
            snapshot,
            cursor,
            trigger: Trigger::Automatic,
            place: Place::Inline,
            alternatives: 0,
            max_tokens: None,
            multiline: None,
            has_accepted: false,
            patience: Patience::Budget,
            indent_unit: None,
            desynced: false,
        }
    }
}
