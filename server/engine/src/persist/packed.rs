//! The kernels' packed weights on disk, so that a start packs nothing and all processes share one copy.
//!
//! They are read at a start and written once, some time after the model that packed them is ready: by a thread of their
//! own that rests while the engine works, and gives up when the engine ends. The disk holds one file for each model;
//! beyond the cap the files that were not used for longest go.
//! A file is mapped, so what is opened must be ours alone, and nothing ever writes into it: a damaged one is replaced.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use lowkey_model::{Held, LoadedWeights, Packed, PackingKey};

use super::Keep;
use super::folder::{Folder, Partial, touch};

/// The folder below the one that [`Keep`] names, and how the names in it end.
const FOLDER: &str = "packed";
const EXTENSION: &str = "weights";

/// After each piece of 2 MiB, so that a disk and a processor have time for others: 300 MB take about two seconds.
const REST: Duration = Duration::from_millis(8);

/// How often a thread that waits for the engine to rest looks again.
const LOOK: Duration = Duration::from_millis(50);

/// Weights that were packed at this start and that no file has.
pub struct UnsavedWeights {
    packed: Packed,
    key: PackingKey,
}

/// Opens the file of a model, if there is one that may be used.
pub(crate) fn open(keep: &Keep, key: &PackingKey) -> Option<File> {
    if !keep.enabled.is_on() || keep.packed_cap_bytes == 0 {
        return None;
    }
    let file = Folder::open(&keep.folder, FOLDER, keep.writes).and_then(|folder| {
        let Some(folder) = folder else { return Ok(None) };
        if keep.writes {
            folder.sweep();
        }
        match folder.read_private(&name(key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            file => file.map(Some),
        }
    });
    file.unwrap_or_else(|error| {
        tracing::warn!(%error, "the packed weights on disk are left alone");
        None
    })
}

/// Says in one line where a model's weights came from; returns those that no file has.
pub(crate) fn loaded(
    keep: &Keep,
    key: PackingKey,
    file: Option<&File>,
    weights: LoadedWeights,
) -> Option<UnsavedWeights> {
    match weights {
        LoadedWeights::Kept(held) => {
            let held = match held {
                Held::Mapped => "mapped",
                Held::MappedSmall => "mapped in small pages",
                Held::Copied => "copied",
            };
            tracing::info!(held, "the weights came packed from disk");
            if let Some(file) = file.filter(|_| keep.writes) {
                touch(file);
            }
            None
        }
        LoadedWeights::Packed(packed, refused) => {
            if let Some(refused) = refused {
                tracing::warn!(%refused, "the packed weights on disk are not used; the model was packed anew");
            }
            Some(UnsavedWeights { packed, key })
        }
    }
}

/// Saves weights once the engine has rested for as long as [`Keep::idle`] says, on a thread of its own.
///
/// The thread rests while `is_busy`, and ends when what is returned is dropped.
pub(crate) fn save_later(
    keep: &Keep,
    unsaved: UnsavedWeights,
    is_busy: Arc<AtomicBool>,
) -> Option<Sender<()>> {
    if !keep.writes {
        return None;
    }
    let (engine, engine_ended) = channel();
    let (keep, pause) = (keep.clone(), Pause { engine_ended, is_busy });
    let save = move || match save(&keep, &unsaved, &pause) {
        Ok(Some(spent)) => tracing::info!(ms = spent.as_millis(), "the packed weights are on disk"),
        Ok(None) => {}
        Err(error) if error.kind() == ErrorKind::Interrupted => {}
        Err(error) => {
            tracing::warn!(%error, "the packed weights cannot be kept; each start packs them anew");
        }
    };
    // Without a thread nothing is saved, which costs the next start some packing.
    std::thread::Builder::new().name("lowkey-packed".into()).spawn(save).ok()?;
    Some(engine)
}

/// Waits between two pieces.
struct Pause {
    engine_ended: Receiver<()>,
    is_busy: Arc<AtomicBool>,
}

impl Pause {
    /// Waits for so long, and further while the engine works; an error when it has ended.
    fn wait(&self, time: Duration) -> io::Result<()> {
        let mut time = time;
        loop {
            match self.engine_ended.recv_timeout(time) {
                Err(RecvTimeoutError::Timeout) if !self.is_busy.load(Ordering::Acquire) => {
                    return Ok(());
                }
                Err(RecvTimeoutError::Timeout) => time = LOOK,
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    return Err(ErrorKind::Interrupted.into());
                }
            }
        }
    }
}

/// Writes the file; `None` where another process did or does, or the cap does not allow it.
fn save(keep: &Keep, unsaved: &UnsavedWeights, pause: &Pause) -> io::Result<Option<Duration>> {
    let bytes = Packed::file_bytes(unsaved.packed.len());
    if bytes > keep.packed_cap_bytes {
        let cap = keep.packed_cap_bytes;
        tracing::debug!(bytes, cap, "the packed weights are larger than what may be kept");
        return Ok(None);
    }
    pause.wait(keep.idle)?;
    let Some(folder) = Folder::open(&keep.folder, FOLDER, true)? else { return Ok(None) };
    folder.sweep();
    if !folder.partial_files().is_empty() {
        tracing::debug!("another process is writing packed weights");
        return Ok(None);
    }
    let begun = Instant::now();
    let mut file: Partial<'_> = folder.create()?;
    unsaved.packed.save(unsaved.key.bytes(), &mut |piece| {
        if !keep.enabled.is_on() {
            return Err(ErrorKind::Interrupted.into());
        }
        file.write_all(piece)?;
        pause.wait(REST)
    })?;
    // A map of what the disk could not take would end a process; so it has to say yes before the file gets its name.
    file.sync()?;
    let name = name(&unsaved.key);
    file.finish(&name)?;
    for found in folder.beyond(EXTENSION, keep.packed_cap_bytes, Some(&name)) {
        folder.remove(&found.name);
    }
    Ok(Some(begun.elapsed()))
}

/// One file for each model.
fn name(key: &PackingKey) -> String {
    let (digits, _) = key.as_str().split_at(32);
    format!("{digits}.{EXTENSION}")
}

#[cfg(test)]
mod tests;
