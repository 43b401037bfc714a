//! A temporary folder for one test, removed when the test ends.
//!
//! It is in the system's temporary folder and not in the target folder, because git ignores the
//! target folder and the model would get none of its files. No two tests share a folder, regardless
//! of their names and processes.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty folder, removed with its contents on drop.
pub(crate) struct TestFolder(PathBuf);

impl TestFolder {
    /// Creates a folder. `name` helps to identify a folder that a killed test has left.
    pub(crate) fn new(name: &str) -> TestFolder {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let n = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lowkey-{name}-{}-{n}", std::process::id()));
        // Removes a folder left by an earlier process with the same id.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        TestFolder(path)
    }
}

impl Deref for TestFolder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for TestFolder {
    fn as_ref(&self) -> &Path {
        self
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
