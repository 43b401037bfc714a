//! A private folder whose files appear complete or not at all.
//!
//! Another process may use the folder at the same time, end at any moment, or be hostile and have
//! created the folder first. The folder is therefore checked before use. A file is created under a
//! unique temporary name with its final permissions, and renamed when it is complete. Only regular
//! files are opened, and links are not followed.
//!
//! Only files that will be mapped are synced. After a power cut another file may be torn. Its
//! checksum detects that, and a cache is not worth waiting for a disk while an editor closes.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The extension of incomplete files.
const PARTIAL: &str = "partial";

/// A folder that no other user may read, 0700.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// A file in a folder.
#[derive(Debug)]
pub(crate) struct FolderEntry {
    pub(crate) name: String,
    /// Its length in bytes.
    pub(crate) bytes: u64,
    /// The time of its last write or use.
    pub(crate) modified: SystemTime,
}

/// A file that is being written. It is removed if it is dropped before [`finish`](Self::finish).
#[derive(Debug)]
pub(crate) struct PartialFile<'a> {
    folder: &'a Folder,
    file: File,
    path: PathBuf,
    finished: bool,
}

impl Folder {
    /// Opens the folder `name` in `parent`. Without `create`, returns `None` if it does not exist.
    pub(crate) fn open(parent: &Path, name: &str, create: bool) -> io::Result<Option<Self>> {
        let path = parent.join(name);
        if create {
            create_folder(&path)?;
        }
        let metadata = match std::fs::symlink_metadata(&path) {
            Err(error) if !create && error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_dir() {
            let words = format!("{} is not a folder; remove it", path.display());
            return Err(io::Error::new(ErrorKind::NotADirectory, words));
        }
        make_private(&path, &metadata, create)?;
        Ok(Some(Self { path }))
    }

    /// Returns the complete files with this extension.
    pub(crate) fn files(&self, extension: &str) -> Vec<FolderEntry> {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return Vec::new() };
        let found = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            // Metadata of the entry itself, not of a link's target.
            let metadata = entry.metadata().ok()?;
            let ours = metadata.is_file() && Path::new(&name).extension()? == extension;
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            ours.then_some(FolderEntry { name, bytes: metadata.len(), modified })
        });
        found.collect()
    }

    /// Opens a regular file for reading.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        open_regular(&self.path.join(name))
    }

    /// Opens a regular file that only this user may read and write.
    pub(crate) fn read_private(&self, name: &str) -> io::Result<File> {
        let file = self.read(name)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let metadata = file.metadata()?;
            let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
            if !is_ours || metadata.mode() & 0o077 != 0 {
                let words = format!(
                    "{name} belongs to another user or other users may access it; remove it"
                );
                return Err(io::Error::new(ErrorKind::PermissionDenied, words));
            }
        }
        Ok(file)
    }

    /// Returns the incomplete files.
    pub(crate) fn partial_files(&self) -> Vec<FolderEntry> {
        self.files(PARTIAL)
    }

    /// Returns the least recently used files of `.extension` that exceed `cap_bytes`, except the
    /// file named `kept`.
    pub(crate) fn files_over_cap(
        &self,
        extension: &str,
        cap_bytes: u64,
        kept: Option<&str>,
    ) -> Vec<FolderEntry> {
        let mut files = self.files(extension);
        files.sort_by_key(|found| std::cmp::Reverse(found.modified));
        let mut bytes = 0_u64;
        files.retain(|found| {
            let with_it = bytes.saturating_add(found.bytes);
            let is_over_cap = with_it > cap_bytes && kept != Some(&*found.name);
            if !is_over_cap {
                bytes = with_it;
            }
            is_over_cap
        });
        files
    }

    /// Removes a file, if it still exists.
    pub(crate) fn remove(&self, name: &str) {
        // A file that stays only uses space; the next eviction tries again.
        let _ = std::fs::remove_file(self.path.join(name));
    }

    /// Creates a partial file.
    pub(crate) fn create(&self) -> io::Result<PartialFile<'_>> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let process = std::process::id();
        loop {
            let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = self.path.join(format!("{process}-{counter}.{PARTIAL}"));
            match create_private(&path) {
                Ok(file) => {
                    // The lock is held until the file is complete or this process ends. `remove_stale_partial_files` may
                    // remove a file that it can lock, because no process writes it. On a system
                    // without locks, `remove_stale_partial_files` removes less.
                    let is_swept = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
                    // Another process may have removed it before the lock.
                    if !is_swept && path.symlink_metadata().is_ok() {
                        return Ok(PartialFile { folder: self, file, path, finished: false });
                    }
                }
                // An earlier process with the same id left it.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && counter < 1 << 16 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes the partial files of processes that ended; returns their number.
    pub(crate) fn remove_stale_partial_files(&self) -> usize {
        let mut n_stale = 0;
        for found in self.files(PARTIAL) {
            let path = self.path.join(&found.name);
            let Ok(file) = open_regular(&path) else { continue };
            match file.try_lock() {
                Ok(()) => {
                    self.remove(&found.name);
                    n_stale += 1;
                }
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            }
        }
        n_stale
    }
}

impl PartialFile<'_> {
    /// Renames the complete file to `name`; replaces a file of that name.
    pub(crate) fn finish(mut self, name: &str) -> io::Result<()> {
        self.file.flush()?;
        std::fs::rename(&self.path, self.folder.path.join(name))?;
        self.finished = true;
        Ok(())
    }
}

impl PartialFile<'_> {
    /// Waits until the disk has the written data.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Write for PartialFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PartialFile<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // A later start removes a file that cannot be removed now.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Marks a file as used, so that it is not evicted next. Failures are ignored: a file on a
/// read-only disk is still usable.
pub(crate) fn mark_used(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}

fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes other users' permissions. Fails if the folder belongs to another user: then it must not
/// be used.
fn make_private(path: &Path, metadata: &Metadata, writes: bool) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            if !writes {
                let words = format!("other users may access {}", path.display());
                return Err(io::Error::new(ErrorKind::PermissionDenied, words));
            }
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
        }
    }
    // On other systems the folder is in the user's own profile, which other users cannot read.
    #[cfg(not(unix))]
    let _ = (path, metadata, writes);
    Ok(())
}

/// Creates a file that only its owner may read, from the start. Fails if the name exists, even as a
/// link.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a regular file only: a pipe would wait for a writer, and a link leads elsewhere.
fn open_regular(path: &Path) -> io::Result<File> {
    let refused = || io::Error::new(ErrorKind::InvalidInput, "not a regular file");
    let estimate = std::fs::symlink_metadata(path)?;
    if !estimate.is_file() {
        return Err(refused());
    }
    let file = File::open(path)?;
    // Another file may have taken the name between the two checks.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let opened = file.metadata()?;
        if (opened.dev(), opened.ino()) != (estimate.dev(), estimate.ino()) {
            return Err(refused());
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests;
