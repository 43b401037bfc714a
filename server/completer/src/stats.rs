//! Statistics: the number of shown suggestions and their outcomes, counted on this machine only.
//!
//! A server counts in memory and adds its counts to the file once a minute and at its end; `lowkey
//! stats` draws the file. Invariants: the file has no text, path or name of a document; with the
//! setting `statistics` off nothing is counted or written; a file that cannot be written costs
//! counts, never an answer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

mod day;
mod ledger;
mod tally;

pub use day::Day;
pub use ledger::{Counted, Ledger};
pub use tally::{Entry, FORMAT, MS_BOUNDS, Tally};

use crate::dirs;

/// How long counts stay in memory before they are written.
const UNTIL_WRITTEN: Duration = Duration::from_mins(1);

/// Maximum number of combinations of day, language and model; a user has far fewer in a minute.
const MAX_TALLIES: usize = 256;

/// The counts of one server.
#[derive(Debug, Default)]
pub struct Statistics {
    ledger: Option<Ledger>,
    counting: Mutex<Counting>,
}

#[derive(Debug, Default)]
struct Counting {
    tallies: BTreeMap<(Day, String, String), Tally>,
    /// When the oldest of the counts was made.
    since: Option<Instant>,
}

impl Statistics {
    /// Builds statistics for the file `ledger`; without a file nothing is counted.
    pub fn new(ledger: Option<Ledger>) -> Self {
        Self { ledger, counting: Mutex::default() }
    }

    /// Changes today's counts of a language and a model; returns whether it is time to write.
    pub fn count(&self, language: &str, model: &str, change: impl FnOnce(&mut Tally)) -> bool {
        if self.ledger.is_none() {
            return false;
        }
        let mut counting = self.lock();
        let key = (Day::today(), tally::name(language), tally::name(model));
        if counting.tallies.len() < MAX_TALLIES || counting.tallies.contains_key(&key) {
            change(counting.tallies.entry(key).or_default());
        }
        counting.since.get_or_insert_with(Instant::now).elapsed() >= UNTIL_WRITTEN
    }

    /// Writes the counts; if that fails, they stay for the next time.
    pub fn write(&self) {
        let Some(ledger) = &self.ledger else { return };
        let taken = std::mem::take(&mut *self.lock());
        let entry = |((day, language, model), tally): (&(Day, String, String), &Tally)| {
            Entry::new(*day, language, model, tally.clone())
        };
        let entries: Vec<Entry> = taken.tallies.iter().map(entry).collect();
        if let Err(error) = ledger.add(&entries) {
            tracing::warn!(%error, "the statistics cannot be written");
            let mut counting = self.lock();
            for (key, tally) in taken.tallies {
                counting.tallies.entry(key).or_default().add(&tally);
            }
            // Do not retry at once.
            counting.since = Some(Instant::now());
        }
    }

    /// Discards the counts that are not written yet.
    pub fn forget(&self) {
        *self.lock() = Counting::default();
    }

    fn lock(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the file of counts: in the platform's state folder, or in `LOWKEY_CACHE_DIR`; `None` if
/// that is set and empty, or there is no such folder.
pub fn ledger() -> Option<Ledger> {
    Some(Ledger::new(dirs::state()?.join("statistics.jsonl")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lowkey_test_support::TestFolder;

    #[test]
    fn failed_write_keeps_the_counts() {
        let around = TestFolder::new("counts");
        let folder = around.join("below");
        // A file in the folder's place prevents writing.
        std::fs::write(&folder, "in the way").unwrap();
        let ledger = Ledger::new(folder.join("statistics.jsonl"));
        let statistics = Statistics::new(Some(ledger.clone()));
        assert!(!statistics.count("rust", "m", |tally| tally.shown += 1));
        statistics.write();
        statistics.count("rust", "m", |tally| tally.shown += 1);
        std::fs::remove_file(&folder).unwrap();
        statistics.write();
        statistics.write();
        let counted = ledger.read().unwrap();
        assert_eq!(counted.entries.len(), 1);
        assert_eq!(counted.entries[0].tally.shown, 2);
    }

    #[test]
    fn nothing_is_counted_without_a_file() {
        let statistics = Statistics::new(None);
        assert!(!statistics.count("rust", "m", |_| panic!("nothing is counted")));
        statistics.write();
    }
}
