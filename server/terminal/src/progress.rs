//! The progress of a long run: one line on stderr that is redrawn.
//!
//! Draws nothing if stderr is not a terminal, to keep logs clean.

use std::io::{IsTerminal, Write};
use std::time::Instant;

const WIDTH: usize = 30;

/// A bar that is removed when it is dropped.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
    n_all: usize,
    /// Number done before this run.
    n_before: usize,
    began: Instant,
}

impl Progress {
    /// Starts with `n_before` of `n_all` done.
    pub fn new(n_before: usize, n_all: usize) -> Self {
        let is_shown = std::io::stderr().is_terminal();
        Self { is_shown, n_all, n_before, began: Instant::now() }
    }

    /// Draws that `n_done` are done, including those before this run.
    pub fn draw(&self, n_done: usize) {
        if self.is_shown {
            let seconds = self.began.elapsed().as_secs_f64();
            let line = bar(n_done, self.n_all, self.n_before, seconds);
            // A write error on the terminal must not stop the run.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn bar(n_done: usize, n_all: usize, n_before: usize, seconds: f64) -> String {
    let full = (WIDTH * n_done).checked_div(n_all).unwrap_or(WIDTH).min(WIDTH);
    let drawn = format!("{}{}", "█".repeat(full), "░".repeat(WIDTH - full));
    let n_now = n_done.saturating_sub(n_before);
    let left = n_all.saturating_sub(n_done) as f64 * seconds / n_now.max(1) as f64;
    let left = if n_now == 0 { String::new() } else { format!("  {left:.0} s left") };
    format!("{drawn} {n_done} of {n_all} holes{left}")
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn rest_is_estimated_from_this_run() {
        assert_eq!(bar(0, 10, 0, 0.0), format!("{} 0 of 10 holes", "░".repeat(30)));
        let half = format!("{}{}", "█".repeat(15), "░".repeat(15));
        assert_eq!(bar(5, 10, 3, 4.0), format!("{half} 5 of 10 holes  10 s left"));
        assert_eq!(bar(0, 0, 0, 0.0), format!("{} 0 of 0 holes", "█".repeat(30)));
    }
}
