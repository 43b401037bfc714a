//! A folder of a test's own, gone when the test ends: how tests of every kind make files.
//!
//! Below the system's folder for such things and not below the target folder, which git ignores, so that the model would
//! be shown nothing of it. Two tests never get the same, whatever they call it and whichever process runs them.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty folder when it is made; removed with what is in it when it is dropped.
pub(crate) struct TestFolder(PathBuf);

impl TestFolder {
    /// Makes a folder; `name` is for whoever finds one that a killed test has left.
    pub(crate) fn new(name: &str) -> TestFolder {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let n = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("lowkey-{name}-{}-{n}", std::process::id()));
        // One that an earlier process of the same number has left.
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
