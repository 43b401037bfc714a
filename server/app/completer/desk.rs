//! What is going on for one document: its newest requests, its running jobs, its last report.

use std::sync::Arc;

use tokio::sync::watch;

use super::Place;
use super::foresight::Foresight;
use super::live::Live;
use crate::report::Report;

/// What tells two requests about the same text and cursor from others: version, length, offset.
///
/// Versions alone would not do: not every client counts.
pub(super) type Subject = (i32, usize, usize);

/// One document's place in the completer.
pub(super) struct Desk {
    /// Id of the newest request of each place; every waiting one watches that of its own.
    newest: [watch::Sender<u64>; 2],
    /// The job that runs for each place, or ran last.
    live: [Option<(Option<Subject>, Arc<Live>)>; 2],
    /// What the newest request is about.
    about: Option<Subject>,
    /// The job that looks ahead, or looked last.
    pub(super) ahead: Option<Arc<Live>>,
    /// Line and number of lines where a pause was last taken for looking ahead.
    pub(super) looked_ahead_from: Option<(usize, usize)>,
    /// Whether looking ahead pays off in this document.
    pub(super) foresight: Foresight,
    /// The last answered request and its report.
    pub(super) last_report: Option<(u64, Arc<Report>)>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            newest: [(); 2].map(|()| watch::channel(0).0),
            live: [None, None],
            about: None,
            ahead: None,
            looked_ahead_from: None,
            foresight: Foresight::default(),
            last_report: None,
        }
    }
}

impl Desk {
    /// Makes `id` the newest request of `place`, which supersedes the one before; and whatever
    /// was asked about another text or cursor is superseded at every place.
    pub(super) fn begin(&mut self, place: Place, id: u64, about: Subject) -> watch::Receiver<u64> {
        let has_moved = self.about.replace(about) != Some(about);
        let [inline, popup] = &self.newest;
        let (newest, other) = match place {
            Place::Inline => (inline, popup),
            Place::Popup => (popup, inline),
        };
        if has_moved {
            other.send_replace(id);
        }
        newest.send_replace(id);
        newest.subscribe()
    }

    /// Supersedes whatever waits.
    pub(super) fn supersede_all(&self, id: u64) {
        for newest in &self.newest {
            newest.send_replace(id);
        }
    }

    /// Whether no request came after `id` at its place.
    pub(super) fn is_newest(&self, id: u64) -> bool {
        self.newest.iter().any(|newest| *newest.borrow() == id)
    }

    /// Lets a job run for `place` about what is asked now; one about something else is ended.
    pub(super) fn start(&mut self, place: Place, live: Arc<Live>) {
        let about = self.about;
        for at in &mut self.live {
            if at.as_ref().is_some_and(|(of, _)| *of != about) {
                *at = None;
            }
        }
        *self.live_at(place) = Some((about, live));
        self.ahead = None;
    }

    /// Ends the job of `place`.
    pub(super) fn stop(&mut self, place: Place) {
        *self.live_at(place) = None;
    }

    fn live_at(&mut self, place: Place) -> &mut Option<(Option<Subject>, Arc<Live>)> {
        let [inline, popup] = &mut self.live;
        match place {
            Place::Inline => inline,
            Place::Popup => popup,
        }
    }

    /// All jobs that a request might join.
    pub(super) fn running(&self) -> impl Iterator<Item = Arc<Live>> + use<> {
        let [inline, popup] =
            self.live.each_ref().map(|at| at.as_ref().map(|(_, live)| Arc::clone(live)));
        [inline, popup, self.ahead.clone()].into_iter().flatten()
    }
}
