//! An output buffer that several threads fill, each thread its own disjoint part.

use std::marker::PhantomData;

/// A mutable slice whose disjoint parts may be written from several threads at once.
#[derive(Clone, Copy)]
pub(crate) struct SharedSlice<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: the type is a `&mut [T]` in parts; callers of `part` keep the parts disjoint.
unsafe impl<T: Send> Send for SharedSlice<'_, T> {}
// SAFETY: as above; a shared reference gives no access except through `part`.
unsafe impl<T: Send> Sync for SharedSlice<'_, T> {}

impl<'a, T> SharedSlice<'a, T> {
    /// Borrows `slice` while threads write its parts.
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), borrow: PhantomData }
    }

    /// Returns `len` values from `start` on, or fewer at the end of the slice.
    ///
    /// # Safety
    /// Two parts that exist at the same time must not overlap.
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &'a mut [T] {
        let start = start.min(self.len);
        let len = len.min(self.len - start);
        // SAFETY: the range is within the borrowed slice, and the caller keeps parts disjoint.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
