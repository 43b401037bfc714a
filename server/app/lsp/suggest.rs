//! From a place in a document to a suggestion for it: asks the completer, and drops what came too late.
//!
//! Before the first wait the document is looked at and the completer asked, so both happen in
//! arrival order (see `dispatch`). After the wait the document is looked at again: an answer for a
//! text that has changed meanwhile is never delivered.

use std::time::Instant;

use lowkey_completer::{CompletionRequest, IndentUnit, Insert, Outcome, Surface, Trigger};
use lowkey_document::{ByteOffset, Cursor, Position, Snapshot};

use super::documents::View;
use super::session::{NegotiatedState, Session};

/// Extra alternatives for a request by a key or command; editors cycle through them.
const ALTERNATIVES: usize = 3;

/// A request for a suggestion, as every method that asks for one brings it.
#[derive(Debug)]
pub(super) struct SuggestionRequest<'a> {
    /// The document.
    pub(super) uri: &'a str,
    /// Its version as the client knows it, where the client says so.
    pub(super) version: Option<i64>,
    /// Where, in the connection's encoding.
    pub(super) position: Position,
    /// By typing or on purpose.
    pub(super) trigger: Trigger,
    /// Where the answer is shown.
    pub(super) surface: Surface,
    /// One step of indentation, where the client says it.
    pub(super) indent_unit: Option<IndentUnit>,
}

/// What may be delivered.
#[derive(Debug)]
pub(super) enum Delivery {
    /// This suggestion, for the text that the document still has.
    Suggestion(Box<Suggestion>),
    /// Nothing to suggest.
    Nothing,
    /// The document has moved on, or a newer request came.
    Superseded,
}

/// A suggestion and what it was made for.
#[derive(Debug)]
pub(super) struct Suggestion {
    /// Names it in the accept command.
    pub(super) id: u64,
    /// The text.
    pub(super) snapshot: Snapshot,
    /// The place.
    pub(super) cursor: Cursor,
    /// What to put there.
    pub(super) insert: Insert,
    /// What else to offer, each with the name of its accept command.
    pub(super) others: Vec<(u64, Insert)>,
}

impl Suggestion {
    /// Notes that the client does not get it, because it would not draw the change before the cursor.
    pub(super) fn withhold_dedent(&self, negotiated: &NegotiatedState) {
        let why = "this editor draws nothing before the cursor, so the line's other indentation would be taken unseen";
        negotiated.completer.withheld(self.snapshot.uri(), self.id, "unseen dedent", why);
    }

    /// Returns the text that it adds at the cursor, where it changes nothing else.
    pub(super) fn continuation(&self) -> Option<&str> {
        self.insert.continuation(&self.snapshot, self.cursor.offset)
    }

    /// All texts, the best one first, each as a suggestion of its own.
    pub(super) fn each(mut self) -> impl Iterator<Item = Suggestion> {
        let others = std::mem::take(&mut self.others);
        let (snapshot, cursor) = (self.snapshot.clone(), self.cursor.clone());
        let another = move |(id, insert)| Suggestion {
            id,
            snapshot: snapshot.clone(),
            cursor: cursor.clone(),
            insert,
            others: Vec::new(),
        };
        std::iter::once(self).chain(others.into_iter().map(another))
    }
}

/// Suggests at a place of a document as the editor has it.
pub(super) async fn suggest(session: &Session, request: SuggestionRequest<'_>) -> Delivery {
    let Some(negotiated) = session.negotiated() else { return Delivery::Nothing };
    let Some(view) = session.documents().view(request.uri) else { return Delivery::Nothing };
    if request.version.is_some_and(|version| version < view.snapshot.version().into()) {
        return Delivery::Superseded;
    }
    let cursor = view.snapshot.offset(request.position, negotiated.encoding);
    suggest_in(session, negotiated, view, cursor, &request).await
}

/// Suggests at `cursor` in the text of `view`.
pub(super) async fn suggest_in(
    session: &Session,
    negotiated: &NegotiatedState,
    view: View,
    cursor: ByteOffset,
    request: &SuggestionRequest<'_>,
) -> Delivery {
    let View { snapshot, stamp, desynced } = view;
    let SuggestionRequest { trigger, surface, indent_unit, .. } = *request;
    let alternatives = match trigger {
        Trigger::Invoked => ALTERNATIVES,
        Trigger::Automatic => 0,
    };
    let request = CompletionRequest {
        trigger,
        surface,
        alternatives,
        indent_unit,
        desynced,
        ..CompletionRequest::new(snapshot.clone(), cursor)
    };
    let asked = Instant::now();
    let answer = negotiated.completer.complete(request).await;
    tracing::debug!(
        id = answer.id,
        version = snapshot.version(),
        ms = asked.elapsed().as_millis() as u64,
        outcome = match &answer.outcome {
            Outcome::Insert(_) => "insert",
            Outcome::Nothing => "nothing",
            Outcome::Superseded => "superseded",
        },
        "answered"
    );
    if answer.outcome != Outcome::Superseded
        && !session.documents().is_current(snapshot.uri(), stamp)
    {
        tracing::debug!(id = answer.id, "dropped: the document has changed");
        return Delivery::Superseded;
    }
    match answer.outcome {
        Outcome::Insert(insert) => Delivery::Suggestion(Box::new(Suggestion {
            id: answer.id,
            cursor: snapshot.cursor(cursor),
            snapshot,
            insert,
            others: answer.others,
        })),
        Outcome::Nothing => Delivery::Nothing,
        Outcome::Superseded => Delivery::Superseded,
    }
}
