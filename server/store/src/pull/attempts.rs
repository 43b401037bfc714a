//! Counts attempts and computes the delay before the next one.
//!
//! The count restarts whenever the file grows past its previous maximum. A connection that breaks
//! every few megabytes therefore still completes the file, and a server that sends the same bytes
//! repeatedly does not keep the pull running.

use std::time::Duration;

/// Consecutive attempts without progress.
pub(super) const MAX_ATTEMPTS: u32 = 5;
/// The same limit if there is another source.
pub(super) const MAX_ATTEMPTS_WITH_FALLBACK: u32 = 2;
/// Maximum delay. If a server asks for a longer one, the pull gives up.
const MAX_DELAY: Duration = Duration::from_mins(2);

/// A transient failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TransientFailure {
    pub(super) reason: String,
    /// The delay that the server asks for.
    pub(super) retry_after: Option<Duration>,
}

impl TransientFailure {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), retry_after: None }
    }
}

#[derive(Debug)]
pub(super) struct Attempts {
    longest: u64,
    limit: u32,
    pub(super) failed: u32,
}

impl Attempts {
    /// Allows `limit` consecutive attempts.
    pub(super) fn new(limit: u32) -> Self {
        Self { longest: 0, limit, failed: 0 }
    }

    /// Counts a failure with `have` bytes in the file. Returns the delay before the next attempt,
    /// or `None` after the last one.
    pub(super) fn failed(&mut self, have: u64, failure: &TransientFailure) -> Option<Duration> {
        if have > self.longest {
            self.longest = have;
            self.failed = 0;
        }
        self.failed += 1;
        let own = Duration::from_secs(1 << (self.failed - 1).min(6));
        let after = failure.retry_after.unwrap_or_default().max(own);
        (self.failed < self.limit && after <= MAX_DELAY).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_until_progress_or_limit() {
        let mut attempts = Attempts::new(MAX_ATTEMPTS);
        let failure = TransientFailure::new("broken");
        let seconds: Vec<_> = (0..5).map(|_| attempts.failed(0, &failure)).collect();
        let wanted = [Some(1), Some(2), Some(4), Some(8), None];
        assert_eq!(seconds, wanted.map(|s| s.map(Duration::from_secs)));
        let mut attempts = Attempts::new(MAX_ATTEMPTS);
        for have in 1..100 {
            assert_eq!(attempts.failed(have, &failure), Some(Duration::from_secs(1)));
        }
        assert_eq!(
            attempts.failed(7, &failure),
            Some(Duration::from_secs(2)),
            "not past its longest"
        );
    }

    #[test]
    fn retry_after_counts_up_to_two_minutes() {
        let wish = |seconds| TransientFailure {
            reason: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let mut attempts = Attempts::new(MAX_ATTEMPTS);
        assert_eq!(attempts.failed(0, &wish(30)), Some(Duration::from_secs(30)));
        assert_eq!(attempts.failed(0, &wish(0)), Some(Duration::from_secs(2)));
        assert_eq!(attempts.failed(0, &wish(3600)), None);
    }
}
