//! Lets the indexer wait while a request is in flight.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The requests in flight.
#[derive(Debug, Default)]
pub struct Pause {
    n_requests: Mutex<usize>,
    changed: Condvar,
}

/// A request in flight: the indexer waits until it is dropped.
#[derive(Debug)]
pub struct InFlight {
    pause: Arc<Pause>,
}

impl Pause {
    /// Makes the indexer wait before its next file, until the returned value is dropped.
    #[must_use]
    pub fn begin(self: &Arc<Self>) -> InFlight {
        *self.n_requests() += 1;
        InFlight { pause: Arc::clone(self) }
    }

    /// Waits until no request is in flight, or until the indexer is stopped.
    pub(super) fn wait(&self, is_stopped: &AtomicBool) {
        let mut n_requests = self.n_requests();
        while *n_requests > 0 && !is_stopped.load(Ordering::Acquire) {
            n_requests = self.changed.wait(n_requests).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes the indexer so that it sees that it is stopped.
    pub(super) fn wake(&self) {
        // With the lock: the indexer either has not read the flag yet, or it waits.
        drop(self.n_requests());
        self.changed.notify_all();
    }

    fn n_requests(&self) -> MutexGuard<'_, usize> {
        self.n_requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        *self.pause.n_requests() -= 1;
        self.pause.changed.notify_all();
    }
}
