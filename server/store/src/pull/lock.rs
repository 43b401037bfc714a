//! One process at a time writes a file of the cache.
//!
//! The lock is the system's own, on a file where `huggingface_hub` has its locks: it ends with the process, however
//! that ends. The holder's process id is written into the file, for messages only.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};

use super::Event;
use crate::error::{StoreError, disk};
use crate::folder::Folder;

/// A process id has at most this many digits.
const NOTE: u64 = 20;

/// Waits for the lock with this name; it is free again when the returned file is dropped.
pub(super) fn hold(
    folder: &Folder,
    name: &str,
    report: &mut dyn FnMut(Event),
) -> Result<File, StoreError> {
    let path = folder.path().join(name);
    let (mut file, own) = folder.lock_file(name).map_err(disk("open the lock", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Where locked files cannot be read, the message names no process.
            let _ = (&file).take(NOTE).read_to_string(&mut text);
            report(Event::Waiting { holder: text.trim().parse().ok() });
            file.lock().map_err(disk("lock", &path))?;
        }
        Err(TryLockError::Error(error)) => return Err(disk("lock", &path)(error)),
    }
    if own {
        let note = format!("{}\n", std::process::id());
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(note.as_bytes()));
        written.map_err(disk("write the lock", &path))?;
    }
    Ok(file)
}
