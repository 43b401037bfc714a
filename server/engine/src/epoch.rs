//! Generation counters: how a newer job of a document stops an older one.
//!
//! Each document has one counter. A job notes the count at its submission; the
//! next submission counts on, and with that the older job is no longer current.
//! Reading it is one atomic load, so the worker asks before every prefill chunk,
//! between the layers of a forward and before every token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of all documents that ever asked for something.
#[derive(Debug, Default)]
pub struct Epochs {
    counters: Mutex<HashMap<Arc<str>, Arc<AtomicU64>>>,
}

/// One job's place in its document's history.
#[derive(Debug, Clone)]
pub struct Epoch {
    counter: Arc<AtomicU64>,
    mine: u64,
}

impl Epochs {
    /// Begins a new epoch of `document`; every earlier one is superseded by this.
    pub fn begin(&self, document: &Arc<str>) -> Epoch {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = Arc::clone(counters.entry(Arc::clone(document)).or_default());
        let mine = counter.fetch_add(1, Ordering::AcqRel) + 1;
        Epoch { counter, mine }
    }

    /// Supersedes whatever runs for `document` and forgets its counter.
    pub fn close(&self, document: &str) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = counters.remove(document) {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Supersedes everything.
    pub fn close_all(&self) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, counter) in counters.drain() {
            counter.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Epoch {
    /// Whether no newer job of the document was submitted and nobody cancelled this one.
    pub fn is_current(&self) -> bool {
        self.counter.load(Ordering::Acquire) == self.mine
    }

    /// Ends this epoch, unless a newer one has begun already.
    pub fn cancel(&self) {
        // A failed exchange means that a newer job holds the document: that one must live.
        let _ = self.counter.compare_exchange(
            self.mine,
            self.mine + 1,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_epoch_supersedes_the_older_of_the_same_document_only() {
        let epochs = Epochs::default();
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        let first = epochs.begin(&a);
        let other = epochs.begin(&b);
        let second = epochs.begin(&a);
        assert!(!first.is_current());
        assert!(second.is_current());
        assert!(other.is_current());
    }

    #[test]
    fn cancelling_an_old_epoch_leaves_the_newer_one_alive() {
        let epochs = Epochs::default();
        let a = Arc::from("a");
        let first = epochs.begin(&a);
        let second = epochs.begin(&a);
        first.cancel();
        assert!(second.is_current());
        second.cancel();
        assert!(!second.is_current());
    }

    #[test]
    fn closing_a_document_ends_what_runs_for_it() {
        let epochs = Epochs::default();
        let a: Arc<str> = Arc::from("a");
        let running = epochs.begin(&a);
        epochs.close("a");
        assert!(!running.is_current());
        assert!(epochs.begin(&a).is_current());
    }
}
