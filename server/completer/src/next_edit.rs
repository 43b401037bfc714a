//! The edit history of the session, and the next edit that follows from it.
//!
//! Stage one searches the text for places that need the newest change. Sure proposals need no model;
//! the model for completions, if it is loaded, judges the others ([`judged`]). Where nothing is
//! found, stage two asks a next-edit model, if the setting names one ([`model`]).
//!
//! Only documents that the model may see have a history. It is in memory only, and separate from
//! the state of completions, so that a next edit delays none of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lowkey_document::{ByteOffset, Snapshot, Uri};
use lowkey_edits::{Caution, Decision, EditGate, EditHistory, Proposal, Quiet};
use tokio::sync::watch;

use crate::settings::NextEditSetting;
use crate::state::{Completer, lock};
use model_answer::ModelAnswer;

mod judged;
mod model;
mod model_answer;
mod trial;
mod work;

pub use judged::judgement_job;
pub(crate) use model::next_edit_model;
pub use trial::NextEditTrial;
pub use work::NextEditWork;

/// Offers that are remembered until the client reports what became of them.
const MAX_OFFERS: usize = 8;
/// Shown this often without being accepted, a change counts as rejected.
const MAX_SHOWN: usize = 3;

/// The edits of the session, and what was offered.
pub(crate) struct NextEdits {
    history: EditHistory,
    gate: EditGate,
    offers: Vec<Offer>,
    /// The texts of the documents when they were opened, for the next-edit model.
    at_open: HashMap<Uri, Snapshot>,
    /// The newest answer of the next-edit model, as far as it was not accepted.
    answer: Option<ModelAnswer>,
    /// The document that a model is asked about, and the number of the newest request.
    asked: Option<Uri>,
    n_asked: watch::Sender<u64>,
    work: NextEditWork,
    started: Instant,
}

impl Default for NextEdits {
    fn default() -> Self {
        Self {
            history: EditHistory::default(),
            gate: EditGate::default(),
            offers: Vec::new(),
            at_open: HashMap::new(),
            answer: None,
            asked: None,
            n_asked: watch::channel(0).0,
            work: NextEditWork::default(),
            started: Instant::now(),
        }
    }
}

/// A request to a model.
struct Asking {
    newest: watch::Receiver<u64>,
    number: u64,
}

impl Asking {
    /// Resolves once the text has changed or a newer request came.
    async fn superseded(&mut self) {
        let number = self.number;
        // An error means that the session has ended.
        let _ = self.newest.wait_for(|newest| *newest != number).await;
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
pub struct ProposedEdit {
    /// Identifies it in the client's reports.
    pub id: u64,
    pub start: ByteOffset,
    pub end: ByteOffset,
    pub text: String,
}

/// Why there is no next edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoProposedEdit {
    /// In words.
    Quiet(String),
    /// The text changed, or a newer request came, while the model was asked.
    Superseded,
}

impl From<Quiet> for NoProposedEdit {
    fn from(quiet: Quiet) -> Self {
        Self::Quiet(quiet.reason().to_owned())
    }
}

impl NextEdits {
    /// Cancels the request of the next-edit model about a document.
    fn supersede(&mut self, uri: &Uri) {
        if self.asked.take_if(|asked| asked == uri).is_some() {
            self.n_asked.send_modify(|n| *n += 1);
        }
    }

    /// Notes that a model is asked about a document; supersedes the request before.
    fn begin_asking(&mut self, uri: &Uri) -> Asking {
        self.n_asked.send_modify(|n| *n += 1);
        self.asked = Some(uri.clone());
        Asking { newest: self.n_asked.subscribe(), number: *self.n_asked.borrow() }
    }

    /// Notes that a model has answered; fails if a newer request or an edit came meanwhile.
    fn end_asking(&mut self, asking: &Asking) -> Result<(), NoProposedEdit> {
        if *self.n_asked.borrow() != asking.number {
            return Err(NoProposedEdit::Superseded);
        }
        self.asked = None;
        Ok(())
    }

    fn forget(&mut self, uri: &Uri) {
        self.supersede(uri);
        self.history.closed(uri);
        self.at_open.remove(uri);
        self.answer.take_if(|answer| answer.uri() == uri);
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns how long ago the last edit was; an accepted proposal needs no rest.
    fn age(&self) -> Option<Duration> {
        let newest = self.history.hunks().next()?;
        if !newest.is_typed() {
            return Some(Duration::MAX);
        }
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
            let mut edits = lock(&self.next_edits);
            edits.history.opened(snapshot);
            edits.at_open.insert(snapshot.uri().clone(), snapshot.clone());
        }
    }

    /// Records the newest text of a document.
    pub(crate) fn edits_changed(&self, snapshot: &Snapshot) {
        if self.settings().next_edit == NextEditSetting::Off {
            lock(&self.next_edits).forget(snapshot.uri());
            return;
        }
        let mut edits = lock(&self.next_edits);
        if !edits.history.has(snapshot.uri()) {
            // The setting or the rules have changed since it was opened.
            drop(edits);
            self.edits_opened(snapshot);
            return;
        }
        edits.supersede(snapshot.uri());
        let now = edits.now();
        edits.history.changed(snapshot, now);
    }

    /// Forgets a document.
    pub(crate) fn edits_closed(&self, uri: &Uri) {
        let mut edits = lock(&self.next_edits);
        edits.forget(uri);
        edits.offers.retain(|offer| offer.snapshot.uri() != uri);
    }

    /// Forgets everything: the rules of what the model may see have changed.
    pub(crate) fn edits_forgotten(&self) {
        let mut edits = lock(&self.next_edits);
        if let Some(asked) = edits.asked.clone() {
            edits.supersede(&asked);
        }
        edits.history = EditHistory::default();
        edits.at_open.clear();
        edits.answer = None;
        edits.offers.clear();
    }

    /// Returns how long ago the user edited last; `None` without an edit.
    pub fn last_edit_age(&self) -> Option<Duration> {
        lock(&self.next_edits).age()
    }

    /// Returns the next edit of a document, or why there is none.
    ///
    /// The search without a model takes milliseconds to tens of milliseconds, by the length of the
    /// text, on another thread. Then a next-edit model may be asked, which takes seconds. Dropping
    /// the future cancels that; so does an edit of the document, or a newer request.
    pub async fn next_edit(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        cursor: ByteOffset,
    ) -> Result<ProposedEdit, NoProposedEdit> {
        let caution = self.allowed(snapshot)?;
        let (completer, searched) = (Arc::clone(self), snapshot.clone());
        let search = move || completer.repeated_edit(&searched, cursor, caution);
        let found = tokio::task::spawn_blocking(search).await;
        let found =
            match found.map_err(|_| NoProposedEdit::Quiet("the search failed".to_owned()))? {
                Ok(Decision::Show(proposal)) => Ok(proposal),
                Ok(Decision::Ask(proposal, question)) => {
                    self.judged_edit(snapshot, proposal, question, caution).await
                }
                Err(Quiet::NoEdits) => return Err(Quiet::NoEdits.into()),
                // An accepted edit may end inside a word; the next one of the same answer is known.
                Err(Quiet::InsideWord) => {
                    return match self.known_edit(snapshot, cursor, caution) {
                        None => Err(Quiet::InsideWord.into()),
                        Some(known) => known.map(|proposal| self.offer_edit(snapshot, proposal)),
                    };
                }
                Err(quiet) => Err(quiet.into()),
            };
        match found {
            Ok(proposal) => Ok(self.offer_edit(snapshot, proposal)),
            Err(NoProposedEdit::Superseded) => Err(NoProposedEdit::Superseded),
            Err(quiet) => match self.predicted_edit(snapshot, cursor, caution).await {
                None => Err(quiet),
                Some(predicted) => predicted.map(|proposal| self.offer_edit(snapshot, proposal)),
            },
        }
    }

    /// Checks the settings and the rules; returns how sure a proposal must be.
    fn allowed(&self, snapshot: &Snapshot) -> Result<Caution, NoProposedEdit> {
        let settings = self.settings();
        let caution = match settings.next_edit {
            NextEditSetting::Off => {
                return Err(NoProposedEdit::Quiet("the setting next_edit is off".to_owned()));
            }
            NextEditSetting::Careful => Caution::Careful,
            NextEditSetting::Normal => Caution::Normal,
        };
        if settings.paused || settings.languages_off.iter().any(|id| id == snapshot.language_id()) {
            return Err(NoProposedEdit::Quiet("suggestions are off".to_owned()));
        }
        lock(&self.visibility).judge(snapshot.uri()).map_err(NoProposedEdit::Quiet)?;
        Ok(caution)
    }

    /// Searches the text for a place that needs the newest change.
    fn repeated_edit(
        &self,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        caution: Caution,
    ) -> Result<Decision, Quiet> {
        let (history, gate, now) = {
            let edits = lock(&self.next_edits);
            (edits.history.clone(), edits.gate.clone(), edits.now())
        };
        if self.can_judge() {
            return gate.next_or_ask(&history, snapshot, cursor, caution, now);
        }
        gate.next(&history, snapshot, cursor, caution, now).map(Decision::Show)
    }

    /// Remembers a proposal until the client reports what became of it.
    fn offer_edit(&self, snapshot: &Snapshot, proposal: Proposal) -> ProposedEdit {
        let id = self.new_id();
        let next = ProposedEdit {
            id,
            start: proposal.range.start,
            end: proposal.range.end,
            text: proposal.text.clone(),
        };
        lock(&self.next_edits).offer(id, snapshot, proposal);
        next
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
        if idx.is_some() {
            edits.history.accepted();
        }
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
mod tests;
