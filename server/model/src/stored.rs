//! The bytes of a model file, mapped into memory rather than read into it.
//!
//! Packing copies every weight once into the kernels' layout, so a second copy on the heap would double the memory at
//! load. A map costs only the pages that are touched, and the system may drop them again.
//! The only `unsafe` of this crate stands here.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::Mmap;
#[cfg(unix)]
use memmap2::UncheckedAdvice;

use crate::ModelError;

/// The bytes of a model: a mapped file, or a slice compiled into the program.
#[derive(Debug)]
pub(crate) enum MappedBytes {
    /// A file on disk.
    File(Mmap),
    /// An embedded model.
    Static(&'static [u8]),
    /// Numbers that a folder's configuration names.
    Made(Vec<u8>),
}

impl Deref for MappedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            Self::Static(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

impl MappedBytes {
    /// Maps the file at `path`, which must be an ordinary file that is not empty.
    pub(crate) fn open(path: &Path, file: &str) -> Result<Self, ModelError> {
        // Asked before opening: opening a pipe would wait for a writer that may never come.
        let metadata = std::fs::metadata(path).map_err(|source| unreadable(file, source))?;
        if !metadata.is_file() {
            let kind = if metadata.is_dir() { "a folder" } else { "a pipe or a device" };
            return Err(ModelError::NotAFile { file: file.to_owned(), kind });
        }
        if metadata.len() == 0 {
            return Err(ModelError::NotGguf {
                file: file.to_owned(),
                found: "is empty".to_owned(),
            });
        }
        let opened = File::open(path).map_err(|source| unreadable(file, source))?;
        map(&opened).map(Self::File).map_err(|source| unreadable(file, source))
    }
}

impl MappedBytes {
    /// Gives back the memory that reading these bytes took; the next reading takes them from the file again.
    #[cfg_attr(unix, expect(unsafe_code, reason = "the general form of the call can lose data"))]
    pub(crate) fn release(&self, span: Range<usize>) {
        #[cfg(unix)]
        if let Self::File(map) = self {
            // SAFETY: for a read-only map of a file, forgetting pages loses nothing: they are read from the file again.
            // Best effort: without it the memory is given back when the file is closed.
            let _ = unsafe {
                map.unchecked_advise_range(
                    UncheckedAdvice::DontNeed,
                    span.start,
                    span.end.saturating_sub(span.start),
                )
            };
        }
        #[cfg(not(unix))]
        let _ = span;
    }
}

fn unreadable(file: &str, source: io::Error) -> ModelError {
    let file = file.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ModelError::NotFound { file },
        _ => ModelError::Io { file, source },
    }
}

#[expect(
    unsafe_code,
    reason = "mapping a file has no safe form: another process may change it underneath"
)]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the map is private, read-only and owned by the `MappedBytes` that hands out slices of it, so no slice
    // outlives it and this process never writes to it. Another process that truncates or overwrites the file while it
    // is open can change what is read or end this process with SIGBUS; every program that maps files accepts this, and
    // here the span is short: weights are copied into packed matrices at load, after which the file is dropped. Nothing
    // here relies on the bytes staying as validated: all reading goes through bounds-checked slices.
    unsafe { Mmap::map(file) }
}
