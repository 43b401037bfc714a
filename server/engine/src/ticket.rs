//! Cancellation: the owner of a job ends it, and a shutdown ends all jobs.
//!
//! The engine has no notion of a newer request: whoever submits jobs decides which of them still matter, and cancels
//! the others through their [`Ticket`]s. Asking is two atomic loads, so the worker asks before every prefill chunk,
//! between the layers of a forward and before every token.

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
    /// Makes a ticket of an engine and what the worker asks; `engine` is set when the engine shuts down.
    pub(crate) fn new(engine: &Arc<AtomicBool>) -> (Self, Cancellation) {
        let cancelled = Arc::<AtomicBool>::default();
        let cancellation = Cancellation { job: Arc::clone(&cancelled), engine: Arc::clone(engine) };
        (Self { cancelled }, cancellation)
    }

    /// Cancels the job; a job that has ended no longer has its whole prompt computed.
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
    /// Whether the job is to end: its ticket is cancelled or dropped, or the engine shuts down.
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
