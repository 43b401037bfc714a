//! When to ask again after a failure: later after each one, and not all clients at once.

use std::time::{Duration, Instant};

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause that lowkey chooses.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest pause that a server can ask for.
const LONGEST_ASKED: Duration = Duration::from_mins(10);
/// The pause after a failure that only the user can end, such as a wrong key.
const BY_USER: Duration = Duration::from_mins(5);

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may pass by itself.
    Passing,
    /// The server asks for this pause.
    Asked(Duration),
    /// It stays until the user changes the settings or the server.
    Lasting,
}

/// The pause after failures.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backoff {
    n_failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Returns the rest of the pause; `None` if the server may be asked.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Records a failure; `jitter` from 0 to 1 spreads clients that failed at the same time.
    pub(crate) fn failed(&mut self, failure: Failure, now: Instant, jitter: f64) {
        self.n_failures = self.n_failures.saturating_add(1);
        let doublings = self.n_failures.saturating_sub(1).min(16);
        let pause = match failure {
            Failure::Passing => FIRST.saturating_mul(1 << doublings).min(LONGEST),
            Failure::Asked(pause) => pause.clamp(FIRST, LONGEST_ASKED),
            Failure::Lasting => BY_USER,
        };
        // A pause that the server asks for is never shortened.
        let share = match failure {
            Failure::Asked(_) => 1.0 + 0.25 * jitter.clamp(0.0, 1.0),
            Failure::Passing | Failure::Lasting => 0.5 + 0.5 * jitter.clamp(0.0, 1.0),
        };
        self.until = now.checked_add(pause.mul_f64(share));
    }
}

/// Returns a random number from 0 to 1; one half if the system has none.
pub(crate) fn jitter() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(failures: &[Failure], jitter: f64) -> Vec<u128> {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let pause = |&failure: &Failure| {
            backoff.failed(failure, now, jitter);
            backoff.left(now).unwrap().as_millis()
        };
        failures.iter().map(pause).collect()
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        use Failure::Passing;
        let expected = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000];
        assert_eq!(pauses(&[Passing; 8], 1.0), expected);
        assert_eq!(pauses(&[Passing; 2], 0.0), [500, 1000]);
    }

    #[test]
    fn asked_pauses_are_kept_within_limits() {
        let asked = |seconds| Failure::Asked(Duration::from_secs(seconds));
        assert_eq!(pauses(&[asked(7)], 0.0), [7000]);
        assert_eq!(pauses(&[asked(0)], 0.0), [1000]);
        assert_eq!(pauses(&[asked(86_400)], 0.0), [600_000]);
        assert_eq!(pauses(&[asked(8)], 1.0), [10_000]);
        assert_eq!(pauses(&[Failure::Lasting], 1.0), [300_000]);
    }

    #[test]
    fn success_ends_the_pause() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.failed(Failure::Passing, now, 1.0);
        assert!(backoff.left(now + Duration::from_millis(1001)).is_none());
        backoff.failed(Failure::Passing, now, 1.0);
        backoff.succeeded();
        assert!(backoff.left(now).is_none());
        backoff.failed(Failure::Passing, now, 1.0);
        assert_eq!(backoff.left(now), Some(FIRST), "the count begins again");
    }

    #[test]
    fn jitter_is_a_share() {
        let drawn: Vec<f64> = (0..64).map(|_| jitter()).collect();
        assert!(drawn.iter().all(|share| (0.0..=1.0).contains(share)));
        assert!(drawn.iter().any(|share| share != drawn.first().unwrap()), "they differ");
    }
}
