//! Cancellation: the owner of a job cancels that job, and a shutdown cancels all jobs.
//!
//! The engine does not know which request is newer. The caller decides which jobs are out of date,
//! and cancels them through their [`Ticket`]s. The check is two atomic loads, so the worker checks
//! before every prefill chunk, between the layers of a forward pass and before every token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A claim on a submitted job; dropping it cancels the job.
#[derive(Debug)]
pub struct Ticket {
    cancelled: Arc<AtomicBool>,
}

/// The worker's view of a ticket.
#[derive(Debug, Clone)]
pub(crate) struct Cancellation {
    job: Arc<AtomicBool>,
    engine: Arc<AtomicBool>,
}

impl Ticket {
    /// Builds a ticket and the worker's view of it. `engine` is set when the engine shuts down.
    pub(crate) fn new(engine: &Arc<AtomicBool>) -> (Self, Cancellation) {
        let cancelled = Arc::<AtomicBool>::default();
        let cancellation = Cancellation { job: Arc::clone(&cancelled), engine: Arc::clone(engine) };
        (Self { cancelled }, cancellation)
    }

    /// Cancels the job. After the job has ended, this cancels the background computation of its
    /// whole prompt.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Cancellation {
    /// Whether the job must end: its ticket is cancelled or dropped, or the engine shuts down.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.job.load(Ordering::Acquire) || self.engine.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticket_cancels_its_own_job_only() {
        let engine = Arc::default();
        let (first, first_view) = Ticket::new(&engine);
        let (second, second_view) = Ticket::new(&engine);
        first.cancel();
        assert!(first_view.is_cancelled() && !second_view.is_cancelled());
        drop(second);
        assert!(second_view.is_cancelled());
    }

    #[test]
    fn shutdown_cancels_every_job() {
        let engine = Arc::<AtomicBool>::default();
        let (_ticket, view) = Ticket::new(&engine);
        engine.store(true, Ordering::Release);
        assert!(view.is_cancelled());
    }
}
