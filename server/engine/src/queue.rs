//! The queue before the worker: interactive jobs first, in order of arrival.
//!
//! The queue never grows without bound as long as the caller has a bounded number of
//! jobs that matter: a cancelled one is handed to the worker only to be finished at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::job::{Job, Priority};
use crate::ticket::Cancellation;

/// A job and whether it still matters.
pub(crate) struct Queued<R> {
    pub(crate) job: Job<R>,
    pub(crate) cancellation: Cancellation,
}

struct Inner<R> {
    interactive: VecDeque<Queued<R>>,
    background: VecDeque<Queued<R>>,
    closed: bool,
}

/// What waiting for a job came to.
pub(crate) enum Popped<R> {
    /// A job.
    Job(Box<Queued<R>>),
    /// None in the time given.
    Nothing,
    /// The queue is closed, and there will be no other.
    Closed,
}

/// Jobs waiting for the worker.
pub(crate) struct Queue<R> {
    inner: Mutex<Inner<R>>,
    arrived: Condvar,
    /// Mirrors "an interactive job waits", so that a running background job can ask per token.
    interactive_waits: AtomicBool,
}

impl<R> Default for Queue<R> {
    fn default() -> Self {
        let inner =
            Inner { interactive: VecDeque::new(), background: VecDeque::new(), closed: false };
        Self {
            inner: Mutex::new(inner),
            arrived: Condvar::new(),
            interactive_waits: AtomicBool::new(false),
        }
    }
}

impl<R> Queue<R> {
    /// Adds a job; hands it back when the queue is closed.
    pub(crate) fn push(&self, queued: Queued<R>) -> Result<(), Box<Queued<R>>> {
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
    pub(crate) fn pop(&self, patience: Option<Duration>) -> Popped<R> {
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
    pub(crate) fn close(&self) -> Vec<Queued<R>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.closed = true;
        self.interactive_waits.store(true, Ordering::Release);
        self.arrived.notify_all();
        let mut left: Vec<_> = inner.interactive.drain(..).collect();
        left.extend(inner.background.drain(..));
        left
    }
}
