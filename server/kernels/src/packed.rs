//! Packed weights in a file, so that a start packs nothing and several processes share one copy.
//!
//! The file is the memory of a [`Reserve`] byte for byte, then a checksum for each 2 MiB, then a footer: what the file is for, and a checksum of all that follows the weights. The weights come first, so that they are mapped in huge pages where the file system's cache has them.
//!
//! Tiles are the same for every instruction set, so a file serves all of them: its identity is the caller's key, [`PACKING`] and the length.
//!
//! A map reads the file for as long as the process runs. Whoever cuts such a file short ends the process (SIGBUS), so a caller opens only files that are its user's alone, and replaces a file by renaming another, never by writing into it. What a network serves is read into memory instead: there a file can vanish while it is mapped.
//! The checksums find damage, not malice: who can write to the user's private files needs no forged weights.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use twox_hash::XxHash3_64;

use crate::arena::{Memory, Reserve};
use crate::pool::Pool;
use crate::shared::Shared;

mod footer;
mod pages;

use footer::Footer;
pub use footer::read_at;

/// Counts the changes of the packed form: of tiles, of the order in which a model's matrices take their memory, or of this file.
///
/// A packed file is good for the same number only. Tests hold the bytes of small matrices and of a small model against digests, and their failure says to raise this.
pub const PACKING: u32 = 1;

/// The length of a caller's key.
pub const KEY_BYTES: usize = 64;

/// What one checksum covers: a huge page, so that checking one maps it.
const CHUNK: usize = 2 << 20;

/// The packed weights of a whole model, to be saved.
#[derive(Clone)]
pub struct Packed {
    memory: Arc<Memory>,
}

/// How the weights of a file are to be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// Mapped where that reads as fast as memory of our own, else copied.
    #[default]
    Fast,
    /// Mapped, so that all processes share them.
    Shared,
    /// Copied into memory of our own.
    Private,
}

/// How the weights of a file are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Mapped in huge pages, or on a system that tells nothing of them.
    Mapped,
    /// Mapped in small pages.
    MappedSmall,
    Copied,
}

/// Why a file's weights are not taken.
#[derive(Debug)]
pub enum Refused {
    /// It holds other weights, or was written by another version.
    Other,
    /// It is not as it was written.
    Damaged,
    /// It cannot be read or held.
    Failed(io::Error),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => write!(f, "it is another model's or another version's"),
            Self::Damaged => write!(f, "it is damaged"),
            Self::Failed(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl std::error::Error for Refused {}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Failed(error),
        }
    }
}

impl Reserve {
    /// Ends the packing and returns all weights, to be saved; `None` where they came from a file.
    pub fn into_packed(self) -> Option<Packed> {
        (!self.is_packed()).then(|| Packed { memory: self.into_memory() })
    }
}

impl Packed {
    /// Returns the length of a file for `len` bytes of weights.
    pub fn file_bytes(len: usize) -> u64 {
        len as u64 + (len.div_ceil(CHUNK) * size_of::<u64>() + footer::BYTES) as u64
    }

    /// Returns the length of the weights.
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Returns whether there are no weights.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes a file's content piece by piece, 2 MiB at most each; ends at the first error of `write`.
    pub fn save(
        &self,
        key: &[u8; KEY_BYTES],
        write: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut end = Vec::new();
        for chunk in self.bytes().chunks(CHUNK) {
            end.extend(XxHash3_64::oneshot(chunk).to_le_bytes());
            pages::free_a_huge_one();
            write(chunk)?;
        }
        Footer::new(key, self.len()).append_to(&mut end);
        write(&end)
    }

    /// Opens a file that [`save`](Self::save) wrote for `len` bytes of weights under `key`, and checks every byte on the threads of `pool`.
    pub fn open(
        file: &File,
        len: usize,
        key: &[u8; KEY_BYTES],
        hold: Hold,
        pool: &Pool,
    ) -> Result<(Reserve, Held), Refused> {
        let sums = footer::read(file, len, &Footer::new(key, len))?;
        let mapped = hold != Hold::Private && !pages::may_vanish(file);
        if mapped && let Some((map, held)) = map(file, len, hold)? {
            check(&map, &sums, pool)?;
            return Ok((Reserve::packed(Memory::of_file(map)), held));
        }
        let mut memory =
            Memory::new(len).map_err(|error| Refused::Failed(io::Error::other(error)))?;
        fill(memory.bytes_mut(), file, &sums, pool)?;
        Ok((Reserve::packed(memory), Held::Copied))
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: arenas are written only while a matrix is packed, which borrows the reserve that this was made of.
        unsafe { self.memory.bytes() }
    }
}

/// Maps the weights; `None` where `hold` wants them fast and the system maps small pages only.
fn map(file: &File, len: usize, hold: Hold) -> io::Result<Option<(memmap2::Mmap, Held)>> {
    // SAFETY: the map is read only, and its file is the user's own and never written again once it has its name (see the module's page). Its length was checked.
    let map = unsafe { memmap2::MmapOptions::new().len(len).map(file)? };
    #[cfg(target_os = "linux")]
    // Best effort: what is read from disk from now on is read as huge pages.
    let _ = map.advise(memmap2::Advice::HugePage);
    let held = if pages::are_huge(&map, CHUNK) { Held::Mapped } else { Held::MappedSmall };
    let is_wanted = held == Held::Mapped || hold == Hold::Shared || !pages::own_are_huge();
    Ok(is_wanted.then_some((map, held)))
}

/// Holds mapped weights against their checksums, which also brings them into memory.
fn check(weights: &[u8], sums: &[u64], pool: &Pool) -> Result<(), Refused> {
    let is_damaged = AtomicBool::new(false);
    pool.split(sums.len(), 1, |range| {
        for (chunk, sum) in weights.chunks(CHUNK).zip(sums).skip(range.start).take(range.len()) {
            if XxHash3_64::oneshot(chunk) != *sum {
                is_damaged.store(true, Ordering::Relaxed);
            }
        }
    });
    if is_damaged.into_inner() { Err(Refused::Damaged) } else { Ok(()) }
}

/// Reads the weights, each piece checked while the processor's caches have it.
fn fill(memory: &mut [u8], file: &File, sums: &[u64], pool: &Pool) -> Result<(), Refused> {
    let is_damaged = AtomicBool::new(false);
    let chunks = Shared::new(memory);
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
    if is_damaged.into_inner() { Err(Refused::Damaged) } else { Ok(()) }
}

#[cfg(all(test, not(miri)))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
