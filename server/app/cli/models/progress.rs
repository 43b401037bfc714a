//! The progress of a pull: a bar on a terminal, otherwise a line at intervals.

use std::time::{Duration, Instant};

use lowkey_store::{Event, amount};
use lowkey_terminal::progress::{self, DecimalBytes, HumanDuration, ProgressBar};

use crate::stderr::print_stderr;

/// Minimum time between lines without a terminal.
const LINE: Duration = Duration::from_secs(10);

/// Draws the progress on stderr; dropping it removes the bar.
pub(super) struct Progress {
    name: String,
    /// `None` before the transfer begins and after it fails.
    bar: Option<ProgressBar>,
    /// Time of the last line without a terminal.
    told: Instant,
}

impl Progress {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), bar: None, told: Instant::now() }
    }

    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::Arrived { have, .. } => self.arrived(*have),
            Event::Begun { have, total } => self.begin(*have, *total),
            Event::Checking { bytes } => self.line(&format!("checking {}", amount(*bytes))),
            Event::Asking { origin, address, packages } => {
                let packages =
                    packages.as_ref().map(|names| format!(", {names}")).unwrap_or_default();
                self.line(&format!("from {} at {address}{packages}", origin.name()));
            }
            Event::Failed { origin, reason } => {
                self.bar = None;
                self.line(&format!("{} failed: {reason}", origin.name()));
            }
            Event::Waiting { holder } => {
                let who = holder.map(|id| format!(" ({id})")).unwrap_or_default();
                self.line(&format!("another process{who} is pulling it; waiting"));
            }
            Event::Again { reason, after } => {
                self.line(&format!("{reason}; retrying in {} s", after.as_secs()));
            }
            Event::Restarted { reason } => self.line(&format!("restarting: {reason}")),
        }
    }

    fn begin(&mut self, have: u64, total: Option<u64>) {
        // The bar of an earlier attempt.
        self.bar = None;
        let of = total.map(|total| format!(" of {}", amount(total))).unwrap_or_default();
        self.line(&match (have, total) {
            (0, Some(total)) => format!("pulling {}", amount(total)),
            (0, None) => "pulling".to_owned(),
            (have, _) => format!("continuing at {}{of}", amount(have)),
        });
        let template =
            if total.is_some() { progress::TRANSFER } else { progress::ENDLESS_TRANSFER };
        let bar = progress::bar(template, have, total);
        bar.tick();
        self.bar = Some(bar);
        self.told = Instant::now();
    }

    fn arrived(&mut self, have: u64) {
        let Some(bar) = &self.bar else { return };
        bar.set_position(have);
        if bar.is_hidden() && self.told.elapsed() >= LINE {
            self.told = Instant::now();
            print_stderr!("{}: {}", self.name, status(bar));
        }
    }

    /// Writes a line above the bar.
    fn line(&self, text: &str) {
        let print = || print_stderr!("{}: {text}", self.name);
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

/// `133.00 MB of 531.00 MB, 12.00 MB/s, 33s left`
fn status(bar: &ProgressBar) -> String {
    let have = DecimalBytes(bar.position());
    let per_second = DecimalBytes(bar.per_sec() as u64);
    let Some(total) = bar.length() else { return format!("{have}, {per_second}/s") };
    let left = bar.eta();
    let left =
        if left.is_zero() { String::new() } else { format!(", {:#} left", HumanDuration(left)) };
    format!("{have} of {}, {per_second}/s{left}", DecimalBytes(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_line_has_amounts() {
        let bar = progress::bar(progress::TRANSFER, 133_000_000, 531_000_000);
        assert_eq!(status(&bar), "133.00 MB of 531.00 MB, 0 B/s");
        let bar = progress::bar(progress::ENDLESS_TRANSFER, 7_000, None);
        assert_eq!(status(&bar), "7.00 kB, 0 B/s");
    }
}
