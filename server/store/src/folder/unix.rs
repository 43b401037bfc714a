//! Folders by handle: `openat` and its relatives.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{MAX_TRIES, planted, taken, unused};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// A planted pipe must not block the open.
const PLAIN: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    handle: OwnedFd,
}

/// Whether an open file belongs to this user alone: an ordinary file of this user with one name.
fn is_own(stat: &Stat) -> bool {
    let owner = rustix::process::geteuid().as_raw();
    is_plain(stat) && stat.st_uid == owner
}

/// Whether an open file is an ordinary file with one name.
fn is_plain(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1
}

/// The permissions of new files, before the user's umask.
fn file_mode() -> Mode {
    Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH
}

impl Folder {
    /// Opens a folder that the user named, also through links; creates it if it is missing.
    pub(crate) fn root(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let handle = rustix::fs::open(path, FOLDER, Mode::empty())?;
        Ok(Self { path: path.to_path_buf(), handle })
    }

    /// Opens a folder in this one, never through a link; creates it if it is missing.
    pub(crate) fn inside(&self, name: &str) -> io::Result<Self> {
        match rustix::fs::mkdirat(&self.handle, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let handle =
            rustix::fs::openat(&self.handle, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        let handle = handle.map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR | Errno::MLINK => planted(),
            other => other.into(),
        })?;
        Ok(Self { path: self.path.join(name), handle })
    }

    /// The path, for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a file; fails if the name is taken, also by a link.
    pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | PLAIN;
        Ok(rustix::fs::openat(&self.handle, name, flags, file_mode())?.into())
    }

    /// Opens a file for reading and writing: the file of this name if this user owns it, otherwise
    /// a new one that replaces it.
    pub(crate) fn own_file(&self, name: &str) -> io::Result<File> {
        for _ in 0..MAX_TRIES {
            match rustix::fs::openat(&self.handle, name, OFlags::RDWR | PLAIN, Mode::empty()) {
                Ok(file) => {
                    if is_own(&rustix::fs::fstat(&file)?) {
                        return Ok(file.into());
                    }
                }
                Err(Errno::NOENT) => match self.create_new(name) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                    file => return file,
                },
                // A link, a socket, or a file that its owner has made read-only.
                Err(Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
            self.remove(name)?;
        }
        Err(taken())
    }

    /// Opens the file of a lock, which may belong to another user. Returns whether this user may
    /// write a note into it.
    pub(crate) fn lock_file(&self, name: &str) -> io::Result<(File, bool)> {
        for _ in 0..MAX_TRIES {
            let flags = OFlags::RDWR | OFlags::CREATE | PLAIN;
            let opened = match rustix::fs::openat(&self.handle, name, flags, file_mode()) {
                Err(Errno::ACCESS) => {
                    rustix::fs::openat(&self.handle, name, OFlags::RDONLY | PLAIN, Mode::empty())
                }
                opened => opened,
            };
            match opened {
                Ok(file) => {
                    let stat = rustix::fs::fstat(&file)?;
                    if is_plain(&stat) {
                        return Ok((file.into(), is_own(&stat)));
                    }
                }
                Err(Errno::LOOP | Errno::MLINK | Errno::NXIO) => {}
                Err(error) => return Err(error.into()),
            }
            self.unplant(name)?;
        }
        Err(taken())
    }

    /// Removes a file that is not a lock. Only one process at a time does so, and it checks again
    /// first. Otherwise it could remove the lock that another process has just created and holds.
    fn unplant(&self, name: &str) -> io::Result<()> {
        let folder = File::from(rustix::fs::openat(&self.handle, ".", FOLDER, Mode::empty())?);
        folder.lock()?;
        let stat = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW);
        match stat {
            Ok(stat) if is_plain(&stat) => Ok(()),
            Err(Errno::NOENT) => Ok(()),
            _ => self.remove(name),
        }
    }

    /// Opens an ordinary file for reading, never through a link; `None` if there is none.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | PLAIN;
        match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => {
                let stat = rustix::fs::fstat(&file)?;
                let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
                Ok(is_file.then(|| file.into()))
            }
            Err(Errno::NOENT | Errno::LOOP | Errno::MLINK | Errno::NXIO) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether this name refers to this open file.
    pub(crate) fn is(&self, name: &str, file: &File) -> io::Result<bool> {
        let open = rustix::fs::fstat(file)?;
        let named = rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((open.st_dev, open.st_ino) == (named.st_dev, named.st_ino))
    }

    /// Whether any file, folder or link has this name, even a dangling link.
    pub(crate) fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Renames within this folder, replacing the file that has the new name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// Removes a file or a link, if it exists.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes `name` a link to `target` atomically, replacing the previous file.
    pub(crate) fn link(&self, target: &Path, name: &str) -> io::Result<()> {
        for _ in 0..MAX_TRIES {
            let new = unused(name)?;
            match rustix::fs::symlinkat(target, &self.handle, &new) {
                Ok(()) => {
                    return self.rename(&new, name).inspect_err(|_| {
                        let _ = self.remove(&new);
                    });
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(taken())
    }
}
