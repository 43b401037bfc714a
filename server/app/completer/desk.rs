//! What is going on for one document: its newest request, its running job, its last report.

use std::sync::Arc;

use tokio::sync::watch;

use super::foresight::Foresight;
use super::live::Live;
use crate::report::Report;

/// One document's place in the completer.
pub(super) struct Desk {
    /// Id of the newest request; every waiting one watches it.
    newest: watch::Sender<u64>,
    /// The job that runs for the document, or ran last.
    pub(super) live: Option<Arc<Live>>,
    /// The job that looks ahead, or looked last.
    pub(super) ahead: Option<Arc<Live>>,
    /// Line and number of lines where a pause was last taken for looking ahead.
    pub(super) looked_ahead_from: Option<(usize, usize)>,
    /// Whether looking ahead pays off in this document.
    pub(super) foresight: Foresight,
    /// The report of the last answered request.
    pub(super) last_report: Option<Arc<Report>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            newest: watch::channel(0).0,
            live: None,
            ahead: None,
            looked_ahead_from: None,
            foresight: Foresight::default(),
            last_report: None,
        }
    }
}

impl Desk {
    /// Makes `id` the newest request, which supersedes the one before.
    pub(super) fn begin(&mut self, id: u64) -> watch::Receiver<u64> {
        self.newest.send_replace(id);
        self.newest.subscribe()
    }

    /// Whether no request came after `id`.
    pub(super) fn is_newest(&self, id: u64) -> bool {
        *self.newest.borrow() == id
    }
}
