//! The edit history of the session, and the next edit that follows from it.
//!
//! Only documents that the model may see have a history. It is in memory only, and separate from
//! the state of completions, so that a next edit delays none of them.

use std::time::{Duration, Instant};

use lowkey_document::{ByteOffset, Snapshot, Uri};
use lowkey_edits::{Caution, EditHistory, Gate, Proposal};

use crate::settings::NextEditSetting;
use crate::state::{Completer, lock};

/// Offers that are remembered until the client reports what became of them.
const MAX_OFFERS: usize = 8;
/// Shown this often without being accepted, a change counts as rejected.
const MAX_SHOWN: usize = 3;

/// The edits of the session, and what was offered.
pub(crate) struct NextEdits {
    history: EditHistory,
    gate: Gate,
    offers: Vec<Offer>,
    started: Instant,
}

impl Default for NextEdits {
    fn default() -> Self {
        Self {
            history: EditHistory::default(),
            gate: Gate::default(),
            offers: Vec::new(),
            started: Instant::now(),
        }
    }
}

struct Offer {
    id: u64,
    snapshot: Snapshot,
    proposal: Proposal,
    n_shown: usize,
}

/// A change at another place of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct NextEdit {
    /// Identifies it in the client's reports.
    pub id: u64,
    pub start: ByteOffset,
    pub end: ByteOffset,
    pub text: String,
}

impl NextEdits {
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns how long ago the last edit was.
    fn age(&self) -> Option<Duration> {
        let newest = self.history.hunks().next()?;
        Some(self.now().saturating_sub(newest.at()))
    }

    /// Remembers an offer; the same change again keeps its count.
    fn offer(&mut self, id: u64, snapshot: &Snapshot, proposal: Proposal) {
        let line = |snapshot: &Snapshot, proposal: &Proposal| {
            snapshot.line(snapshot.line_of(proposal.range.start))
        };
        let earlier = self.offers.iter().position(|offer| {
            offer.snapshot.uri() == snapshot.uri()
                && offer.proposal.text == proposal.text
                && line(&offer.snapshot, &offer.proposal) == line(snapshot, &proposal)
        });
        let n_shown = earlier.map_or(0, |idx| self.offers.remove(idx).n_shown);
        let surplus = (self.offers.len() + 1).saturating_sub(MAX_OFFERS);
        self.offers.drain(..surplus);
        self.offers.push(Offer { id, snapshot: snapshot.clone(), proposal, n_shown });
    }

    fn reject(&mut self, idx: usize) {
        let Offer { snapshot, proposal, .. } = self.offers.remove(idx);
        let now = self.now();
        self.gate.reject(&snapshot, &proposal, now);
    }
}

impl Completer {
    /// Begins the history of an opened document, if the model may see it.
    pub(crate) fn edits_opened(&self, snapshot: &Snapshot) {
        if lock(&self.visibility).judge(snapshot.uri()).is_ok() {
            lock(&self.next_edits).history.opened(snapshot);
        }
    }

    /// Records the newest text of a document.
    pub(crate) fn edits_changed(&self, snapshot: &Snapshot) {
        if self.settings().next_edit == NextEditSetting::Off {
            lock(&self.next_edits).history.closed(snapshot.uri());
            return;
        }
        let mut edits = lock(&self.next_edits);
        if !edits.history.has(snapshot.uri()) {
            // The setting or the rules have changed since it was opened.
            drop(edits);
            self.edits_opened(snapshot);
            return;
        }
        let now = edits.now();
        edits.history.changed(snapshot, now);
    }

    /// Forgets a document.
    pub(crate) fn edits_closed(&self, uri: &Uri) {
        let mut edits = lock(&self.next_edits);
        edits.history.closed(uri);
        edits.offers.retain(|offer| offer.snapshot.uri() != uri);
    }

    /// Forgets everything: the rules of what the model may see have changed.
    pub(crate) fn edits_forgotten(&self) {
        let mut edits = lock(&self.next_edits);
        edits.history = EditHistory::default();
        edits.offers.clear();
    }

    /// Returns how long ago the user edited last; `None` without an edit.
    pub fn last_edit_age(&self) -> Option<Duration> {
        lock(&self.next_edits).age()
    }

    /// Returns the next edit of a document, or in words why there is none. Takes milliseconds to
    /// tens of milliseconds, by the length of the text.
    pub fn next_edit(&self, snapshot: &Snapshot, cursor: ByteOffset) -> Result<NextEdit, String> {
        let settings = self.settings();
        let caution = match settings.next_edit {
            NextEditSetting::Off => return Err("the setting next_edit is off".to_owned()),
            NextEditSetting::Careful => Caution::Careful,
            NextEditSetting::Normal => Caution::Normal,
        };
        if settings.paused || settings.languages_off.iter().any(|id| id == snapshot.language_id()) {
            return Err("suggestions are off".to_owned());
        }
        lock(&self.visibility).judge(snapshot.uri())?;
        let (history, gate, now) = {
            let edits = lock(&self.next_edits);
            (edits.history.clone(), edits.gate.clone(), edits.now())
        };
        let proposal = gate
            .next(&history, snapshot, cursor, caution, now)
            .map_err(|quiet| quiet.reason().to_owned())?;
        let id = self.new_id();
        let next = NextEdit {
            id,
            start: proposal.range.start,
            end: proposal.range.end,
            text: proposal.text.clone(),
        };
        lock(&self.next_edits).offer(id, snapshot, proposal);
        Ok(next)
    }

    /// Notes that the client showed a next edit. One that the user does not accept is not shown
    /// again and again.
    pub fn next_edit_shown(&self, id: u64) {
        let mut edits = lock(&self.next_edits);
        let Some(idx) = edits.offers.iter().position(|offer| offer.id == id) else { return };
        if let Some(offer) = edits.offers.get_mut(idx) {
            offer.n_shown += 1;
            if offer.n_shown >= MAX_SHOWN {
                edits.reject(idx);
            }
        }
    }

    /// Notes that the user accepted a next edit; returns whether there was one with this id.
    pub fn next_edit_accepted(&self, id: u64) -> bool {
        let mut edits = lock(&self.next_edits);
        let idx = edits.offers.iter().position(|offer| offer.id == id);
        idx.map(|idx| edits.offers.remove(idx)).is_some()
    }

    /// Notes that the user dismissed a next edit.
    pub fn next_edit_dismissed(&self, id: u64) {
        let mut edits = lock(&self.next_edits);
        if let Some(idx) = edits.offers.iter().position(|offer| offer.id == id) {
            edits.reject(idx);
        }
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::Document;

    use super::*;

    fn offered(edits: &mut NextEdits, id: u64, text: &str) {
        let snapshot = Document::open("file:///a.rs", "rust", 1, "old();\n").snapshot();
        let range = ByteOffset(0)..ByteOffset(3);
        edits.offer(id, &snapshot, Proposal { range, text: text.to_owned(), probability: 0.9 });
    }

    #[test]
    fn same_offer_keeps_its_count() {
        let mut edits = NextEdits::default();
        offered(&mut edits, 1, "new");
        edits.offers[0].n_shown = 2;
        offered(&mut edits, 2, "new");
        assert_eq!(edits.offers.len(), 1);
        assert_eq!((edits.offers[0].id, edits.offers[0].n_shown), (2, 2));
        for id in 3..20 {
            offered(&mut edits, id, &format!("new{id}"));
        }
        assert_eq!(edits.offers.len(), MAX_OFFERS);
    }
}
