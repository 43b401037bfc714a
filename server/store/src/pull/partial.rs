//! A file that grows: its bytes so far and their checksum.
//!
//! Invariant: `len` bytes are in the file and in the checksum.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{StoreError, disk};
use crate::kept::hex;

/// The file of a pull that is not finished.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    len: u64,
    checksum: Sha256,
}

impl Partial {
    /// Opens what an earlier pull left, or begins.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.map_err(disk("open", path))?;
        let (mut checksum, mut len) = (Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 18];
        loop {
            let n = file.read(&mut buffer).map_err(disk("read", path))?;
            let Some(bytes) = buffer.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
            checksum.update(bytes);
            len += n as u64;
        }
        Ok(Self { path: path.to_path_buf(), file, len, checksum })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Begins from nothing.
    pub(super) fn restart(&mut self) -> Result<(), StoreError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(disk("empty", &self.path))?;
        (self.checksum, self.len) = (Sha256::new(), 0);
        Ok(())
    }

    /// Appends.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Err(error) = self.file.write_all(bytes) {
            // Some of them may be there: the file goes back to what the checksum covers.
            let _ = self.file.set_len(self.len);
            let full =
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
            return Err(if full {
                StoreError::Full { path: self.path.clone(), written: self.len }
            } else {
                disk("write", &self.path)(error)
            });
        }
        self.checksum.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Ends: what was written is on the disk. Returns the checksum.
    pub(super) fn finish(&mut self) -> Result<String, StoreError> {
        self.file.sync_all().map_err(disk("write", &self.path))?;
        Ok(hex(&self.checksum.clone().finalize()))
    }

    /// Removes the file.
    pub(super) fn remove(self) -> Result<(), StoreError> {
        std::fs::remove_file(&self.path).map_err(disk("remove", &self.path))
    }
}
