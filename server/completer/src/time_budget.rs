//! The time budget of an automatic request: what the user sets, or what the machine's speed asks for.
//!
//! Shorter than a line takes, it would make a slow machine show nothing; longer than it takes, a fast one would only
//! seem slow. So it is the time of one line, within what still feels like an answer to the key.

use std::time::Duration;

use lowkey_engine::{Speed, Status};

/// A line that is worth showing: this many tokens decoded, after as many of a prompt's tail.
const LINE_TOKENS: f64 = 16.0;
/// Shortest automatic budget.
const MIN: Duration = Duration::from_millis(150);
/// Longest automatic budget: beyond it, an answer to a key feels like waiting.
const MAX: Duration = Duration::from_millis(400);
/// The budget before the speed is measured.
const UNKNOWN: Duration = Duration::from_millis(200);

/// The budget: `set_ms` where that is not 0, otherwise by the measured speed.
pub(crate) fn time_budget(set_ms: u64, status: &Status) -> Duration {
    match (set_ms, status) {
        (0, Status::Ready { speed, .. }) => of_speed(*speed),
        (0, _) => UNKNOWN,
        (set_ms, _) => Duration::from_millis(set_ms),
    }
}

fn of_speed(speed: Speed) -> Duration {
    let seconds = LINE_TOKENS / speed.decode + LINE_TOKENS / speed.prefill;
    // A speed of nothing gives no number: then the longest.
    let asked = Duration::try_from_secs_f64(seconds).unwrap_or(MAX);
    asked.clamp(MIN, MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_s_time_within_what_feels_like_an_answer() {
        let budget = |prefill, decode| of_speed(Speed { prefill, decode }).as_millis();
        assert_eq!(budget(28_000.0, 9_000.0), 150);
        // The 0.5B shape on two cores, and on a machine a fifth as fast.
        assert_eq!(budget(580.0, 51.0), 341);
        assert_eq!(budget(100.0, 10.0), 400);
        assert_eq!(budget(0.0, 0.0), 400);
    }

    #[test]
    fn what_the_user_sets_counts() {
        assert_eq!(time_budget(70, &Status::Loading(0.5)).as_millis(), 70);
        assert_eq!(time_budget(0, &Status::Loading(0.5)), UNKNOWN);
    }
}
