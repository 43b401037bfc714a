//! Progress bars of long runs, drawn on stderr by indicatif.
//!
//! A bar is hidden unless stderr is a terminal that can move its cursor, so that logs stay clean.
//! A bar is removed when it is dropped. Draws that fail are ignored: a closed terminal does not
//! stop the run.

use std::fmt::Write;

use indicatif::{ProgressDrawTarget, ProgressState, ProgressStyle};

pub use indicatif::{DecimalBytes, HumanDuration, ProgressBar};

/// Template for holes of a test or a benchmark.
pub const HOLES: &str = "{bar:30} {pos} of {len} holes{left}";
/// Template for steps that the message names.
pub const STEPS: &str = "{bar:20} {msg}{left}";
/// Template for a transfer of known length.
pub const TRANSFER: &str = "{bar:24} {percent:>3}% {decimal_bytes} of {decimal_total_bytes}, \
                            {decimal_bytes_per_sec}{left}";
/// Template for a transfer of unknown length.
pub const ENDLESS_TRANSFER: &str = "{decimal_bytes}, {decimal_bytes_per_sec}";

/// Returns a bar with one of this module's templates, which fit into 80 columns. Earlier runs completed `n_before` steps,
/// which do not count as progress of this run. The first update draws the bar.
pub fn bar(template: &str, n_before: u64, n_all: impl Into<Option<u64>>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(n_all.into(), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("left", write_left));
    }
    // `with_position` does not inform the estimator, which would count the earlier steps as one
    // step of this run.
    bar.set_position(n_before);
    bar.reset_eta();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar
}

/// Writes the remaining time if it is known.
fn write_left(state: &ProgressState, out: &mut dyn Write) {
    let left = state.eta();
    if !left.is_zero() {
        let _ = write!(out, ", {:#} left", HumanDuration(left));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn templates_are_valid() {
        for template in [HOLES, STEPS, TRANSFER, ENDLESS_TRANSFER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn earlier_runs_do_not_raise_the_rate() {
        let bar = bar(HOLES, 1000, 2000);
        bar.set_draw_target(ProgressDrawTarget::hidden());
        assert_eq!((bar.position(), bar.length()), (1000, Some(2000)));
        std::thread::sleep(Duration::from_millis(10));
        bar.set_position(1001);
        // One step in at least 10 ms.
        assert!((f64::MIN_POSITIVE..=100.0).contains(&bar.per_sec()), "{}", bar.per_sec());
    }
}
