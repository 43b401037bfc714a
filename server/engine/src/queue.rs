//! The queue before the worker: interactive jobs first, in order of arrival.
//!
//! The queue never grows without bound, because a document has at most one live
//! job per priority: a superseded one is handed to the worker only to be finished
//! at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::epoch::Epoch;
use crate::job::{Job, Priority};

/// A job with its place in its document's history.
pub(crate) struct Queued {
    pub(crate) job: Job,
    pub(crate) epoch: Epoch,
}

#[derive(Default)]
struct Inner {
    interactive: VecDeque<Queued>,
    background: VecDeque<Queued>,
    closed: bool,
}

/// What waiting for a job came to.
pub(crate) enum Popped {
    /// A job.
    Job(Box<Queued>),
    /// None in the time given.
    Nothing,
    /// The queue is closed, and there will be no other.
    Closed,
}

/// Jobs waiting for the worker.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    arrived: Condvar,
    /// Mirrors "an interactive job waits", so that a running background job can ask per token.
    interactive_waits: AtomicBool,
}

impl Queue {
    /// Adds a job; hands it back when the queue is closed.
    pub(crate) fn push(&self, queued: Queued) -> Result<(), Box<Queued>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.closed {
            return Err(Box::new(queued));
        }
        match queued.job.priority {
            Priority::Interactive => {
                inner.interactive.push_back(queued);
                self.interactive_waits.store(true, Ordering::Release);
            }
            Priority::Background => inner.background.push_back(queued),
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for the next job, for at most `patience` where there is one, asleep.
    pub(crate) fn pop(&self, patience: Option<Duration>) -> Popped {
        let deadline = patience.map(|patience| Instant::now() + patience);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if inner.closed {
                return Popped::Closed;
            }
            let next = inner.interactive.pop_front();
            self.interactive_waits.store(!inner.interactive.is_empty(), Ordering::Release);
            if let Some(next) = next.or_else(|| inner.background.pop_front()) {
                return Popped::Job(Box::new(next));
            }
            inner = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                None => self.arrived.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Popped::Nothing,
                Some(left) => {
                    let waited = self.arrived.wait_timeout(inner, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Whether an interactive job waits for the running one to end, or the queue is closed.
    pub(crate) fn interactive_waits(&self) -> bool {
        self.interactive_waits.load(Ordering::Acquire)
    }

    /// Refuses further jobs and hands back those that wait.
    pub(crate) fn close(&self) -> Vec<Queued> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.closed = true;
        self.interactive_waits.store(true, Ordering::Release);
        self.arrived.notify_all();
        let mut left: Vec<_> = inner.interactive.drain(..).collect();
        left.extend(inner.background.drain(..));
        left
    }
}
