//! What the engine keeps on disk: sessions, how fast this machine runs a model, and the model's packed weights.
//!
//! A session in a file saves the next start its prefill, the measured speed the measuring, the packed weights the
//! packing. All are a cache: whatever is missing, damaged, foreign or of another version is computed anew, and no reader trusts a byte of it
//! before a checksum.
//! Token ids of a user's text are that text: files are 0600 in a folder of 0700. Text that the ignore and secret rules
//! hide never becomes a prompt (`app` asks them before it submits a job), so no session holds any of it, and nothing
//! has to be filtered here.
//! Invariants: a file is complete before it has its name; a process never writes into a file that has one; no log line
//! quotes what a file says.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lowkey_model::Hold;

mod folder;
mod format;
pub(crate) mod packed;
mod shelf;
mod speed;
#[cfg(test)]
mod test_folder;

pub use format::tokens_of_session;
pub use packed::UnsavedWeights;
pub use shelf::kept_sessions;
pub(crate) use shelf::{Identity, Shelf};
pub(crate) use speed::KeptSpeed;

/// Nothing was asked for so long: what is new may be saved. Short, so that a machine rests soon after its user does.
const IDLE: Duration = Duration::from_secs(3);

/// In a pause, a session is saved again when it has so many tokens that no file has: fewer are computed quickly, and
/// every save writes the whole session.
pub(crate) const IDLE_NEW_TOKENS: usize = 64;

/// Saves in pauses are at least so far apart: somebody who pauses at every line must not wear out a disk.
const BETWEEN_SAVES: Duration = Duration::from_mins(1);

/// Saving at the end takes no longer than this: an editor that closes does not wait for us.
pub(crate) const LONGEST_FAREWELL: Duration = Duration::from_secs(2);

/// Packed weights take at most this many bytes unless a [`Keep`] says otherwise: the default model's take 302 million, those
/// of a model of 1.5 thousand million parameters 1.1 thousand million.
const PACKED_CAP_BYTES: u64 = 4 << 30;

/// What an engine may keep on disk, and where.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The folder, made when something is kept. Inside it, only folders of our own are touched.
    pub folder: PathBuf,
    /// Sessions take at most so many bytes there, those of other models and processes included.
    pub cap_bytes: u64,
    /// Packed weights take at most this many bytes there, those of other models included.
    pub packed_cap_bytes: u64,
    /// How packed weights of a file are held in memory.
    pub hold: Hold,
    /// Whether files may be written; otherwise they are read only.
    pub writes: bool,
    /// What the speed depends on beside the model: processor, threads, version.
    pub machine: String,
    /// Nothing was asked for so long: what is new may be saved.
    pub idle: Duration,
    /// Switched off, nothing is read or written any more; shared, so that a setting takes effect at once.
    pub enabled: Switch,
}

impl Keep {
    /// Keeps up to `cap_bytes` of sessions in `folder`, for a machine described in words.
    pub fn new(folder: PathBuf, cap_bytes: u64, machine: String) -> Self {
        let enabled = Switch::default();
        let (packed_cap_bytes, hold) = (PACKED_CAP_BYTES, Hold::default());
        let (writes, idle) = (true, IDLE);
        Self { folder, cap_bytes, packed_cap_bytes, hold, writes, machine, idle, enabled }
    }

    /// The same, but nothing is written: for a command that answers once.
    #[must_use]
    pub fn reading_only(self) -> Self {
        Self { writes: false, ..self }
    }
}

/// When to save: in the first long enough pause after something was computed.
#[derive(Debug)]
pub(crate) struct Saving {
    idle: Duration,
    /// Whether anything was computed since.
    is_due: bool,
    last: Option<Instant>,
}

impl Saving {
    /// Nothing is due yet.
    pub(crate) fn new(keep: &Keep) -> Self {
        Self { idle: keep.idle, is_due: false, last: None }
    }

    /// How long to wait for a job before saving; `None` while there is nothing to save.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let too_early = self.last.map(|last| BETWEEN_SAVES.saturating_sub(last.elapsed()));
        self.is_due.then(|| self.idle.max(too_early.unwrap_or_default()))
    }

    /// Something was computed.
    pub(crate) fn worked(&mut self) {
        self.is_due = true;
    }

    /// A pause was used, and so many sessions were saved in it.
    pub(crate) fn rested(&mut self, n_saved: usize) {
        self.is_due = false;
        if n_saved > 0 {
            self.last = Some(Instant::now());
        }
    }
}

/// Whether anything is kept; on at first, and the same for all clones.
#[derive(Debug, Clone)]
pub struct Switch(Arc<AtomicBool>);

impl Default for Switch {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Switch {
    /// Sets it.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Release);
    }

    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
