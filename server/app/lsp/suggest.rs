//! Requests a suggestion for a position in a document, and drops answers that arrive too late.
//!
//! The handler reads the document and calls the completer before its first wait, so both happen in
//! arrival order (see `dispatch`). After the wait it checks the document again: an answer for a
//! changed text is never delivered.

use std::time::Instant;

use lowkey_completer::{CompletionRequest, IndentUnit, Insert, Outcome, Surface, Trigger};
use lowkey_document::{ByteOffset, Cursor, Position, Snapshot};

use super::documents::View;
use super::session::{NegotiatedState, Session};

/// Extra alternatives for an explicit request; editors cycle through them.
const ALTERNATIVES: usize = 3;

/// A request for a suggestion, from any method.
#[derive(Debug)]
pub(super) struct SuggestionRequest<'a> {
    pub(super) uri: &'a str,
    /// The document's version according to the client, if given.
    pub(super) version: Option<i64>,
    /// The position, in the connection's encoding.
    pub(super) position: Position,
    /// Typing, or an explicit request.
    pub(super) trigger: Trigger,
    pub(super) surface: Surface,
    /// One step of indentation, if the client sends it.
    pub(super) indent_unit: Option<IndentUnit>,
}

/// The result of a request.
#[derive(Debug)]
pub(super) enum Delivery {
    /// A suggestion for the document's present text.
    Suggestion(Box<Suggestion>),
    Nothing,
    /// The document has changed, or a newer request arrived.
    Superseded,
}

/// A suggestion and its place.
#[derive(Debug)]
pub(super) struct Suggestion {
    /// The id in the accept command.
    pub(super) id: u64,
    pub(super) snapshot: Snapshot,
    pub(super) cursor: Cursor,
    /// The inserted text and its range.
    pub(super) insert: Insert,
    /// Alternatives, each with the id of its accept command.
    pub(super) others: Vec<(u64, Insert)>,
}

impl Suggestion {
    /// Notes that the suggestion is withheld, because the client would not draw the change before
    /// the cursor.
    pub(super) fn withhold_dedent(&self, negotiated: &NegotiatedState) {
        let why = "this editor draws nothing before the cursor, so the user would not see the line's new indentation";
        negotiated.completer.withheld(self.snapshot.uri(), self.id, "unseen dedent", why);
    }

    /// Returns the text added at the cursor, if the suggestion changes nothing else.
    pub(super) fn continuation(&self) -> Option<&str> {
        self.insert.continuation(&self.snapshot, self.cursor.offset)
    }

    /// Returns all texts as suggestions, the best one first.
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

/// Suggests at a position in the editor's version of a document.
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
