//! Lets one process at a time write a file of the cache.
//!
//! The lock is a lock of the operating system, on a file in the folder where `huggingface_hub`
//! keeps its locks. It ends with the process, even after a crash. The file holds the process id of
//! the lock's holder, for messages only.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};

use super::Event;
use crate::error::{StoreError, disk};
use crate::folder::Folder;

/// Maximum digits of a process id.
const NOTE: u64 = 20;

/// Waits for the lock with this name. Dropping the returned file releases it.
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
            // Some systems do not allow reading a locked file; the message then names no process.
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
