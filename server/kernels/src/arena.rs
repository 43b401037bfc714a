//! Memory for packed weights: aligned, in huge pages where the system has them.
//!
//! Decoding reads every weight once per token; with 4 KiB pages the walks of the page table cost a quarter of the bandwidth (`../../README.md` has the figures).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::PackError;

/// A cache line, and the width of an AVX-512 register.
pub(crate) const ALIGN: usize = 64;

/// What one huge page covers on x86-64 and most aarch64 systems.
const HUGE_PAGE: usize = 2 << 20;

/// Zeroed memory for several matrices, side by side.
///
/// One after the other in huge pages, a model's weights are one walk through memory; matrices with memory of their own would each leave an end in small pages, a fifth of a model of 0.5B.
pub struct Reserve {
    memory: Arc<Memory>,
    /// How much is given away.
    taken: AtomicUsize,
}

impl Reserve {
    /// Asks the system for `len` zeroed bytes; what is never touched is never resident.
    pub fn new(len: usize) -> Result<Self, PackError> {
        Ok(Self { memory: Arc::new(Memory::new(len)?), taken: AtomicUsize::new(0) })
    }

    /// Gives away `len` bytes, or memory of their own where so many are not left.
    pub(crate) fn take(&self, len: usize) -> Result<Arena, PackError> {
        let too_large = || PackError::TooLarge { n: len, k: 1 };
        let room = len.checked_next_multiple_of(ALIGN).ok_or_else(too_large)?;
        let fits = |taken: usize| taken.checked_add(room).filter(|end| *end <= self.memory.len);
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(start) => Ok(Arena { memory: Arc::clone(&self.memory), start, len }),
            Err(_) => Arena::new(len),
        }
    }
}

/// A zeroed block of memory, aligned to [`ALIGN`]: the whole of what was asked for, or a part that nobody else has.
pub(crate) struct Arena {
    memory: Arc<Memory>,
    /// Where it begins; a multiple of [`ALIGN`].
    start: usize,
    len: usize,
}

impl Arena {
    /// Asks the system for `len` zeroed bytes.
    pub(crate) fn new(len: usize) -> Result<Self, PackError> {
        Ok(Self { memory: Arc::new(Memory::new(len)?), start: 0, len })
    }

    /// Returns the memory.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the part lies within the memory, which lives as long as `self`; only the arena that owns the part writes to it, and that takes `&mut self`.
        unsafe { std::slice::from_raw_parts(self.memory.start().add(self.start), self.len) }
    }

    /// Returns the memory, to fill it.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; `Reserve::take` gives every part away once, so nobody else reads or writes it.
        unsafe { std::slice::from_raw_parts_mut(self.memory.start().add(self.start), self.len) }
    }
}

/// One mapping.
struct Memory {
    #[cfg(not(miri))]
    map: memmap2::MmapRaw,
    #[cfg(miri)]
    map: Box<[std::cell::UnsafeCell<u8>]>,
    /// Where in the map the aligned part begins.
    start: usize,
    len: usize,
}

// SAFETY: the memory is reached through arenas alone, and each part of it has one.
#[cfg(miri)]
unsafe impl Sync for Memory {}

impl Memory {
    fn new(len: usize) -> Result<Self, PackError> {
        // Room to start on a huge page.
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
            // Only whole huge pages: a last one that is half used would be resident as a whole. Best effort: without it we are slower, not wrong.
            let _ = map.advise_range(memmap2::Advice::HugePage, start, len / HUGE_PAGE * HUGE_PAGE);
        }
        #[cfg(not(miri))]
        let map = memmap2::MmapRaw::from(map);
        Ok(Self { map, start, len })
    }

    /// Returns where the aligned part begins.
    fn start(&self) -> *mut u8 {
        #[cfg(miri)]
        let map = self.map.as_ptr().cast::<u8>().cast_mut();
        #[cfg(not(miri))]
        let map = self.map.as_mut_ptr();
        map.wrapping_add(self.start)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn memory_is_zeroed_and_aligned() {
        // Miri takes minutes for a huge page.
        let large = if cfg!(miri) { 6000 } else { HUGE_PAGE };
        for len in [1, 64, 5000, large, large + 12345] {
            let mut arena = Arena::new(len).unwrap();
            assert_eq!(arena.bytes().len(), len);
            assert_eq!(arena.bytes().as_ptr().addr() % ALIGN, 0);
            assert!(arena.bytes().iter().all(|byte| *byte == 0));
            arena.bytes_mut()[len - 1] = 7;
            assert_eq!(arena.bytes()[len - 1], 7);
        }
        assert!(Arena::new(usize::MAX).is_err());
    }

    #[test]
    fn parts_of_a_reserve_do_not_overlap_and_do_not_run_out() {
        let reserve = Reserve::new(1000).unwrap();
        let mut parts: Vec<Arena> =
            [100, 1, 64, 500, 300].map(|len| reserve.take(len).unwrap()).into();
        for (value, part) in parts.iter_mut().enumerate() {
            part.bytes_mut().fill(value as u8 + 1);
        }
        for (value, part) in parts.iter().enumerate() {
            assert_eq!(part.bytes().as_ptr().addr() % ALIGN, 0);
            assert!(part.bytes().iter().all(|byte| *byte == value as u8 + 1));
        }
        // The last one did not fit.
        let shared = parts.iter().filter(|part| Arc::ptr_eq(&part.memory, &reserve.memory));
        assert_eq!(shared.count(), 4);
        drop(reserve);
        assert!(parts[0].bytes().iter().all(|byte| *byte == 1));
        assert!(Reserve::new(10).unwrap().take(usize::MAX).is_err());
    }
}
