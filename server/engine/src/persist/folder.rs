//! A folder of ours: private files that appear whole or not at all.
//!
//! Another process may use the folder at the same time, end at any moment, or be hostile and have been here first. So
//! the folder itself is checked before use, a file is created under a temporary name that nothing else holds, with its
//! rights from the start, and renamed when it is complete. Only ordinary files are opened, never what a link points to.
//! Only what will be mapped is synced: after a power cut another file may be torn, its checksum says so, and a cache is
//! not worth waiting for a disk while an editor closes.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Ends the names of files that are not complete.
const PARTIAL: &str = "partial";

/// A folder that nobody else may read, 0700.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// A file of a folder.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its name in the folder.
    pub(crate) name: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// When it was last written or used.
    pub(crate) modified: SystemTime,
}

/// A file that is being written. Dropped before [`finish`](Self::finish), it is removed.
#[derive(Debug)]
pub(crate) struct Partial<'a> {
    folder: &'a Folder,
    file: File,
    path: PathBuf,
    finished: bool,
}

impl Folder {
    /// Opens the folder `name` in `parent`; without `create`, `None` where there is none.
    pub(crate) fn open(parent: &Path, name: &str, create: bool) -> io::Result<Option<Self>> {
        let path = parent.join(name);
        if create {
            make(&path)?;
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

    /// The complete files whose names end in `.extension`.
    pub(crate) fn files(&self, extension: &str) -> Vec<Found> {
        let Ok(entries) = std::fs::read_dir(&self.path) else { return Vec::new() };
        let found = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            // Of the entry itself, not of what a link points to.
            let metadata = entry.metadata().ok()?;
            let ours = metadata.is_file() && Path::new(&name).extension()? == extension;
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            ours.then_some(Found { name, bytes: metadata.len(), modified })
        });
        found.collect()
    }

    /// Opens an ordinary file for reading.
    pub(crate) fn read(&self, name: &str) -> io::Result<File> {
        open_ordinary(&self.path.join(name))
    }

    /// Opens an ordinary file that this user alone may read and write.
    pub(crate) fn read_private(&self, name: &str) -> io::Result<File> {
        let file = self.read(name)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let metadata = file.metadata()?;
            let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
            if !is_ours || metadata.mode() & 0o077 != 0 {
                let words =
                    format!("{name} belongs to another user or is open to others; remove it");
                return Err(io::Error::new(ErrorKind::PermissionDenied, words));
            }
        }
        Ok(file)
    }

    /// The files that are not complete.
    pub(crate) fn partial_files(&self) -> Vec<Found> {
        self.files(PARTIAL)
    }

    /// The least recently used files of `.extension` that are beyond `cap_bytes`, but for the one of the name `spared`.
    pub(crate) fn beyond(
        &self,
        extension: &str,
        cap_bytes: u64,
        spared: Option<&str>,
    ) -> Vec<Found> {
        let mut files = self.files(extension);
        files.sort_by_key(|found| std::cmp::Reverse(found.modified));
        let mut bytes = 0_u64;
        files.retain(|found| {
            let with_it = bytes.saturating_add(found.bytes);
            let is_beyond = with_it > cap_bytes && spared != Some(&*found.name);
            if !is_beyond {
                bytes = with_it;
            }
            is_beyond
        });
        files
    }

    /// Removes a file; that it is gone already is as good.
    pub(crate) fn remove(&self, name: &str) {
        // A file that stays costs room, nothing else; the next one to make room tries again.
        let _ = std::fs::remove_file(self.path.join(name));
    }

    /// Begins a file.
    pub(crate) fn create(&self) -> io::Result<Partial<'_>> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let process = std::process::id();
        loop {
            let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = self.path.join(format!("{process}-{counter}.{PARTIAL}"));
            match create_private(&path) {
                Ok(file) => {
                    // Held until the file is complete or this process has ended, however it ends: what `sweep` can
                    // lock, nobody writes. Where locks do not exist, only `sweep` does less.
                    let is_swept = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
                    // Another process may have swept it before the lock.
                    if !is_swept && path.symlink_metadata().is_ok() {
                        return Ok(Partial { folder: self, file, path, finished: false });
                    }
                }
                // Left by an earlier process of the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && counter < 1 << 16 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes what processes left that ended while they wrote; returns how many files that were.
    pub(crate) fn sweep(&self) -> usize {
        let mut n_swept = 0;
        for found in self.files(PARTIAL) {
            let path = self.path.join(&found.name);
            let Ok(file) = open_ordinary(&path) else { continue };
            match file.try_lock() {
                Ok(()) => {
                    self.remove(&found.name);
                    n_swept += 1;
                }
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            }
        }
        n_swept
    }
}

impl Partial<'_> {
    /// Gives the complete file its name; a file of that name is replaced.
    pub(crate) fn finish(mut self, name: &str) -> io::Result<()> {
        self.file.flush()?;
        std::fs::rename(&self.path, self.folder.path.join(name))?;
        self.finished = true;
        Ok(())
    }
}

impl Partial<'_> {
    /// Waits until the disk has what was written.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Write for Partial<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed now is swept at a later start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Notes that a file was used, so that it is not the next to go. Best effort: a read-only disk is no reason not to use it.
pub(crate) fn touch(file: &File) {
    let _ = file.set_modified(SystemTime::now());
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Takes the rights of others away. This fails where the folder is somebody else's: then it must not be used.
fn make_private(path: &Path, metadata: &Metadata, writes: bool) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.permissions().mode() & 0o077 != 0 {
            if !writes {
                let words = format!("{} is open to other users", path.display());
                return Err(io::Error::new(ErrorKind::PermissionDenied, words));
            }
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
        }
    }
    // Elsewhere the folder stands in the user's own profile, which others cannot read.
    #[cfg(not(unix))]
    let _ = (path, metadata, writes);
    Ok(())
}

/// Creates a file that only its owner may read, from its first moment on; fails where there is anything, a link included.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file if it is one: a pipe would wait for a writer, a link leads elsewhere.
fn open_ordinary(path: &Path) -> io::Result<File> {
    let refused = || io::Error::new(ErrorKind::InvalidInput, "not an ordinary file");
    let seen = std::fs::symlink_metadata(path)?;
    if !seen.is_file() {
        return Err(refused());
    }
    let file = File::open(path)?;
    // Between the two looks something else may have taken the name.
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let opened = file.metadata()?;
        if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
            return Err(refused());
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests;
