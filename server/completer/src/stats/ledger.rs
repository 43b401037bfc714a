//! The file of counts: lines are added, and summed up from time to time.
//!
//! Several servers write to it at once. One write to a file opened for appending adds a line.
//! Summing up replaces the file. Both hold a lock next to the file. An unreadable line is skipped
//! and counted: a full disk or a wrong edit costs only that line. Only the owner may read the file.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::day::Day;
use super::tally::{FORMAT, StatsEntry, Tally, name};

/// A larger file is summed up to one line per day, language and model.
const COMPACT_BYTES: u64 = 256 << 10;
/// Maximum number of bytes read.
const MAX_BYTES: u64 = 16 << 20;
/// If a file is too large after summing up, days older than this are removed.
const KEPT_DAYS: u32 = 400;
/// Number of attempts to get the lock while another server sums up, one per
/// [`LOCK_RETRY_DELAY`].
const LOCK_ATTEMPTS: u32 = 200;
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(5);

/// The file of counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    path: PathBuf,
}

/// The contents of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counted {
    /// Its lines, summed up and ordered by day, language and model.
    pub entries: Vec<StatsEntry>,
    /// Lines that could not be read.
    pub unreadable: usize,
}

impl Ledger {
    /// Sets the path; opens nothing.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; a missing file is empty.
    pub fn read(&self) -> io::Result<Counted> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Counted::default()),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(parse(&bytes))
    }

    /// Adds entries, all or none.
    pub fn add(&self, entries: &[StatsEntry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.make_folder()?;
        let lock = self.locked(Lock::Shared)?;
        let mut file =
            private(OpenOptions::new().create(true).read(true).append(true)).open(&self.path)?;
        let n_bytes = file.metadata()?.len();
        let mut lines = String::new();
        if !ends_a_line(&mut file, n_bytes)? {
            // Another process may have been stopped within a line: the next entries must not be
            // lost with it.
            lines.push('\n');
        }
        for entry in entries {
            lines.push_str(&serde_json::to_string(entry)?);
            lines.push('\n');
        }
        file.write_all(lines.as_bytes())?;
        drop(lock);
        // The sum may be as long as this too; then the next summing up waits for as many bytes
        // again.
        let n_after = n_bytes + lines.len() as u64;
        if n_after / COMPACT_BYTES > n_bytes / COMPACT_BYTES {
            // The entries are in the file; its length only costs space until the next time.
            if let Err(error) = self.compact(Day::today()) {
                tracing::debug!(%error, "the statistics are not summed up");
            }
        }
        Ok(())
    }

    /// Deletes the file; returns whether there was one.
    pub fn forget(&self) -> io::Result<bool> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces all lines by one line per day, language and model.
    fn compact(&self, today: Day) -> io::Result<()> {
        let _lock = self.locked(Lock::Exclusive)?;
        let mut entries = self.read()?.entries;
        let text = |entries: &[StatsEntry]| {
            let lines = entries.iter().map(serde_json::to_string);
            lines.collect::<serde_json::Result<Vec<_>>>().map(|lines| lines.join("\n") + "\n")
        };
        let mut summed = text(&entries)?;
        if summed.len() as u64 > COMPACT_BYTES {
            entries.retain(|entry| entry.day >= today.before(KEPT_DAYS));
            summed = text(&entries)?;
        }
        let new = self.path.with_extension("new");
        let mut file =
            private(OpenOptions::new().create(true).write(true).truncate(true)).open(&new)?;
        file.write_all(summed.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)
    }

    fn make_folder(&self) -> io::Result<()> {
        let Some(folder) = self.path.parent() else { return Ok(()) };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)
    }

    /// Takes the lock; an error if another server keeps it for longer than summing up takes.
    fn locked(&self, lock: Lock) -> io::Result<File> {
        let file = private(OpenOptions::new().create(true).write(true).truncate(false))
            .open(self.path.with_extension("lock"))?;
        for _ in 0..LOCK_ATTEMPTS {
            let taken = match lock {
                Lock::Shared => file.try_lock_shared(),
                Lock::Exclusive => file.try_lock(),
            };
            match taken {
                Ok(()) => return Ok(file),
                Err(std::fs::TryLockError::WouldBlock) => {
                    std::thread::park_timeout(LOCK_RETRY_DELAY);
                }
                // Some file systems have no locks; one write still adds a whole line.
                Err(std::fs::TryLockError::Error(error))
                    if error.kind() == io::ErrorKind::Unsupported =>
                {
                    return Ok(file);
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, "another server keeps the lock"))
    }
}

#[derive(Debug, Clone, Copy)]
enum Lock {
    Shared,
    Exclusive,
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn ends_a_line(file: &mut File, n_bytes: u64) -> io::Result<bool> {
    let Some(last) = n_bytes.checked_sub(1) else { return Ok(true) };
    file.seek(SeekFrom::Start(last))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte == [b'\n'])
}

/// Parses lines and sums them up; other lines are counted as unreadable.
fn parse(bytes: &[u8]) -> Counted {
    let mut counted = Counted::default();
    let mut sums: BTreeMap<(Day, String, String), Tally> = BTreeMap::new();
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    for line in lines {
        match serde_json::from_slice::<StatsEntry>(line) {
            Ok(StatsEntry { lowkey_stats: FORMAT, day, language, model, tally }) => {
                sums.entry((day, name(&language), name(&model))).or_default().add(&tally);
            }
            _ => counted.unreadable += 1,
        }
    }
    counted.entries = sums
        .into_iter()
        .map(|((day, language, model), tally)| StatsEntry::new(day, &language, &model, tally))
        .collect();
    counted
}

#[cfg(test)]
mod tests;
