//! The time budget of an automatic request, and how many prompt tokens fit into a time limit.
//!
//! The budget is the user's setting, or a value from the machine's speed.
//! With a budget below the time of a line, a slow machine would show nothing. With one above it, a
//! fast machine would only seem slow. The automatic budget is therefore the time of one line,
//! within limits.

use std::time::Duration;

use lowkey_engine::{Speed, Status};

/// A line that is worth showing: this many decoded tokens, after as many prompt tokens.
const LINE_TOKENS: f64 = 16.0;
/// Shortest automatic budget.
const MIN: Duration = Duration::from_millis(150);
/// Longest automatic budget: beyond it, an answer to a key feels like waiting.
const MAX: Duration = Duration::from_millis(400);
/// The budget before the speed is measured.
const UNKNOWN: Duration = Duration::from_millis(200);

/// Returns the budget: `set_ms` if it is not 0, otherwise from the measured speed.
pub(crate) fn time_budget(set_ms: u64, status: &Status) -> Duration {
    match (set_ms, status) {
        (0, Status::Ready { speed, .. }) => of_speed(*speed),
        (0, _) => UNKNOWN,
        (set_ms, _) => Duration::from_millis(set_ms),
    }
}

fn of_speed(speed: Speed) -> Duration {
    let seconds = LINE_TOKENS / speed.decode + LINE_TOKENS / speed.prefill;
    // A speed of 0 gives no number; then the longest budget applies.
    let asked = Duration::try_from_secs_f64(seconds).unwrap_or(MAX);
    asked.clamp(MIN, MAX)
}

/// Returns how many prompt tokens the machine computes in this many seconds at `per_second`: whole
/// steps, so that small differences of speed have no effect, and at least `min_tokens`.
pub(crate) fn tokens_within(
    seconds: f64,
    per_second: f64,
    step_tokens: usize,
    min_tokens: usize,
) -> usize {
    let tokens = (per_second * seconds) as usize / step_tokens * step_tokens;
    tokens.max(min_tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_tokens_follow_speed_in_steps() {
        let tokens = |per_second| tokens_within(0.25, per_second, 16, 96);
        assert_eq!(tokens(530.0), 128);
        assert_eq!(tokens(28_000.0), 7000 / 16 * 16);
        // A slow machine, and one without a measurement.
        assert_eq!(tokens(50.0), 96);
        assert_eq!(tokens(0.0), 96);
    }

    #[test]
    fn budget_follows_speed_within_limits() {
        let budget = |prefill, decode| of_speed(Speed { prefill, decode }).as_millis();
        assert_eq!(budget(28_000.0, 9_000.0), 150);
        // The 0.5B shape on two cores, and on a machine with a fifth of the speed.
        assert_eq!(budget(580.0, 51.0), 341);
        assert_eq!(budget(100.0, 10.0), 400);
        assert_eq!(budget(0.0, 0.0), 400);
    }

    #[test]
    fn setting_overrides_the_budget() {
        assert_eq!(time_budget(70, &Status::Loading(0.5)).as_millis(), 70);
        assert_eq!(time_budget(0, &Status::Loading(0.5)), UNKNOWN);
    }
}
