//! From a place in a document to what may be delivered: asks the completer, and drops what came too late.
//!
//! Before the first wait the document is looked at and the question asked, so both
//! happen in arrival order (see `inbox`). After the wait the document is looked at
//! again: an answer for a text that has changed meanwhile is never delivered.

use std::time::Instant;

use lowkey_completer::{CompletionRequest, IndentUnit, Insert, Outcome, Surface, Trigger};
use lowkey_document::{ByteOffset, Cursor, Position, Snapshot};

use super::documents::View;
use super::link::{Link, Negotiated};

/// Who asks on purpose is offered so many texts beside the best one; editors cycle through them.
const ALTERNATIVES: usize = 3;

/// A request for a suggestion.
#[derive(Debug)]
pub(super) struct Question<'a> {
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
    /// What it adds at the cursor, where it can be said without touching anything else.
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

impl Link {
    /// Answers a question about a document as the editor has it.
    pub(super) async fn answer(&self, question: Question<'_>) -> Delivery {
        let Some(negotiated) = self.negotiated() else { return Delivery::Nothing };
        let Some(view) = self.documents.view(question.uri) else { return Delivery::Nothing };
        if question.version.is_some_and(|version| version < view.snapshot.version().into()) {
            return Delivery::Superseded;
        }
        let cursor = view.snapshot.offset(question.position, negotiated.encoding);
        self.ask(negotiated, view, cursor, &question).await
    }

    /// Asks the completer about the text of `view`.
    pub(super) async fn ask(
        &self,
        negotiated: &Negotiated,
        view: View,
        cursor: ByteOffset,
        question: &Question<'_>,
    ) -> Delivery {
        let View { snapshot, stamp, desynced } = view;
        let Question { trigger, surface, indent_unit, .. } = *question;
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
            && !self.documents.is_current(snapshot.uri(), stamp)
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
}
