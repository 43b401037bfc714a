//! One process at a time writes a file of the cache.
//!
//! The lock is the system's own, on a file where `huggingface_hub` has its locks: it ends with the process, however
//! that ends. The holder's process id stands in the file, for messages only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::Event;
use crate::error::{StoreError, disk};

/// Waits for the lock; it is free again when what this returns is dropped.
pub(super) fn hold(path: &Path, report: &mut dyn FnMut(Event)) -> Result<File, StoreError> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(disk("create the folder", folder))?;
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.map_err(disk("open the lock", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Where locked files cannot be read, nobody is named.
            let _ = file.read_to_string(&mut text);
            report(Event::Waiting { holder: text.trim().parse().ok() });
            file.lock().map_err(disk("lock", path))?;
        }
        Err(TryLockError::Error(error)) => return Err(disk("lock", path)(error)),
    }
    let note = format!("{}\n", std::process::id());
    let written =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
    written.map_err(disk("write the lock", path))?;
    Ok(file)
}
