//! Counts of the engine's work, for benchmarks and statistics.

use std::sync::atomic::{AtomicU64, Ordering};

use lowkey_engine::{Priority, TokenCounts};

/// Tokens computed since the start, for requests and in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Prompt tokens of requests.
    pub prefilled: u64,
    /// Tokens decoded for requests.
    pub decoded: u64,
    /// Prompt tokens of look-ahead, and of whole prompts after their small ones.
    pub background_prefilled: u64,
    /// Tokens decoded by look-ahead.
    pub background_decoded: u64,
}

/// The counters of [`Work`], written on the engine's thread.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    prefilled: [AtomicU64; 2],
    decoded: [AtomicU64; 2],
}

impl Counters {
    /// Adds a finished job.
    pub(crate) fn add(&self, priority: Priority, tokens: &TokenCounts) {
        let at = usize::from(priority == Priority::Background);
        self.prefilled[at].fetch_add(tokens.prefilled as u64, Ordering::Relaxed);
        self.decoded[at].fetch_add(tokens.decoded as u64, Ordering::Relaxed);
    }

    /// Returns the counts so far.
    pub(crate) fn read(&self) -> Work {
        let [prefilled, background_prefilled] =
            [0, 1].map(|at: usize| self.prefilled[at].load(Ordering::Relaxed));
        let [decoded, background_decoded] =
            [0, 1].map(|at: usize| self.decoded[at].load(Ordering::Relaxed));
        Work { prefilled, decoded, background_prefilled, background_decoded }
    }
}
