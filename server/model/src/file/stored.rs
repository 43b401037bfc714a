//! The bytes of a model file, read in spans.
//!
//! Packing copies every weight once into the kernels' layout, so a tensor's bytes are in memory only until it is
//! packed. They are read, not mapped: another process may truncate the file at any time (a download that starts over,
//! a disk that is cleaned). Then a map ends this process with SIGBUS, while a read returns an error.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use lowkey_kernels::read_at;

use crate::error::ModelError;

/// The bytes of a model: a file, or a slice compiled into the program.
#[derive(Debug)]
pub(crate) enum StoredBytes {
    /// A file on disk, and its length when it was opened.
    File(File, usize),
    /// An embedded model; its pages are released when this is dropped.
    Static(&'static [u8]),
    /// Numbers from a folder's configuration.
    Owned(Vec<u8>),
}

impl StoredBytes {
    /// Opens the file at `path`, which must be an ordinary file that is not empty.
    pub(crate) fn open(path: &Path, file: &str) -> Result<Self, ModelError> {
        // Checked before opening: opening a pipe would wait for a writer.
        let metadata = std::fs::metadata(path).map_err(|source| unreadable(file, source))?;
        if !metadata.is_file() {
            let kind = if metadata.is_dir() { "a folder" } else { "a pipe or a device" };
            return Err(ModelError::NotAFile { file: file.to_owned(), kind });
        }
        let opened = File::open(path).map_err(|source| unreadable(file, source))?;
        let metadata = opened.metadata().map_err(|source| unreadable(file, source))?;
        if metadata.len() == 0 {
            return Err(ModelError::NotGguf {
                file: file.to_owned(),
                found: "is empty".to_owned(),
            });
        }
        let n_bytes = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        Ok(Self::File(opened, n_bytes))
    }

    /// The length in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::File(_, n_bytes) => *n_bytes,
            Self::Static(bytes) => bytes.len(),
            Self::Owned(bytes) => bytes.len(),
        }
    }

    /// When the file was last written; `None` if there is no file or the system does not know.
    pub(crate) fn modified(&self) -> Option<SystemTime> {
        match self {
            Self::File(file, _) => file.metadata().ok()?.modified().ok(),
            Self::Static(_) | Self::Owned(_) => None,
        }
    }

    /// Reads a span; fails if the file does not have it any more.
    pub(crate) fn read(&self, span: Range<usize>) -> io::Result<Cow<'_, [u8]>> {
        let missing = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let held: &[u8] = match self {
            Self::File(file, n_bytes) => {
                if span.start > span.end || span.end > *n_bytes {
                    return Err(missing());
                }
                let mut bytes = vec![0; span.end - span.start];
                read_at(file, &mut bytes, span.start as u64)?;
                return Ok(Cow::Owned(bytes));
            }
            Self::Static(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        };
        held.get(span).map(Cow::Borrowed).ok_or_else(missing)
    }

    /// Reads the first bytes, at most `n`.
    pub(crate) fn first(&self, n: usize, file: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        self.read(0..n.min(self.len())).map_err(|source| unreadable(file, source))
    }
}

impl Drop for StoredBytes {
    fn drop(&mut self) {
        if let Self::Static(bytes) = self {
            lowkey_kernels::release_static_pages(bytes);
        }
    }
}

/// The error for a file that cannot be opened or read.
pub(crate) fn unreadable(file: &str, source: io::Error) -> ModelError {
    let file = file.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ModelError::NotFound { file },
        io::ErrorKind::UnexpectedEof => ModelError::FileShrank { file },
        _ => ModelError::Io { file, source },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_cut_short_while_it_is_read_is_an_error() {
        let path = std::env::temp_dir().join(format!("lowkey-stored-{}", std::process::id()));
        std::fs::write(&path, [7; 100]).unwrap();
        let stored = StoredBytes::open(&path, "f").unwrap();
        assert_eq!(stored.read(10..20).unwrap().as_ref(), [7; 10]);
        assert!(stored.read(90..101).is_err());
        File::options().write(true).open(&path).unwrap().set_len(15).unwrap();
        let error = unreadable("f", stored.read(10..20).unwrap_err()).to_string();
        assert!(error.contains("shorter"), "{error}");
        std::fs::remove_file(&path).unwrap();
    }
}
