//! The state of all documents, under one lock.
//!
//! The completer reads and writes this state in a few short sections: when a request begins, when
//! it looks for a job to join, when it starts one, and when it is answered. No function here waits.

use std::collections::HashMap;
use std::time::Instant;

use lowkey_document::{Snapshot, Uri};
use lowkey_suggestion::RecentAnswers;

use crate::answer::Outcome;
use crate::document_state::DocumentState;
use crate::feedback::{Feedback, FeedbackEvent, FeedbackKind, RetentionCheck};
use crate::prefill_slot::PrefillSlot;
use crate::request::ActiveRequest;

/// Documents whose edits are remembered.
const MAX_EDITED: usize = 16;

/// Documents by URI, and the state that they share.
#[derive(Default)]
pub(crate) struct Documents {
    by_uri: HashMap<Uri, DocumentState>,
    /// The document in which the user works, as last seen.
    active: Option<Snapshot>,
    /// The documents that the user has edited, the last one first.
    edited: Vec<Uri>,
    /// The last shown suggestion, from which a pause looks ahead. A user pauses in one document.
    pub(crate) shown_last: Option<(ActiveRequest, Outcome)>,
    /// The prefill at the resting cursor. There is one cursor.
    pub(crate) prefill: PrefillSlot,
    /// The outcomes of the latest suggestions in all documents; the gate reads them.
    pub(crate) recent: RecentAnswers,
}

/// The outcomes of earlier suggestions that an edit or a request has revealed.
#[derive(Default)]
pub(crate) struct ObservedFeedback {
    /// The outcome of the suggestion that has ended.
    pub(crate) event: Option<FeedbackEvent>,
    /// Accepted suggestions to search for in their text.
    pub(crate) checks: Vec<RetentionCheck>,
}

impl Documents {
    /// Returns the state of a document, if it has had a request.
    pub(crate) fn get(&self, uri: &Uri) -> Option<&DocumentState> {
        self.by_uri.get(uri)
    }

    /// Returns the state of a document, if it has had a request.
    pub(crate) fn get_mut(&mut self, uri: &Uri) -> Option<&mut DocumentState> {
        self.by_uri.get_mut(uri)
    }

    /// Returns the state of a document; creates it if needed.
    pub(crate) fn entry(&mut self, uri: &Uri) -> &mut DocumentState {
        self.by_uri.entry(uri.clone()).or_default()
    }

    /// Notes the document in which the user works; returns the one that the user has left.
    pub(crate) fn enter(&mut self, snapshot: &Snapshot) -> Option<Snapshot> {
        let before = self.active.replace(snapshot.clone());
        before.filter(|before| before.uri() != snapshot.uri())
    }

    /// Notes that the user has edited a document.
    pub(crate) fn edited(&mut self, uri: &Uri) {
        if self.edited.first() != Some(uri) {
            self.edited.retain(|other| other != uri);
            self.edited.insert(0, uri.clone());
            self.edited.truncate(MAX_EDITED);
        }
    }

    /// Returns the documents that the user has edited, closed ones too, the last one first.
    pub(crate) fn edited_last(&self) -> &[Uri] {
        &self.edited
    }

    /// Removes a document.
    pub(crate) fn remove(&mut self, uri: &Uri) -> Option<DocumentState> {
        self.prefill.leave(uri);
        self.active.take_if(|active| active.uri() == uri);
        self.by_uri.remove(uri)
    }

    /// Returns the states of all documents.
    pub(crate) fn states(&self) -> impl Iterator<Item = &DocumentState> {
        self.by_uri.values()
    }

    /// Records that the editor reported suggestion `id` as accepted; also returns its language.
    pub(crate) fn accepted(&mut self, id: u64) -> Option<(FeedbackEvent, String)> {
        let accepted = self.by_uri.values_mut().find_map(|state| {
            let event = state.feedback.accepted(id)?;
            Some((event, state.feedback.language().to_owned()))
        });
        if let Some((event, _)) = &accepted {
            self.note(event);
        }
        accepted
    }

    /// Calls `look` to compare a document with its shown suggestion.
    pub(crate) fn observe(
        &mut self,
        snapshot: &Snapshot,
        look: impl FnOnce(&mut Feedback, Instant) -> Option<FeedbackEvent>,
    ) -> ObservedFeedback {
        let now = Instant::now();
        let Some(state) = self.by_uri.get_mut(snapshot.uri()) else {
            return ObservedFeedback::default();
        };
        let event = look(&mut state.feedback, now);
        let checks = state.feedback.take_due_checks(now);
        if let Some(event) = &event {
            self.note(event);
        }
        ObservedFeedback { event, checks }
    }

    fn note(&mut self, FeedbackEvent { kind, probability }: &FeedbackEvent) {
        if let Some(probability) = probability {
            self.recent.record(*probability, *kind != FeedbackKind::Rejected);
        }
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::{ByteOffset, Document};

    use super::*;
    use crate::insert::Insert;

    #[test]
    fn accepted_suggestion_is_recorded() {
        let mut documents = Documents::default();
        for (id, uri) in [(1, "file:///a.rs"), (2, "file:///b.rs")] {
            let snapshot = Document::open(uri, "rust", 1, "let a = ").snapshot();
            let cursor = ByteOffset(snapshot.n_bytes());
            let insert = Insert { start: cursor, end: cursor, text: "1;".into() };
            let feedback = &mut documents.entry(snapshot.uri()).feedback;
            assert!(feedback.show(id, (&snapshot, cursor), &insert, Some(0.5)));
        }
        let before = documents.recent.shift(2.0);
        let (event, language) = documents.accepted(2).unwrap();
        assert_eq!((event.kind, &*language), (FeedbackKind::Accepted(2), "rust"));
        assert!(documents.recent.shift(2.0) > before);
        assert!(documents.accepted(2).is_none(), "once");
        documents.remove(&Uri::new("file:///a.rs"));
        assert!(documents.accepted(1).is_none(), "the document is closed");
    }

    #[test]
    fn document_without_request_has_no_state() {
        let mut documents = Documents::default();
        let snapshot = Document::open("file:///a.rs", "rust", 1, "").snapshot();
        let observed = documents.observe(&snapshot, |_, _| unreachable!("there is nothing to see"));
        assert!(observed.event.is_none() && observed.checks.is_empty());
        assert!(documents.get(snapshot.uri()).is_none());
    }
}
