//! An unfinished file: its bytes so far and their checksum.
//!
//! Invariant: the file contains `len` bytes, and `checksum` covers exactly these.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::plausible;
use crate::catalog::CatalogEntry;
use crate::error::{StoreError, disk};
use crate::folder::Folder;
use crate::local::hex;

/// The file of an unfinished pull.
#[derive(Debug)]
pub(super) struct Partial<'a> {
    folder: &'a Folder,
    name: String,
    path: PathBuf,
    file: File,
    len: u64,
    checksum: Sha256,
}

impl<'a> Partial<'a> {
    /// Opens the unfinished file of an earlier pull by this user, or creates a new one.
    pub(super) fn open(folder: &'a Folder, name: String) -> Result<Self, StoreError> {
        let path = folder.path().join(&name);
        let file = folder.own_file(&name).map_err(disk("open", &path))?;
        let mut partial = Self { folder, name, path, file, len: 0, checksum: Sha256::new() };
        partial.rewind()?;
        Ok(partial)
    }

    /// Reads the file from its beginning to compute its length and checksum.
    fn rewind(&mut self) -> Result<(), StoreError> {
        self.file.rewind().map_err(disk("read", &self.path))?;
        (self.checksum, self.len) = (Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 18];
        loop {
            let n = self.file.read(&mut buffer).map_err(disk("read", &self.path))?;
            let Some(bytes) = buffer.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
            self.checksum.update(bytes);
            self.len += n as u64;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns another handle of the file, for reading at any position.
    pub(super) fn reader(&self) -> Result<File, StoreError> {
        self.file.try_clone().map_err(disk("open", &self.path))
    }

    /// Whether the file can be the model of this row.
    pub(super) fn is_plausible(&self, entry: &CatalogEntry) -> Result<bool, StoreError> {
        let file = self.folder.read(&self.name).map_err(disk("read", &self.path))?;
        let plausible = file.map(|file| plausible(entry, file, self.len)).transpose();
        Ok(plausible.map_err(disk("read", &self.path))?.unwrap_or_default())
    }

    /// Returns the checksum of the bytes so far.
    pub(super) fn checksum(&self) -> String {
        hex(&self.checksum.clone().finalize())
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Empties the file.
    pub(super) fn restart(&mut self) -> Result<(), StoreError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(disk("empty", &self.path))?;
        (self.checksum, self.len) = (Sha256::new(), 0);
        Ok(())
    }

    /// Truncates the file to its first `len` bytes, if it is longer.
    pub(super) fn truncate(&mut self, len: u64) -> Result<(), StoreError> {
        if self.len <= len {
            return Ok(());
        }
        self.file.set_len(len).map_err(disk("cut", &self.path))?;
        self.rewind()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if let Err(error) = self.file.write_all(bytes) {
            // Some of the bytes may be in the file; truncate it to the bytes that the checksum
            // covers.
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

    /// Writes the file to the disk. Returns the checksum.
    pub(super) fn finish(&mut self) -> Result<String, StoreError> {
        self.file.sync_all().map_err(disk("write", &self.path))?;
        Ok(self.checksum())
    }

    /// Gives the file its final name, replacing the previous file.
    pub(super) fn publish(self, name: &str) -> Result<(), StoreError> {
        let renamed = self.folder.rename(&self.name, name).and_then(|()| {
            // Another user who may write into the folder could have exchanged the file; other bytes
            // would then have this name.
            if self.folder.is(name, &self.file)? {
                Ok(())
            } else {
                let _ = self.folder.remove(name);
                Err(io::Error::other("another user exchanged it; use a cache folder of your own"))
            }
        });
        renamed.map_err(disk("rename", &self.path))
    }

    pub(super) fn remove(self) -> Result<(), StoreError> {
        self.folder.remove(&self.name).map_err(disk("remove", &self.path))
    }

    /// Removes the file if it is empty.
    pub(super) fn sweep(self) -> Result<(), StoreError> {
        if self.len == 0 { self.remove() } else { Ok(()) }
    }
}
