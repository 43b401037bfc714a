//! Data that the engine keeps on disk: sessions, the model's speed on this machine, and the model's
//! packed weights.
//!
//! A saved session spares the next start its prefill, the saved speed its measurement, and packed
//! weights the packing. All are caches: data that is missing, damaged, foreign or of another
//! version is computed again. No reader uses data before its checksum is verified.
//!
//! Token ids of a user's text are that text, so files are 0600 in a folder of 0700. Text that the
//! ignore and secret rules hide never becomes a prompt (`app` applies them before it submits a
//! job). No session contains such text, and this module filters nothing.
//!
//! Invariants: a file is complete before it has its name; a process never writes into a file that
//! has one; no log line quotes the contents of a file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lowkey_model::MapPolicy;

mod folder;
mod format;
pub(crate) mod packed;
mod session_store;
mod speed;
#[cfg(test)]
mod test_folder;

pub use format::tokens_of_session;
pub use packed::UnsavedWeights;
pub use session_store::stored_sessions;
pub(crate) use session_store::{Identity, SessionStore};
pub(crate) use speed::StoredSpeed;

/// Idle time before new sessions are saved. It is short, so that a machine becomes idle soon after
/// its user.
const IDLE: Duration = Duration::from_secs(3);

/// In a pause, a session is saved again if this many of its tokens are in no file. Fewer are
/// computed quickly, and every save writes the whole session.
pub(crate) const MIN_UNSAVED_TOKENS: usize = 64;

/// Minimum time between saves in pauses: a user who pauses at every line must not wear out the
/// disk.
const BETWEEN_SAVES: Duration = Duration::from_mins(1);

/// Time limit of the save at shutdown, because an editor that closes does not wait for the server.
pub(crate) const SHUTDOWN_SAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Default cap of packed weights in bytes. The default model's take 302 million, those of a model
/// with 1.5 thousand million parameters 1.1 thousand million.
const PACKED_CAP_BYTES: u64 = 4 << 30;

/// The engine's settings for data on disk.
#[derive(Debug, Clone)]
pub struct PersistOptions {
    /// The folder, created when the first file is saved. The engine only touches its own folders
    /// inside it.
    pub folder: PathBuf,
    /// Cap of the sessions in bytes, those of other models and processes included.
    pub cap_bytes: u64,
    /// Cap of the packed weights in bytes, those of other models included.
    pub packed_cap_bytes: u64,
    /// How packed weights of a file are held in memory.
    pub map_policy: MapPolicy,
    /// Whether files may be written; otherwise they are only read.
    pub writes: bool,
    /// The parts of the machine that the speed depends on: processor, threads, version.
    pub machine: String,
    /// Idle time before new data is saved.
    pub idle: Duration,
    /// If off, nothing is read or written. The switch is shared, so that a setting takes effect at
    /// once.
    pub enabled: Switch,
}

impl PersistOptions {
    /// Keeps up to `cap_bytes` of sessions in `folder`. `machine` describes the machine in words.
    pub fn new(folder: PathBuf, cap_bytes: u64, machine: String) -> Self {
        let enabled = Switch::default();
        let (packed_cap_bytes, map_policy) = (PACKED_CAP_BYTES, MapPolicy::default());
        let (writes, idle) = (true, IDLE);
        Self { folder, cap_bytes, packed_cap_bytes, map_policy, writes, machine, idle, enabled }
    }

    /// Returns the same settings without writing, for a command that answers once.
    #[must_use]
    pub fn reading_only(self) -> Self {
        Self { writes: false, ..self }
    }
}

/// When to save: in the first pause that is long enough after a computation.
#[derive(Debug)]
pub(crate) struct SaveSchedule {
    idle: Duration,
    /// Whether anything was computed since the last save.
    is_due: bool,
    last: Option<Instant>,
}

impl SaveSchedule {
    pub(crate) fn new(persist: &PersistOptions) -> Self {
        Self { idle: persist.idle, is_due: false, last: None }
    }

    /// Returns how long to wait for a job before saving; `None` if there is nothing to save.
    pub(crate) fn time_until_save(&self) -> Option<Duration> {
        let too_early = self.last.map(|last| BETWEEN_SAVES.saturating_sub(last.elapsed()));
        self.is_due.then(|| self.idle.max(too_early.unwrap_or_default()))
    }

    /// Notes a computation.
    pub(crate) fn mark_dirty(&mut self) {
        self.is_due = true;
    }

    /// Notes that a pause was used and that `n_saved` sessions were saved in it.
    pub(crate) fn mark_saved(&mut self, n_saved: usize) {
        self.is_due = false;
        if n_saved > 0 {
            self.last = Some(Instant::now());
        }
    }
}

/// Whether data is kept on disk; on at first. All clones share the value.
#[derive(Debug, Clone)]
pub struct Switch(Arc<AtomicBool>);

impl Default for Switch {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Switch {
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Release);
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
