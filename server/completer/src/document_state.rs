//! One document's state, and the only place where a newer request supersedes an older one.
//!
//! The engine knows jobs and tickets, but not documents. A cancellation reaches the waiting future
//! as follows:
//!
//! 1. A request begins ([`DocumentState::begin`]): its slot publishes the new id. Futures of older
//!    requests of the slot watch that id and resolve as superseded. A request about another text or
//!    cursor does this for every slot.
//! 2. The older request's job continues meanwhile, because the newer request may join it. Only when
//!    a slot starts another job ([`DocumentState::start`]) is the ticket of its earlier job
//!    cancelled: the worker checks it before each chunk, layer and token. A future that had joined
//!    the cancelled job finds it ended early and makes a new plan.
//! 3. When the client cancels a request, its future is dropped. The guard in `cancel_on_drop` then
//!    drops the slot's job and the call to another model, unless a newer request arrives within a
//!    short time.
//! 4. Closing the document does 1 and 2 for all slots.

use std::sync::Arc;

use tokio::sync::watch;

use crate::ask_again::SilentPlace;
use crate::feedback::Feedback;
use crate::look_ahead_backoff::LookAheadBackoff;
use crate::report::Report;
use crate::request::{Subject, Surface};
use crate::running_job::RunningJob;
use crate::workspace_index::HeldSnippets;

/// The requests of one surface of a document.
struct RequestSlot {
    /// Id of the newest request; every waiting one watches it.
    newest: watch::Sender<u64>,
    /// The job that runs, or ran last, and what it is about.
    job: Option<(Option<Subject>, Arc<RunningJob>)>,
}

impl Default for RequestSlot {
    fn default() -> Self {
        Self { newest: watch::channel(0).0, job: None }
    }
}

/// A document's state, without its text.
#[derive(Default)]
pub(crate) struct DocumentState {
    inline: RequestSlot,
    popup: RequestSlot,
    /// The subject of the newest request.
    about: Option<Subject>,
    /// The last look-ahead job, running or ended.
    ahead: Option<Arc<RunningJob>>,
    /// Line and number of lines of the last look-ahead after a pause.
    pub(crate) looked_ahead_from: Option<(usize, usize)>,
    /// Decides whether look-ahead is useful in this document.
    pub(crate) look_ahead: LookAheadBackoff,
    /// The shown suggestion, and recently accepted ones.
    pub(crate) feedback: Feedback,
    /// The text of other files in the document's prompts.
    pub(crate) snippets: HeldSnippets,
    /// The last request, and whether nothing is shown there.
    pub(crate) silent: SilentPlace,
    /// The last answered request and its report.
    pub(crate) last_report: Option<(u64, Arc<Report>)>,
}

impl DocumentState {
    /// Makes `id` the newest request of `surface`, which supersedes the one before; a request about
    /// another text or cursor supersedes those of every surface.
    pub(crate) fn begin(
        &mut self,
        surface: Surface,
        id: u64,
        about: Subject,
    ) -> watch::Receiver<u64> {
        let has_moved = self.about.replace(about) != Some(about);
        if has_moved {
            self.supersede_all(id);
        }
        let newest = &self.slot(surface).newest;
        newest.send_replace(id);
        newest.subscribe()
    }

    fn supersede_all(&self, id: u64) {
        for slot in [&self.inline, &self.popup] {
            slot.newest.send_replace(id);
        }
    }

    /// Whether `id` is the newest request at `surface`, and no newer request has another subject.
    pub(crate) fn is_newest(&self, surface: Surface, id: u64) -> bool {
        *self.slot(surface).newest.borrow() == id
    }

    /// Makes `job` the one of `surface`, about the text and cursor of the newest request. Cancels
    /// the surface's earlier job. Drops jobs about other subjects and look-ahead jobs; a request
    /// that has joined one keeps it alive.
    pub(crate) fn start(&mut self, surface: Surface, job: Arc<RunningJob>) {
        let about = self.about;
        if let Some((_, earlier)) = self.slot_mut(surface).job.replace((about, job)) {
            earlier.ticket.cancel();
        }
        for slot in [&mut self.inline, &mut self.popup] {
            slot.job.take_if(|(of, _)| *of != about);
        }
        self.ahead = None;
    }

    /// Cancels the job of `surface`; its text stays readable.
    pub(crate) fn cancel(&self, surface: Surface) {
        if let Some((_, job)) = &self.slot(surface).job {
            job.ticket.cancel();
        }
    }

    /// Drops the job of `surface`.
    pub(crate) fn stop(&mut self, surface: Surface) {
        self.slot_mut(surface).job = None;
    }

    /// Supersedes every request by `id` and cancels every job: the document is closed.
    pub(crate) fn close(&self, id: u64) {
        self.supersede_all(id);
        self.running().for_each(|job| job.ticket.cancel());
    }

    /// Makes `job` the look-ahead job; a new one cancels the earlier one.
    pub(crate) fn started_ahead(&mut self, job: Arc<RunningJob>, is_new: bool) {
        if let Some(earlier) = self.ahead.replace(job).filter(|_| is_new) {
            earlier.ticket.cancel();
        }
    }

    /// Returns the last look-ahead job, running or ended.
    pub(crate) fn ahead(&self) -> Option<Arc<RunningJob>> {
        self.ahead.clone()
    }

    fn slot(&self, surface: Surface) -> &RequestSlot {
        match surface {
            Surface::Inline => &self.inline,
            Surface::Popup => &self.popup,
        }
    }

    fn slot_mut(&mut self, surface: Surface) -> &mut RequestSlot {
        match surface {
            Surface::Inline => &mut self.inline,
            Surface::Popup => &mut self.popup,
        }
    }

    /// Returns all jobs that a request might join.
    pub(crate) fn running(&self) -> impl Iterator<Item = Arc<RunningJob>> + use<> {
        let [inline, popup] = [&self.inline, &self.popup]
            .map(|slot| slot.job.as_ref().map(|(_, job)| Arc::clone(job)));
        [inline, popup, self.ahead.clone()].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
