//! What a run leaves nothing of: a private folder for the server's files, and the server itself.
//!
//! The server's sessions hold the file's text as token ids, so the folder is the user's alone, and it is removed when the
//! run ends, also by a signal.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use lowkey_terminal::{ending, log};

/// Folders of this name that earlier runs with the same process number may have left.
const MAX_TRIES: u32 = 100;

/// A private folder and the server that runs on it.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    server: Mutex<Option<Child>>,
    /// Whether a signal is ending this process.
    is_ending: AtomicBool,
}

impl Scratch {
    /// Makes the folder.
    pub(super) fn new() -> anyhow::Result<Self> {
        let below = std::env::temp_dir();
        let mut tries = 0..MAX_TRIES;
        let made = loop {
            let n = tries.next();
            let name = format!("lowkey-cold-{}-{}", std::process::id(), n.unwrap_or(MAX_TRIES));
            let folder = below.join(name);
            match make_private(&folder) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && n.is_some() => {}
                made => break made.map(|()| folder),
            }
        };
        let folder = made.with_context(|| {
            format!(
                "cannot make a folder for the server's files in {}; TMPDIR names another place",
                below.display()
            )
        })?;
        Ok(Self { folder, server: Mutex::new(None), is_ending: AtomicBool::new(false) })
    }

    /// Removes everything also when a signal ends this process.
    pub(super) fn remove_on_signals(self: &Arc<Self>) -> anyhow::Result<()> {
        // Not an owner: the folder goes when the run ends, while signals are still listened for.
        let scratch = Arc::downgrade(self);
        ending::on_signals(move |signal| {
            if let Some(scratch) = scratch.upgrade() {
                scratch.is_ending.store(true, Ordering::Release);
                scratch.clear();
            }
            log::finish();
            // The exit code by which a shell reports the signal that ended a process.
            std::process::exit(128 + signal);
        })
        .context("cannot listen for signals")
    }

    /// Waits for the end where a signal is ending this process: that the server is gone is then no error.
    pub(super) fn wait_for_signal_exit(&self) {
        while self.is_ending.load(Ordering::Acquire) {
            std::thread::park();
        }
    }

    /// Returns the folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the server's process, if one runs.
    pub(super) fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the server without asking it, if one runs.
    pub(super) fn kill_server(&self) {
        if let Some(mut server) = self.server().take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Ends the server first: it may still write to the folder.
    fn clear(&self) {
        self.kill_server();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_private_and_removed() {
        let scratch = Scratch::new().unwrap();
        let other = Scratch::new().unwrap();
        assert_ne!(scratch.folder(), other.folder());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(scratch.folder()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let folder = scratch.folder().to_owned();
        std::fs::write(folder.join("file"), "text").unwrap();
        drop(scratch);
        assert!(!folder.exists());
        assert!(other.folder().exists());
    }
}
