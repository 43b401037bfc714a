//! What is going on for one document: its newest requests, its running jobs, its last report.

use std::sync::Arc;

use tokio::sync::watch;

use super::Place;
use super::foresight::Foresight;
use super::live::Live;
use crate::report::Report;

/// One document's place in the completer.
pub(super) struct Desk {
    /// Id of the newest request of each place; every waiting one watches that of its own.
    newest: [watch::Sender<u64>; 2],
    /// The job that runs for each place, or ran last.
    live: [Option<Arc<Live>>; 2],
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
            ahead: None,
            looked_ahead_from: None,
            foresight: Foresight::default(),
            last_report: None,
        }
    }
}

impl Desk {
    /// Makes `id` the newest request of `place`, which supersedes the one before.
    pub(super) fn begin(&mut self, place: Place, id: u64) -> watch::Receiver<u64> {
        let [inline, popup] = &mut self.newest;
        let newest = match place {
            Place::Inline => inline,
            Place::Popup => popup,
        };
        newest.send_replace(id);
        newest.subscribe()
    }

    /// Whether no request came after `id` at its place.
    pub(super) fn is_newest(&self, id: u64) -> bool {
        self.newest.iter().any(|newest| *newest.borrow() == id)
    }

    /// The job that runs for `place`, or ran last.
    pub(super) fn live(&mut self, place: Place) -> &mut Option<Arc<Live>> {
        let [inline, popup] = &mut self.live;
        match place {
            Place::Inline => inline,
            Place::Popup => popup,
        }
    }

    /// All jobs that a request might join.
    pub(super) fn running(&self) -> impl Iterator<Item = Arc<Live>> + use<> {
        let [inline, popup] = self.live.clone();
        [inline, popup, self.ahead.clone()].into_iter().flatten()
    }
}
