//! What is going on for one document: its newest requests, its running jobs, its last report.

use std::sync::Arc;

use tokio::sync::watch;

use crate::Place;
use crate::look_ahead_backoff::Foresight;
use crate::report::Report;
use crate::running_job::Live;

/// What tells two requests about the same text and cursor from others: version, length, offset.
///
/// Versions alone would not do: not every client counts.
pub(crate) type Subject = (i32, usize, usize);

/// What goes on for one place of a document.
struct Seat {
    /// Id of the newest request; every waiting one watches it.
    newest: watch::Sender<u64>,
    /// The job that runs, or ran last, and what it is about.
    live: Option<(Option<Subject>, Arc<Live>)>,
}

impl Default for Seat {
    fn default() -> Self {
        Self { newest: watch::channel(0).0, live: None }
    }
}

/// One document's place in the completer.
#[derive(Default)]
pub(crate) struct Desk {
    inline: Seat,
    popup: Seat,
    /// What the newest request is about.
    about: Option<Subject>,
    /// The job that looks ahead, or looked last.
    pub(crate) ahead: Option<Arc<Live>>,
    /// Line and number of lines where a pause was last taken for looking ahead.
    pub(crate) looked_ahead_from: Option<(usize, usize)>,
    /// Whether looking ahead pays off in this document.
    pub(crate) foresight: Foresight,
    /// The last answered request and its report.
    pub(crate) last_report: Option<(u64, Arc<Report>)>,
}

impl Desk {
    /// Makes `id` the newest request of `place`, which supersedes the one before; and whatever
    /// was asked about another text or cursor is superseded at every place.
    pub(crate) fn begin(&mut self, place: Place, id: u64, about: Subject) -> watch::Receiver<u64> {
        let has_moved = self.about.replace(about) != Some(about);
        if has_moved {
            self.supersede_all(id);
        }
        let newest = &self.seat(place).newest;
        newest.send_replace(id);
        newest.subscribe()
    }

    /// Supersedes whatever waits.
    pub(crate) fn supersede_all(&self, id: u64) {
        for seat in [&self.inline, &self.popup] {
            seat.newest.send_replace(id);
        }
    }

    /// Whether no request came after `id` at `place`, and none about anything else.
    pub(crate) fn is_newest(&self, place: Place, id: u64) -> bool {
        *self.seat(place).newest.borrow() == id
    }

    /// Lets a job run for `place` about what is asked now; one about something else is ended.
    pub(crate) fn start(&mut self, place: Place, live: Arc<Live>) {
        let about = self.about;
        for seat in [&mut self.inline, &mut self.popup] {
            seat.live.take_if(|(of, _)| *of != about);
        }
        self.seat_mut(place).live = Some((about, live));
        self.ahead = None;
    }

    /// Ends the job of `place`.
    pub(crate) fn stop(&mut self, place: Place) {
        self.seat_mut(place).live = None;
    }

    fn seat(&self, place: Place) -> &Seat {
        match place {
            Place::Inline => &self.inline,
            Place::Popup => &self.popup,
        }
    }

    fn seat_mut(&mut self, place: Place) -> &mut Seat {
        match place {
            Place::Inline => &mut self.inline,
            Place::Popup => &mut self.popup,
        }
    }

    /// All jobs that a request might join.
    pub(crate) fn running(&self) -> impl Iterator<Item = Arc<Live>> + use<> {
        let [inline, popup] = [&self.inline, &self.popup]
            .map(|seat| seat.live.as_ref().map(|(_, live)| Arc::clone(live)));
        [inline, popup, self.ahead.clone()].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_one_place_never_counts_as_the_newest_of_the_other() {
        let mut desk = Desk::default();
        let _inline = desk.begin(Place::Inline, 1, (1, 9, 4));
        let _popup = desk.begin(Place::Popup, 2, (1, 9, 4));
        assert!(desk.is_newest(Place::Inline, 1) && desk.is_newest(Place::Popup, 2));
        // Asked again at the same cursor: the popup's request stands, the first one does not.
        let _again = desk.begin(Place::Inline, 3, (1, 9, 4));
        assert!(!desk.is_newest(Place::Inline, 1) && desk.is_newest(Place::Popup, 2));
        assert!(!desk.is_newest(Place::Inline, 2), "that is the popup's");
    }

    #[test]
    fn another_text_supersedes_both_places() {
        let mut desk = Desk::default();
        let inline = desk.begin(Place::Inline, 1, (1, 9, 4));
        let popup = desk.begin(Place::Popup, 2, (2, 10, 5));
        assert_eq!((*inline.borrow(), *popup.borrow()), (2, 2));
        assert!(!desk.is_newest(Place::Inline, 1) && desk.is_newest(Place::Popup, 2));
    }
}
