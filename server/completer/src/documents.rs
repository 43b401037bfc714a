//! The state of all documents, for one lock.
//!
//! What an answer needs of a document is read and written in a few short sections: when the request begins, when it
//! looks for a job to join, when it starts one, and when it is answered. Nothing in here waits.

use std::collections::HashMap;
use std::time::Instant;

use lowkey_document::{Snapshot, Uri};
use lowkey_suggestion::Recent;

use crate::answer::Outcome;
use crate::document_state::DocumentState;
use crate::feedback::{Due, End, Ended, Feedback};
use crate::prefill_slot::PrefillSlot;
use crate::request::ActiveRequest;

/// Documents by URI, and what there is once for all of them.
#[derive(Default)]
pub(crate) struct Documents {
    by_uri: HashMap<Uri, DocumentState>,
    /// The suggestion shown last: a pause looks ahead from there. A user pauses in one document.
    pub(crate) shown_last: Option<(ActiveRequest, Outcome)>,
    /// The prompt that is computed where the cursor rests. There is one cursor.
    pub(crate) prefill: PrefillSlot,
    /// What the user did with the latest suggestions, in all documents; the gate reads it.
    pub(crate) recent: Recent,
}

/// What an edit or a request has shown of earlier suggestions.
#[derive(Default)]
pub(crate) struct Observed {
    /// The suggestion that has come to its end.
    pub(crate) ended: Option<Ended>,
    /// Accepted suggestions that are to be searched for in their text.
    pub(crate) due: Vec<Due>,
}

impl Documents {
    /// Returns the state of a document that has had a request.
    pub(crate) fn get(&self, uri: &Uri) -> Option<&DocumentState> {
        self.by_uri.get(uri)
    }

    /// Returns the state of a document that has had a request.
    pub(crate) fn get_mut(&mut self, uri: &Uri) -> Option<&mut DocumentState> {
        self.by_uri.get_mut(uri)
    }

    /// Returns the state of a document, a new one before its first request.
    pub(crate) fn entry(&mut self, uri: &Uri) -> &mut DocumentState {
        self.by_uri.entry(uri.clone()).or_default()
    }

    /// Forgets a document.
    pub(crate) fn remove(&mut self, uri: &Uri) -> Option<DocumentState> {
        self.prefill.leave(uri);
        self.by_uri.remove(uri)
    }

    /// Returns the states of all documents.
    pub(crate) fn states(&self) -> impl Iterator<Item = &DocumentState> {
        self.by_uri.values()
    }

    /// Takes the editor's word that the suggestion `id` was accepted; with the language it was shown in.
    pub(crate) fn accepted(&mut self, id: u64) -> Option<(Ended, String)> {
        let accepted = self.by_uri.values_mut().find_map(|state| {
            let ended = state.feedback.accepted(id)?;
            Some((ended, state.feedback.language().to_owned()))
        });
        if let Some((ended, _)) = &accepted {
            self.note(ended);
        }
        accepted
    }

    /// Lets `look` compare a document with what is shown in it.
    pub(crate) fn observe(
        &mut self,
        snapshot: &Snapshot,
        look: impl FnOnce(&mut Feedback, Instant) -> Option<Ended>,
    ) -> Observed {
        let now = Instant::now();
        let Some(state) = self.by_uri.get_mut(snapshot.uri()) else { return Observed::default() };
        let ended = look(&mut state.feedback, now);
        let due = state.feedback.due(now);
        if let Some(ended) = &ended {
            self.note(ended);
        }
        Observed { ended, due }
    }

    fn note(&mut self, Ended { end, probability }: &Ended) {
        if let Some(probability) = probability {
            self.recent.note(*probability, *end != End::Refused);
        }
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::{ByteOffset, Document};

    use super::*;
    use crate::insert::Insert;

    #[test]
    fn accepted_suggestion_is_found_in_its_document_and_noted_for_the_gate() {
        let mut documents = Documents::default();
        for (id, uri) in [(1, "file:///a.rs"), (2, "file:///b.rs")] {
            let snapshot = Document::open(uri, "rust", 1, "let a = ").snapshot();
            let cursor = ByteOffset(snapshot.n_bytes());
            let insert = Insert { start: cursor, end: cursor, text: "1;".into() };
            let feedback = &mut documents.entry(snapshot.uri()).feedback;
            assert!(feedback.show(id, (&snapshot, cursor), &insert, Some(0.5)));
        }
        let before = documents.recent.shift(2.0);
        let (ended, language) = documents.accepted(2).unwrap();
        assert_eq!((ended.end, &*language), (End::Accepted(2), "rust"));
        assert!(documents.recent.shift(2.0) > before);
        assert!(documents.accepted(2).is_none(), "once");
        documents.remove(&Uri::new("file:///a.rs"));
        assert!(documents.accepted(1).is_none(), "the document is closed");
    }

    #[test]
    fn document_without_a_request_has_no_state() {
        let mut documents = Documents::default();
        let snapshot = Document::open("file:///a.rs", "rust", 1, "").snapshot();
        let observed = documents.observe(&snapshot, |_, _| unreachable!("there is nothing to see"));
        assert!(observed.ended.is_none() && observed.due.is_empty());
        assert!(documents.get(snapshot.uri()).is_none());
    }
}
