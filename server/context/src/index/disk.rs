//! Reads source files, and nothing else: no link, no device, no binary file.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;

use super::store::MAX_FILE_BYTES;

/// Returns the text of a regular file of at most [`MAX_FILE_BYTES`]; `None` if it cannot be read or
/// is binary.
pub(super) fn read(path: &Path) -> Option<String> {
    let file = open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES as u64 {
        return None;
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    // The file may grow while it is read.
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() > MAX_FILE_BYTES || bytes.contains(&0) {
        return None;
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        // A comment in another encoding hides no definition.
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Opens a file for reading. The rules judged this name: what a link puts in its place after that
/// is not opened, and a pipe does not block.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}
