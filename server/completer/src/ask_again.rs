//! Informs the editor that a place has a text now, where its last request was answered with nothing.
//!
//! A refined text often arrives after its request was answered. Without a further key the user
//! would never see it. So an editor that can be told is told to ask once more, and the answer then
//! comes from the memory. The decision is made by the same steps as that answer, so an editor is
//! not told in vain.
//!
//! Invariants: never while a text is shown; never after a change of the document or a newer
//! request; at most once for each place of a version.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lowkey_document::{ByteOffset, Snapshot, Uri};
use tokio::sync::watch;

use crate::answer::Outcome;
use crate::refine_job::RefineJob;
use crate::request::{ActiveRequest, Subject, Surface, Trigger};
use crate::state::Completer;

/// A place where a request would be answered with a text now.
#[derive(Debug, Clone)]
pub struct AskAgain {
    /// The text for which this holds.
    pub snapshot: Snapshot,
    pub cursor: ByteOffset,
}

/// The last request of a document for text after the cursor, and whether something is shown there.
#[derive(Default)]
pub(crate) struct SilentPlace {
    last: Option<AnsweredRequest>,
    /// Version and length of the text that `told` is about.
    of: Option<(i32, usize)>,
    /// The cursors of which the editor was told.
    told: HashSet<usize>,
}

struct AnsweredRequest {
    active: ActiveRequest,
    is_silent: bool,
}

impl SilentPlace {
    /// Records the answer to a request.
    pub(crate) fn answered(&mut self, active: &ActiveRequest, outcome: &Outcome) {
        if active.request.surface == Surface::Inline {
            let is_silent = *outcome == Outcome::Nothing;
            self.last = Some(AnsweredRequest { active: active.clone(), is_silent });
        }
    }

    /// Records that the editor does not show the text of the answer `id`.
    pub(crate) fn withheld(&mut self, id: u64) {
        if let Some(last) = self.last.as_mut().filter(|last| last.active.id == id) {
            last.is_silent = true;
        }
    }

    /// Forgets the request: a further one would be answered with nothing too.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Forgets the request if the text is another one now.
    pub(crate) fn changed(&mut self, snapshot: &Snapshot) {
        self.last.take_if(|last| {
            let (version, n_bytes, _) = last.active.request.subject();
            (version, n_bytes) != (snapshot.version(), snapshot.n_bytes())
        });
    }

    /// Returns the request, if nothing is shown, no newer one exists and the editor was not told.
    fn request(&self) -> Option<&ActiveRequest> {
        let last = self.last.as_ref().filter(|last| last.is_silent)?;
        let active = Some(&last.active).filter(|active| !active.is_superseded())?;
        let (version, n_bytes, cursor) = active.request.subject();
        let is_told = self.of == Some((version, n_bytes)) && self.told.contains(&cursor);
        (!is_told).then_some(active)
    }

    /// Records that the editor is told about a place; returns whether it may be.
    fn tell(&mut self, about: Subject) -> bool {
        if self.request().is_none_or(|active| active.request.subject() != about) {
            return false;
        }
        let (version, n_bytes, cursor) = about;
        if self.of.replace((version, n_bytes)) != Some((version, n_bytes)) {
            self.told.clear();
        }
        self.told.insert(cursor)
    }
}

impl Completer {
    /// Subscribes to places at which the editor should ask again. Only the newest one matters: the
    /// user is at one place.
    pub fn subscribe_ask_again(&self) -> watch::Receiver<Option<AskAgain>> {
        self.ask_again.subscribe()
    }

    /// Informs the editor when a call has ended with a text for a place where nothing is shown.
    pub(crate) fn watch_refinement(self: &Arc<Self>, uri: &Uri, job: &RefineJob) {
        if self.ask_again.receiver_count() == 0 || job.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }
        let (completer, uri) = (Arc::downgrade(self), uri.clone());
        let mut progress = job.progress.clone();
        tokio::spawn(async move {
            // An error means that the call is gone.
            let ended = progress.wait_for(|progress| progress.ended.is_some()).await.is_ok();
            if let (true, Some(completer)) = (ended, completer.upgrade()) {
                completer.offer_again(&uri);
            }
        });
    }

    /// Lets the editor ask again in a document, if a refined text is there now for its last
    /// request, which was answered with nothing.
    pub(crate) fn offer_again(&self, uri: &Uri) {
        if self.ask_again.receiver_count() == 0 {
            return;
        }
        let silent = self.documents().get(uri).and_then(|state| state.silent.request().cloned());
        let Some(mut active) = silent else { return };
        active.request.trigger = Trigger::Automatic;
        let Ok(prepared) = self.prepare(&active, &self.settings()) else { return };
        let answer = self.answer_from_refined(&active, &prepared);
        if !answer.is_some_and(|answer| matches!(answer.outcome, Outcome::Insert(_))) {
            return;
        }
        let subject = active.request.subject();
        let tells = self.documents().get_mut(uri).is_some_and(|state| state.silent.tell(subject));
        if tells {
            let (snapshot, cursor) = (active.request.snapshot, active.request.cursor);
            self.ask_again.send_replace(Some(AskAgain { snapshot, cursor }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use lowkey_document::Document;

    use super::*;
    use crate::insert::Insert;
    use crate::request::CompletionRequest;

    const TEXT: &str = "let a = ";

    fn active(version: i32, cursor: usize, newest: &watch::Sender<u64>) -> ActiveRequest {
        let snapshot = Document::open("untitled:a.rs", "rust", version, TEXT).snapshot();
        let request = CompletionRequest::new(snapshot, ByteOffset(cursor));
        ActiveRequest::new(*newest.borrow(), Instant::now(), request, newest.subscribe())
    }

    #[test]
    fn place_is_told_once_in_each_version() {
        let newest = watch::channel(1).0;
        let mut place = SilentPlace::default();
        let mut told = |version, cursor| {
            let active = active(version, cursor, &newest);
            place.answered(&active, &Outcome::Nothing);
            place.tell(active.request.subject())
        };
        assert!(told(1, 8));
        assert!(!told(1, 8), "once");
        assert!(told(1, 4), "another place");
        assert!(!told(1, 8), "the first place again");
        assert!(told(2, 8), "another version");
    }

    #[test]
    fn only_the_last_silent_request_is_told() {
        let newest = watch::channel(1).0;
        let active = active(1, 8, &newest);
        let at = active.request.cursor;
        let shown = Outcome::Insert(Insert { start: at, end: at, text: "1;".into() });
        let about = active.request.subject();
        let mut place = SilentPlace::default();
        assert!(!place.tell(about), "nothing was asked");
        place.answered(&active, &shown);
        assert!(!place.tell(about), "a text is shown");
        place.withheld(7);
        assert!(!place.tell(about), "another answer is withheld");
        place.withheld(active.id);
        assert!(!place.tell((1, 8, 4)), "another place");
        place.changed(&Document::open("untitled:a.rs", "rust", 2, TEXT).snapshot());
        assert!(!place.tell(about), "the document has changed");
        place.answered(&active, &Outcome::Nothing);
        newest.send_replace(2);
        assert!(!place.tell(about), "a newer request runs");
        newest.send_replace(1);
        assert!(place.tell(about));
        let mut popup = active;
        popup.request.surface = Surface::Popup;
        place.answered(&popup, &Outcome::Nothing);
        assert!(!place.tell(about), "a popup is no place for ghost text");
    }
}
