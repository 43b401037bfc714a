//! Packed weights in a file, so that a start packs nothing and several processes share one copy.
//!
//! The file holds the memory of a [`WeightArena`] byte for byte, then a checksum for each 2 MiB, then a
//! footer. The footer holds the file's identity and a checksum of all bytes after the weights. The
//! weights come first, so that they are mapped in huge pages where the file system's cache has
//! them.
//!
//! Tiles are the same for every instruction set, so one file serves all of them: its identity is
//! the caller's key, [`PACKING_VERSION`] and the length.
//!
//! A map reads the file while the process runs. If another program truncates the file, the process
//! ends (SIGBUS). A caller therefore opens only files that belong to its user alone, and replaces a
//! file by renaming another one, never by writing into it. A file on a network file system is read
//! into memory instead, because it can vanish while it is mapped.
//!
//! The checksums detect damage, not forgery: a program that can write the user's private files
//! needs no forged weights.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use twox_hash::XxHash3_64;

use crate::arena::{Memory, WeightArena};
use crate::pool::Pool;
use crate::shared::SharedSlice;

mod footer;
mod pages;

use footer::Footer;
pub use footer::read_at;

/// The version of the packed form. It counts changes of the tiles, of the order in which a model's
/// matrices take their memory, and of this file's format.
///
/// A packed file is valid only for the same number. Tests compare the bytes of small matrices and
/// of a small model with known digests; their failure message asks to raise this number.
pub const PACKING_VERSION: u32 = 1;

/// The length of a caller's key.
pub const KEY_BYTES: usize = 64;

/// Bytes covered by one checksum: a huge page, so that checking one maps it.
const CHUNK: usize = 2 << 20;

/// The packed weights of a whole model, ready to be saved.
#[derive(Clone)]
pub struct PackedWeights {
    memory: Arc<Memory>,
}

/// How a file's weights should be held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapPolicy {
    /// Mapped if a map reads as fast as anonymous memory, else copied.
    #[default]
    Auto,
    /// Mapped, so that all processes share them.
    Always,
    /// Copied into anonymous memory.
    Never,
}

/// How a file's weights are held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightMemory {
    /// Mapped in huge pages, or on a system that does not report page sizes.
    MappedHugePages,
    /// Mapped in small pages.
    MappedSmallPages,
    Copied,
}

/// Why a file's weights are refused.
#[derive(Debug)]
pub enum PackedFileError {
    /// The file holds other weights, or another version wrote it.
    OtherWeights,
    /// The file differs from what was written.
    Damaged,
    /// The file cannot be read, or its weights cannot be held.
    Unreadable(io::Error),
}

impl fmt::Display for PackedFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherWeights => {
                write!(f, "it holds another model's weights, or another version wrote it")
            }
            Self::Damaged => write!(f, "it is damaged"),
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl std::error::Error for PackedFileError {}

impl From<io::Error> for PackedFileError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Unreadable(error),
        }
    }
}

impl WeightArena {
    /// Ends the packing and returns all weights for saving. `None` if they came from a file.
    pub fn into_packed_weights(self) -> Option<PackedWeights> {
        (!self.is_packed()).then(|| PackedWeights { memory: self.into_memory() })
    }
}

impl PackedWeights {
    /// Returns the length of a file with `len` bytes of weights.
    pub fn file_bytes(len: usize) -> u64 {
        len as u64 + (len.div_ceil(CHUNK) * size_of::<u64>() + footer::BYTES) as u64
    }

    /// Returns the length of the weights.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Whether there are no weights.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a file's content in pieces of at most 2 MiB. Stops at the first error of `write`.
    pub fn save(
        &self,
        key: &[u8; KEY_BYTES],
        write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut end = Vec::new();
        for chunk in self.bytes().chunks(CHUNK) {
            end.extend(XxHash3_64::oneshot(chunk).to_le_bytes());
            pages::free_huge_page();
            write(chunk)?;
        }
        Footer::new(key, self.len()).append_to(&mut end);
        write(&end)
    }

    /// Opens a file that [`save`](Self::save) wrote for `len` bytes of weights under `key`, and
    /// checks every byte on the threads of `pool`.
    pub fn open(
        file: &File,
        len: usize,
        key: &[u8; KEY_BYTES],
        map_policy: MapPolicy,
        pool: &Pool,
    ) -> Result<(WeightArena, WeightMemory), PackedFileError> {
        let sums = footer::read(file, len, &Footer::new(key, len))?;
        let mapped = map_policy != MapPolicy::Never && !pages::is_on_network_file_system(file);
        if mapped && let Some((map, memory)) = map(file, len, map_policy)? {
            verify(&map, &sums, pool)?;
            return Ok((WeightArena::packed(Memory::of_file(map)), memory));
        }
        let mut memory = Memory::new(len)
            .map_err(|error| PackedFileError::Unreadable(io::Error::other(error)))?;
        read_verified(memory.bytes_mut(), file, &sums, pool)?;
        Ok((WeightArena::packed(memory), WeightMemory::Copied))
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: buffers are written only while a matrix is packed, which borrows the arena; this
        // value was made by consuming the reserve.
        unsafe { self.memory.bytes() }
    }
}

/// Maps the weights. `None` if `map_policy` asks for fast memory and the system maps small pages only.
fn map(
    file: &File,
    len: usize,
    map_policy: MapPolicy,
) -> io::Result<Option<(memmap2::Mmap, WeightMemory)>> {
    // SAFETY: the map is read-only. Its file belongs to the user and is never written again after
    // it has its name (see the module's documentation). The caller has checked the length.
    let map = unsafe { memmap2::MmapOptions::new().len(len).map(file)? };
    #[cfg(target_os = "linux")]
    // Best effort: pages that are read from disk from now on are read as huge pages.
    let _ = map.advise(memmap2::Advice::HugePage);
    let memory = if pages::is_in_huge_pages(&map, CHUNK) {
        WeightMemory::MappedHugePages
    } else {
        WeightMemory::MappedSmallPages
    };
    let is_wanted = memory == WeightMemory::MappedHugePages
        || map_policy == MapPolicy::Always
        || !pages::anonymous_memory_is_huge();
    Ok(is_wanted.then_some((map, memory)))
}

/// Compares mapped weights with their checksums, which also reads them into memory.
fn verify(weights: &[u8], sums: &[u64], pool: &Pool) -> Result<(), PackedFileError> {
    let is_damaged = AtomicBool::new(false);
    pool.split(sums.len(), 1, |range| {
        for (chunk, sum) in weights.chunks(CHUNK).zip(sums).skip(range.start).take(range.len()) {
            if XxHash3_64::oneshot(chunk) != *sum {
                is_damaged.store(true, Ordering::Relaxed);
            }
        }
    });
    if is_damaged.into_inner() { Err(PackedFileError::Damaged) } else { Ok(()) }
}

/// Reads the weights and checks each piece while it is in the CPU's caches.
fn read_verified(
    memory: &mut [u8],
    file: &File,
    sums: &[u64],
    pool: &Pool,
) -> Result<(), PackedFileError> {
    let is_damaged = AtomicBool::new(false);
    let chunks = SharedSlice::new(memory);
    pool.split(sums.len(), 1, |range| {
        for index in range {
            let at = index * CHUNK;
            // SAFETY: `split` hands out every chunk once, and chunks do not overlap.
            let chunk = unsafe { chunks.part(at, CHUNK) };
            let is_read = read_at(file, chunk, at as u64).is_ok();
            if !is_read || XxHash3_64::oneshot(chunk) != sums[index] {
                is_damaged.store(true, Ordering::Relaxed);
            }
        }
    });
    if is_damaged.into_inner() { Err(PackedFileError::Damaged) } else { Ok(()) }
}

#[cfg(all(test, not(miri)))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
