//! Folders by path, for systems without folder handles in the standard library. Checks for links
//! before each step.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::planted;

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens a folder that the user named; creates it if it is missing.
    pub(crate) fn root(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Opens a folder in this one, never through a link; creates it if it is missing.
    pub(crate) fn inside(&self, name: &str) -> io::Result<Self> {
        let path = self.path.join(name);
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        if path.symlink_metadata()?.is_dir() { Ok(Self { path }) } else { Err(planted()) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn is_file(&self, name: &str) -> bool {
        self.path.join(name).symlink_metadata().is_ok_and(|metadata| metadata.is_file())
    }

    /// Creates a file; fails if the name is taken.
    pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.path.join(name))
    }

    /// Opens an ordinary file for reading and writing, or creates a new one.
    pub(crate) fn own_file(&self, name: &str) -> io::Result<File> {
        if self.is_file(name) {
            return OpenOptions::new().read(true).write(true).open(self.path.join(name));
        }
        self.remove(name)?;
        self.create_new(name)
    }

    /// Opens the file of a lock. Returns whether a note may be written into it.
    pub(crate) fn lock_file(&self, name: &str) -> io::Result<(File, bool)> {
        if self.has(name) && !self.is_file(name) {
            return Err(planted());
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        Ok((options.open(self.path.join(name))?, true))
    }

    /// Opens an ordinary file for reading; `None` if there is none.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<File>> {
        self.is_file(name).then(|| File::open(self.path.join(name))).transpose()
    }

    /// Whether this name is an ordinary file; file identity is not available here.
    pub(crate) fn is(&self, name: &str, _file: &File) -> io::Result<bool> {
        Ok(self.is_file(name))
    }

    /// Whether any file, folder or link has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path.join(name).symlink_metadata().is_ok()
    }

    /// Renames within this folder, replacing the file that has the new name.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    /// Removes a file or a link, if it exists.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes `name` a link to `target`. Windows allows links only to some users; without a link the
    /// bytes move here, as in other tools.
    pub(crate) fn link(&self, target: &Path, name: &str) -> io::Result<()> {
        let path = self.path.join(name);
        self.remove(name)?;
        #[cfg(windows)]
        let linked = std::os::windows::fs::symlink_file(target, &path);
        #[cfg(not(windows))]
        let linked: io::Result<()> = Err(io::ErrorKind::Unsupported.into());
        linked.or_else(|_| std::fs::rename(self.path.join(target), &path))
    }
}
