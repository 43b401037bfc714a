//! Model files that are damaged, hostile or merely wrong: one clear message each, never a panic, never much memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod messages;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cap::Cap;

/// Counts allocated bytes, to notice an allocation by the value of a header field.
#[global_allocator]
static MEMORY: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

/// A model file on disk that goes away with the test.
struct Scratch {
    path: PathBuf,
    file: File,
}

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("{name}-{}.gguf", std::process::id()));
        let mut file = File::create(&path).unwrap();
        file.write_all(bytes).unwrap();
        Self { path, file }
    }

    /// Overwrites the bytes at `offset`.
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.file.seek(SeekFrom::Start(offset as u64)).unwrap();
        self.file.write_all(bytes).unwrap();
    }

    fn cut(&self, length: usize) {
        self.file.set_len(length as u64).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
