//! The kernels' packed weights on disk. A start packs nothing, and all processes share one copy.
//!
//! The engine reads packed weights at a start. It writes them once, some time after the model that
//! packed them is ready, on a separate thread. The thread pauses while the engine works, and stops
//! when the engine ends. The disk has one file per model. Above the cap, the least recently used
//! files are removed.
//!
//! The file is mapped, so it must belong to this user alone, and no process ever writes into it: a
//! damaged file is replaced.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use lowkey_model::{LoadedWeights, PackedWeights, PackingKey, WeightMemory};

use super::PersistOptions;
use super::folder::{Folder, PartialFile, mark_used};

/// The subfolder of the folder in [`PersistOptions`], and the extension of its files.
const FOLDER: &str = "packed";
const EXTENSION: &str = "weights";

/// Pause after each piece of 2 MiB, so that other programs get the disk and the processor. 300 MB
/// take about two seconds.
const PAUSE_BETWEEN_PIECES: Duration = Duration::from_millis(8);

/// How often a thread that waits for an idle engine checks again.
const BUSY_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Weights that were packed at this start and are in no file.
pub struct UnsavedWeights {
    packed: PackedWeights,
    key: PackingKey,
}

/// Opens the packed weights of a model, if they exist and are safe to use.
pub(crate) fn open(persist: &PersistOptions, key: &PackingKey) -> Option<File> {
    if !persist.enabled.is_on() || persist.packed_cap_bytes == 0 {
        return None;
    }
    let file = Folder::open(&persist.folder, FOLDER, persist.writes).and_then(|folder| {
        let Some(folder) = folder else { return Ok(None) };
        if persist.writes {
            folder.remove_stale_partial_files();
        }
        match folder.read_private(&name(key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            file => file.map(Some),
        }
    });
    file.unwrap_or_else(|error| {
        tracing::warn!(%error, "the packed weights on disk are not used");
        None
    })
}

/// Logs the source of a model's weights in one line; returns weights that are in no file.
pub(crate) fn loaded(
    persist: &PersistOptions,
    key: PackingKey,
    file: Option<&File>,
    weights: LoadedWeights,
) -> Option<UnsavedWeights> {
    match weights {
        LoadedWeights::FromFile(memory) => {
            let memory = match memory {
                WeightMemory::MappedHugePages => "mapped",
                WeightMemory::MappedSmallPages => "mapped in small pages",
                WeightMemory::Copied => "copied",
            };
            tracing::info!(memory, "the weights came packed from disk");
            if let Some(file) = file.filter(|_| persist.writes) {
                mark_used(file);
            }
            None
        }
        LoadedWeights::PackedNow(packed, refused) => {
            if let Some(refused) = refused {
                tracing::warn!(%refused, "the packed weights on disk are not used; the model was packed again");
            }
            Some(UnsavedWeights { packed, key })
        }
    }
}

/// Saves weights on a separate thread, after the engine was idle for [`PersistOptions::idle`].
///
/// The thread pauses while `is_busy` returns true, and ends when the returned value is dropped.
pub(crate) fn save_in_background(
    persist: &PersistOptions,
    unsaved: UnsavedWeights,
    is_busy: Arc<AtomicBool>,
) -> Option<Sender<()>> {
    if !persist.writes {
        return None;
    }
    let (engine, engine_ended) = channel();
    let (persist, throttle) = (persist.clone(), Throttle { engine_ended, is_busy });
    let save = move || match save(&persist, &unsaved, &throttle) {
        Ok(Some(spent)) => tracing::info!(ms = spent.as_millis(), "the packed weights are on disk"),
        Ok(None) => {}
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => {
            tracing::warn!(%error, "the packed weights cannot be kept; each start packs them again");
        }
    };
    // Without a thread nothing is saved, and the next start packs again.
    std::thread::Builder::new().name("lowkey-packed".into()).spawn(save).ok()?;
    Some(engine)
}

/// The pauses between two pieces.
struct Throttle {
    engine_ended: Receiver<()>,
    is_busy: Arc<AtomicBool>,
}

impl Throttle {
    /// Waits for `time`, and longer while the engine works; an error if the engine has ended.
    fn wait(&self, time: Duration) -> io::Result<()> {
        let mut time = time;
        loop {
            match self.engine_ended.recv_timeout(time) {
                Err(RecvTimeoutError::Timeout) if !self.is_busy.load(Ordering::Acquire) => {
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => time = BUSY_POLL_INTERVAL,
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(ErrorKind::Interrupted.into());
                }
            }
        }
    }
}

/// Writes the file; `None` if another process has written or is writing it, or if the cap does not
/// allow it.
fn save(
    persist: &PersistOptions,
    unsaved: &UnsavedWeights,
    throttle: &Throttle,
) -> io::Result<Option<Duration>> {
    let bytes = PackedWeights::file_bytes(unsaved.packed.len());
    if bytes > persist.packed_cap_bytes {
        let cap = persist.packed_cap_bytes;
        tracing::debug!(bytes, cap, "the packed weights exceed the cap");
        return Ok(None);
    }
    throttle.wait(persist.idle)?;
    let Some(folder) = Folder::open(&persist.folder, FOLDER, true)? else { return Ok(None) };
    folder.remove_stale_partial_files();
    if !folder.partial_files().is_empty() {
        tracing::debug!("another process is writing packed weights");
        return Ok(None);
    }
    let begun = Instant::now();
    let mut file: PartialFile<'_> = folder.create()?;
    unsaved.packed.save(unsaved.key.bytes(), &mut |piece| {
        if !persist.enabled.is_on() {
            return Err(ErrorKind::Interrupted.into());
        }
        file.write_all(piece)?;
        throttle.wait(PAUSE_BETWEEN_PIECES)
    })?;
    // A map of data that the disk could not store would crash a process. The disk must therefore
    // confirm the data before the file gets its name.
    file.sync()?;
    let name = name(&unsaved.key);
    file.finish(&name)?;
    for found in folder.files_over_cap(EXTENSION, persist.packed_cap_bytes, Some(&name)) {
        folder.remove(&found.name);
    }
    Ok(Some(begun.elapsed()))
}

/// Returns the file name of a model's packed weights.
fn name(key: &PackingKey) -> String {
    let (digits, _) = key.as_str().split_at(32);
    format!("{digits}.{EXTENSION}")
}

#[cfg(test)]
mod tests;
