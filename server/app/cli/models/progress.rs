//! The progress of a pull: a bar on a terminal, otherwise a line at intervals.
//!
//! Speed and remaining time come from the last few seconds, so that they reflect the present.

use std::collections::VecDeque;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use lowkey_store::{Event, amount};

use crate::stderr::{self, print_stderr};

/// Minimum time between drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);
/// Minimum time between lines without a terminal.
const LINE: Duration = Duration::from_secs(10);
/// The window of the speed measurement.
const RECENT: Duration = Duration::from_secs(5);
const CELLS: usize = 24;

/// Draws the progress on stderr.
pub(super) struct Progress {
    name: String,
    terminal: bool,
    shown: Option<Instant>,
    /// Times and byte counts of the last few seconds.
    recent: VecDeque<(Instant, u64)>,
    /// Whether a bar is on the current line.
    drawn: bool,
}

impl Progress {
    pub(super) fn new(name: &str) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { name: name.to_owned(), terminal, shown: None, recent: VecDeque::new(), drawn: false }
    }

    pub(super) fn show(&mut self, event: &Event) {
        let now = Instant::now();
        match event {
            Event::Arrived { have, total } => self.arrived(now, *have, *total),
            Event::Begun { have, total } => {
                self.recent.clear();
                self.recent.push_back((now, *have));
                let of = total.map(|total| format!(" of {}", amount(total))).unwrap_or_default();
                let begun = match (have, total) {
                    (0, Some(total)) => format!("pulling {}", amount(*total)),
                    (0, None) => "pulling".to_owned(),
                    (have, _) => format!("continuing at {}{of}", amount(*have)),
                };
                self.line(&begun);
            }
            Event::Checking { bytes } => self.line(&format!("checking {}", amount(*bytes))),
            Event::Asking { origin, address, packages } => {
                let packages =
                    packages.as_ref().map(|names| format!(", {names}")).unwrap_or_default();
                self.line(&format!("from {} at {address}{packages}", origin.name()));
            }
            Event::Failed { origin, reason } => {
                self.line(&format!("{} failed: {reason}", origin.name()));
            }
            Event::Waiting { holder } => {
                let who = holder.map(|id| format!(" ({id})")).unwrap_or_default();
                self.line(&format!("another process{who} is pulling it; waiting"));
            }
            Event::Again { reason, after } => {
                self.recent.clear();
                self.line(&format!("{reason}; retrying in {} s", after.as_secs()));
            }
            Event::Restarted { reason } => {
                self.recent.clear();
                self.line(&format!("restarting: {reason}"));
            }
        }
    }

    fn arrived(&mut self, now: Instant, have: u64, total: Option<u64>) {
        self.recent.push_back((now, have));
        while self.recent.front().is_some_and(|(then, _)| now.duration_since(*then) > RECENT) {
            self.recent.pop_front();
        }
        let every = if self.terminal { REDRAW } else { LINE };
        let whole = Some(have) == total;
        let since = *self.shown.get_or_insert(now);
        if now.duration_since(since) < every && !(whole && self.terminal) {
            return;
        }
        self.shown = Some(now);
        let speed = self.recent.front().map(|(then, had)| {
            let seconds = now.duration_since(*then).as_secs_f64();
            have.saturating_sub(*had) as f64 / seconds.max(1e-3)
        });
        let text = status(have, total, speed.unwrap_or_default());
        if self.terminal {
            // Erases the line first, because the previous text may have been longer.
            stderr::raw(&format!("\r\x1b[2K{} {text}", self.name));
            self.drawn = true;
        } else {
            print_stderr!("{}: {text}", self.name);
        }
    }

    fn line(&mut self, text: &str) {
        self.end();
        print_stderr!("{}: {text}", self.name);
    }

    /// Keeps the bar and begins a new line.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.drawn) {
            stderr::line("");
        }
    }
}

/// `[######··················]  25% 133 MB of 531 MB, 12 MB/s, 0:33 left`
fn status(have: u64, total: Option<u64>, speed: f64) -> String {
    let per_second = format!("{}/s", amount(speed as u64));
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{}, {per_second}", amount(have));
    };
    let share = (have as f64 / total as f64).clamp(0.0, 1.0);
    let full = (share * CELLS as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), "·".repeat(CELLS - full));
    let left = if speed >= 1.0 {
        let seconds = (total.saturating_sub(have) as f64 / speed).ceil() as u64;
        format!(", {}:{:02} left", seconds / 60, seconds % 60)
    } else {
        String::new()
    };
    format!(
        "[{bar}] {:3.0}% {} of {}, {per_second}{left}",
        (share * 100.0).floor(),
        amount(have),
        amount(total)
    )
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn progress_line_is_complete() {
        assert_eq!(
            status(133_000_000, Some(531_000_000), 12e6),
            "[######··················]  25% 133 MB of 531 MB, 12 MB/s, 0:34 left"
        );
        assert_eq!(
            status(5, Some(5), 0.0),
            "[########################] 100% 5 bytes of 5 bytes, 0 bytes/s"
        );
        assert_eq!(status(7_000, None, 1e3), "7.0 kB, 1.0 kB/s");
    }
}
