//! The queue before the worker: interactive jobs first, in order of arrival.
//!
//! A caller with a bounded number of current jobs keeps the queue bounded: the worker takes a
//! cancelled job and finishes it at once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::activity::CountedJob;
use crate::job::{Job, Priority};
use crate::judge::QueuedJudgement;
use crate::ticket::Cancellation;

/// A job and its cancellation.
pub(crate) struct Queued<R> {
    pub(crate) job: Job<R>,
    pub(crate) cancellation: Cancellation,
    /// Shows engines at low priority that there is a job.
    pub(crate) counted: CountedJob,
}

struct Inner<R> {
    interactive: VecDeque<Queued<R>>,
    background: VecDeque<Queued<R>>,
    judgements: VecDeque<QueuedJudgement>,
    closed: bool,
}

/// The result of waiting for a job.
pub(crate) enum Popped<R> {
    Job(Box<Queued<R>>),
    Judgement(Box<QueuedJudgement>),
    /// No job arrived in time.
    TimedOut,
    /// The queue is closed; no more jobs arrive.
    Closed,
}

/// Jobs waiting for the worker.
pub(crate) struct Queue<R> {
    inner: Mutex<Inner<R>>,
    job_arrived: Condvar,
    /// Mirrors "an interactive job waits", so that a running background job can check it before
    /// each token.
    has_interactive_job: AtomicBool,
}

impl<R> Default for Queue<R> {
    fn default() -> Self {
        let inner = Inner {
            interactive: VecDeque::new(),
            background: VecDeque::new(),
            judgements: VecDeque::new(),
            closed: false,
        };
        Self {
            inner: Mutex::new(inner),
            job_arrived: Condvar::new(),
            has_interactive_job: AtomicBool::new(false),
        }
    }
}

impl<R> Queue<R> {
    /// Adds a job; returns it to the caller if the queue is closed.
    pub(crate) fn push(&self, queued: Queued<R>) -> Result<(), Box<Queued<R>>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.closed {
            return Err(Box::new(queued));
        }
        match queued.job.priority {
            Priority::Interactive => {
                inner.interactive.push_back(queued);
                self.has_interactive_job.store(true, Ordering::Release);
            }
            Priority::Background => inner.background.push_back(queued),
        }
        self.job_arrived.notify_one();
        Ok(())
    }

    /// Adds a judgement, which waits until no job does; returns it to the caller if the queue is
    /// closed.
    pub(crate) fn push_judgement(
        &self,
        queued: QueuedJudgement,
    ) -> Result<(), Box<QueuedJudgement>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.closed {
            return Err(Box::new(queued));
        }
        inner.judgements.push_back(queued);
        self.job_arrived.notify_one();
        Ok(())
    }

    /// Sleeps until the next job arrives, for at most `timeout` if given.
    pub(crate) fn pop(&self, timeout: Option<Duration>) -> Popped<R> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if inner.closed {
                return Popped::Closed;
            }
            let next = inner.interactive.pop_front();
            self.has_interactive_job.store(!inner.interactive.is_empty(), Ordering::Release);
            if let Some(next) = next.or_else(|| inner.background.pop_front()) {
                return Popped::Job(Box::new(next));
            }
            if let Some(next) = inner.judgements.pop_front() {
                return Popped::Judgement(Box::new(next));
            }
            inner = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                None => self.job_arrived.wait(inner).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Popped::TimedOut,
                Some(left) => {
                    let waited = self.job_arrived.wait_timeout(inner, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Whether an interactive job waits for the running job, or the queue is closed.
    pub(crate) fn has_interactive_job(&self) -> bool {
        self.has_interactive_job.load(Ordering::Acquire)
    }

    /// Refuses further jobs and returns the waiting ones.
    pub(crate) fn close(&self) -> (Vec<Queued<R>>, Vec<QueuedJudgement>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.closed = true;
        self.has_interactive_job.store(true, Ordering::Release);
        self.job_arrived.notify_all();
        let mut left: Vec<_> = inner.interactive.drain(..).collect();
        left.extend(inner.background.drain(..));
        (left, inner.judgements.drain(..).collect())
    }
}
