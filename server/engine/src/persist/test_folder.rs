//! A temporary folder for one test.

use std::path::PathBuf;

/// Removed when the test ends. The tests of each module add their own methods.
pub(super) struct TestFolder(pub(super) PathBuf);

impl TestFolder {
    /// Creates an empty folder for the test of this name.
    pub(super) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("lowkey-persist-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
