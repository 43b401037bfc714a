//! Memory for packed weights: aligned, in huge pages where the system has them.
//!
//! Decoding reads every weight once per token; with 4 KiB pages the walks of the page table cost a quarter of the bandwidth (`../../README.md` has the figures).

use crate::error::PackError;

/// A cache line, and the width of an AVX-512 register.
pub(crate) const ALIGN: usize = 64;

/// A zeroed block of memory, aligned to [`ALIGN`].
pub(crate) struct Arena {
    #[cfg(not(miri))]
    map: memmap2::MmapMut,
    #[cfg(miri)]
    map: Vec<u8>,
    start: usize,
    len: usize,
}

/// What one huge page covers on x86-64 and most aarch64 systems.
const HUGE_PAGE: usize = 2 << 20;

impl Arena {
    /// Asks the system for `len` zeroed bytes.
    pub(crate) fn new(len: usize) -> Result<Self, PackError> {
        // Room to start on a huge page; what is never touched is never resident.
        let slack = if len >= HUGE_PAGE { HUGE_PAGE } else { ALIGN };
        let mapped = len.checked_add(slack).ok_or(PackError::TooLarge { n: len, k: 1 })?;
        #[cfg(miri)]
        let map = vec![0_u8; mapped];
        #[cfg(not(miri))]
        let map = memmap2::MmapMut::map_anon(mapped)
            .map_err(|source| PackError::Memory { bytes: mapped, source })?;
        let start = map.as_ptr().align_offset(slack).min(slack);
        #[cfg(all(target_os = "linux", not(miri)))]
        if len >= HUGE_PAGE {
            // Only whole huge pages: a last one that is half used would be resident as a whole. Best effort: without it we are slower, not wrong.
            let _ = map.advise_range(memmap2::Advice::HugePage, start, len / HUGE_PAGE * HUGE_PAGE);
        }
        Ok(Self { map, start, len })
    }

    /// Returns the memory.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map[self.start..self.start + self.len]
    }

    /// Returns the memory, to fill it.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map[self.start..self.start + self.len]
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
}
