//! Memory for packed weights: aligned, and in huge pages where the system has them.
//!
//! Weights that an earlier start packed come from a file instead ([`packed`](crate::packed)): the
//! same bytes, mapped or read.
//!
//! Decoding reads every weight once per token. With 4 KiB pages the page-table walks cost a quarter
//! of the bandwidth (figures in `../../README.md`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::PackError;

/// The size of a cache line, and the width of an AVX-512 register.
pub(crate) const ALIGN: usize = 64;

/// The size of a huge page on x86-64 and most aarch64 systems.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// Memory for several matrices, one after the other: zeroed, or filled by
/// [`PackedWeights::open`](crate::PackedWeights::open).
///
/// In one region of huge pages, a model's weights are one walk through memory. If each matrix had
/// memory of its own, the end of each would be in small pages: a fifth of a model of 0.5B.
pub struct WeightArena {
    memory: Arc<Memory>,
    /// Bytes already given to matrices.
    taken: AtomicUsize,
    /// Whether the parts are already filled; if so, none is ever written.
    is_packed: bool,
}

impl WeightArena {
    /// Allocates `len` zeroed bytes. Pages that are never touched are never resident.
    pub fn new(len: usize) -> Result<Self, PackError> {
        let memory = Arc::new(Memory::new(len)?);
        Ok(Self { memory, taken: AtomicUsize::new(0), is_packed: false })
    }

    /// Wraps memory that already holds packed weights.
    pub(crate) fn packed(memory: Memory) -> Self {
        Self { memory: Arc::new(memory), taken: AtomicUsize::new(0), is_packed: true }
    }

    /// Whether the memory was filled at creation.
    pub fn is_packed(&self) -> bool {
        self.is_packed
    }

    /// Takes `len` zeroed bytes, or allocates separate memory when fewer are left.
    pub(crate) fn take(&self, len: usize) -> Result<AlignedBuffer, PackError> {
        match self.next(len) {
            Some(start) if !self.is_packed => {
                Ok(AlignedBuffer(FrozenBuffer { memory: Arc::clone(&self.memory), start, len }))
            }
            _ => AlignedBuffer::new(len),
        }
    }

    /// Takes the next `len` filled bytes. `None` if the memory was not filled or fewer are left.
    pub(crate) fn take_filled(&self, len: usize) -> Option<FrozenBuffer> {
        let start = if self.is_packed { self.next(len)? } else { return None };
        Some(FrozenBuffer { memory: Arc::clone(&self.memory), start, len })
    }

    /// Reserves the next `len` bytes and returns where they begin.
    fn next(&self, len: usize) -> Option<usize> {
        let room = len.checked_next_multiple_of(ALIGN)?;
        let end = |taken: usize| taken.checked_add(room).filter(|end| *end <= self.memory.len);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end).ok()
    }

    /// Returns the whole memory, once every part is packed.
    pub(crate) fn into_memory(self) -> Arc<Memory> {
        self.memory
    }
}

/// A read-only part of a memory that no other owner writes.
#[derive(Clone)]
pub(crate) struct FrozenBuffer {
    memory: Arc<Memory>,
    /// Where the part begins; a multiple of [`ALIGN`].
    start: usize,
    len: usize,
}

impl FrozenBuffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the part is within the memory, which outlives `self`. The memory is written only
        // through an `AlignedBuffer`, which owns its part until it becomes this one.
        unsafe { std::slice::from_raw_parts(self.memory.start().add(self.start), self.len) }
    }
}

/// A zeroed part of a memory, aligned to [`ALIGN`], that only this owner reads and writes.
pub(crate) struct AlignedBuffer(FrozenBuffer);

impl AlignedBuffer {
    /// Allocates `len` zeroed bytes.
    pub(crate) fn new(len: usize) -> Result<Self, PackError> {
        Ok(Self(FrozenBuffer { memory: Arc::new(Memory::new(len)?), start: 0, len }))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Returns the memory for writing.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let FrozenBuffer { memory, start, len } = &self.0;
        // SAFETY: the range is within the memory, as above. A reserve gives each part away once,
        // and never makes an arena of filled memory, so the memory is writable and no other owner
        // reads or writes the part.
        unsafe { std::slice::from_raw_parts_mut(memory.start().add(*start), *len) }
    }

    pub(crate) fn freeze(self) -> FrozenBuffer {
        self.0
    }
}

/// One mapping: of anonymous memory, or of a file.
pub(crate) struct Memory {
    map: MapKind,
    /// Where in the map the aligned part begins.
    start: usize,
    len: usize,
}

enum MapKind {
    #[cfg(not(miri))]
    Anonymous(memmap2::MmapRaw),
    #[cfg(miri)]
    Anonymous(Box<[std::cell::UnsafeCell<u8>]>),
    /// A file's mapping, which is never written.
    File(memmap2::Mmap),
}

// SAFETY: the memory is accessed only through arenas and parts. An arena's part has no other owner,
// and all other parts are only read.
#[cfg(miri)]
unsafe impl Sync for Memory {}

impl Memory {
    /// Allocates `len` zeroed bytes.
    pub(crate) fn new(len: usize) -> Result<Self, PackError> {
        // Room to begin at a huge page.
        let slack = if len >= HUGE_PAGE { HUGE_PAGE } else { ALIGN };
        let mapped = len.checked_add(slack).ok_or(PackError::TooLarge { n: len, k: 1 })?;
        #[cfg(miri)]
        let map: Box<[_]> = (0..mapped).map(|_| std::cell::UnsafeCell::new(0)).collect();
        #[cfg(not(miri))]
        let map = memmap2::MmapOptions::new()
            .len(mapped)
            .map_anon()
            .map_err(|source| PackError::Memory { bytes: mapped, source })?;
        let start = map.as_ptr().align_offset(slack).min(slack);
        #[cfg(all(target_os = "linux", not(miri)))]
        if len >= HUGE_PAGE {
            // Only whole huge pages: a last one that is half used would be resident as a whole.
            // Best effort: without huge pages the kernels are slower, not wrong.
            let _ = map.advise_range(memmap2::Advice::HugePage, start, len / HUGE_PAGE * HUGE_PAGE);
        }
        #[cfg(not(miri))]
        let map = memmap2::MmapRaw::from(map);
        Ok(Self { map: MapKind::Anonymous(map), start, len })
    }

    /// Wraps a map of a file.
    pub(crate) fn of_file(map: memmap2::Mmap) -> Self {
        let len = map.len();
        Self { map: MapKind::File(map), start: 0, len }
    }

    /// Returns all bytes for reading.
    ///
    /// # Safety
    /// No [`AlignedBuffer`] of this memory may be written at the same time.
    pub(crate) unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: the aligned part is `len` bytes of a map that outlives `self`; the caller
        // excludes writers.
        unsafe { std::slice::from_raw_parts(self.start(), self.len) }
    }

    /// Returns all bytes for writing by the only owner; empty for a map of a file.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let len = if matches!(self.map, MapKind::File(_)) { 0 } else { self.len };
        // SAFETY: as above, for writable memory with no other reference: it is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start(), len) }
    }

    /// Returns where the aligned part begins.
    fn start(&self) -> *mut u8 {
        let map = match &self.map {
            #[cfg(miri)]
            MapKind::Anonymous(map) => map.as_ptr().cast::<u8>().cast_mut(),
            #[cfg(not(miri))]
            MapKind::Anonymous(map) => map.as_mut_ptr(),
            MapKind::File(map) => map.as_ptr().cast_mut(),
        };
        map.wrapping_add(self.start)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zeroed_and_aligned() {
        // Miri needs minutes for a huge page.
        let large = if cfg!(miri) { 6000 } else { HUGE_PAGE };
        for len in [1, 64, 5000, large, large + 12345] {
            let mut buffer = AlignedBuffer::new(len).unwrap();
            assert_eq!(buffer.bytes().len(), len);
            assert_eq!(buffer.bytes().as_ptr().addr() % ALIGN, 0);
            assert!(buffer.bytes().iter().all(|byte| *byte == 0));
            buffer.bytes_mut()[len - 1] = 7;
            assert_eq!(buffer.bytes()[len - 1], 7);
        }
        assert!(AlignedBuffer::new(usize::MAX).is_err());
    }

    #[test]
    fn reserve_parts_do_not_overlap() {
        let arena = WeightArena::new(1000).unwrap();
        let mut parts: Vec<AlignedBuffer> =
            [100, 1, 64, 500, 300].map(|len| arena.take(len).unwrap()).into();
        for (value, part) in parts.iter_mut().enumerate() {
            part.bytes_mut().fill(value as u8 + 1);
        }
        for (value, part) in parts.iter().enumerate() {
            assert_eq!(part.bytes().as_ptr().addr() % ALIGN, 0);
            assert!(part.bytes().iter().all(|byte| *byte == value as u8 + 1));
        }
        // The last part did not fit.
        let shared = parts.iter().filter(|part| Arc::ptr_eq(&part.0.memory, &arena.memory));
        assert_eq!(shared.count(), 4);
        drop(arena);
        assert!(parts[0].bytes().iter().all(|byte| *byte == 1));
        assert!(WeightArena::new(10).unwrap().take(usize::MAX).is_err());
    }
}
