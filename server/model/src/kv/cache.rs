//! The cache of one token sequence.
//!
//! Its store is preallocated. Appending writes after the end, truncating only sets the length, attention reads in place:
//! nothing is ever concatenated.
//! If the system gives no memory, the cache has no room: running a model on it is an error, as on any full cache, and
//! no caller needs to handle the case apart.
//! Invariant: `len ≤ capacity ≤ context`, and every layer holds `len` positions. What follows them in memory is garbage.

use std::any::Any;
use std::{fmt, io};

use super::shape::KvShape;
use super::store::KvStore;

/// The keys and values of one token sequence.
pub struct KvCache {
    /// `None` if the system gave no memory.
    store: Option<Box<dyn KvStore>>,
    shape: KvShape,
    len: usize,
    capacity: usize,
}

impl KvCache {
    /// Makes an empty cache; the capacity is kept between 1 and the context length. `make` gives the memory.
    pub(crate) fn new<S: KvStore>(
        shape: KvShape,
        capacity: usize,
        make: impl FnOnce(KvShape, usize) -> Option<S>,
    ) -> Self {
        let capacity = capacity.clamp(1, shape.context_length);
        match make(shape, capacity) {
            Some(store) => Self { store: Some(Box::new(store)), shape, len: 0, capacity },
            None => Self::without_room(shape),
        }
    }

    fn without_room(shape: KvShape) -> Self {
        Self { store: None, shape, len: 0, capacity: 0 }
    }

    /// The number of tokens held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no token is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of tokens there is room for; 0 if the system gave no memory.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The memory reserved for it, in bytes; pages that were never written are not resident.
    pub fn bytes(&self) -> usize {
        self.store.as_ref().map_or(0, |store| store.bytes(self.capacity))
    }

    /// Forgets all but the first `n` tokens. Does nothing if there are no more than that. Costs nothing.
    pub fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n);
    }

    /// Copies the first `n` tokens (or all, if fewer are held) into a new cache.
    ///
    /// The capacity is raised to the number of copied tokens, and kept within the context length. Without memory for
    /// it, the copy is empty and has no room.
    #[must_use]
    pub fn fork(&self, n: usize, capacity: usize) -> Self {
        let n = n.min(self.len);
        let capacity = capacity.max(n).clamp(1, self.shape.context_length);
        match self.store.as_ref().and_then(|store| store.fork(n, capacity)) {
            Some(store) => Self { store: Some(store), shape: self.shape, len: n, capacity },
            None => Self::without_room(self.shape),
        }
    }

    /// The bytes that the first `n` tokens take when they are saved.
    pub fn saved_bytes(&self, n: usize) -> usize {
        self.store.as_ref().map_or(0, |store| store.saved_bytes(n))
    }

    /// Hands all tokens to `sink`, a layer at a time, as [`restore`](Self::restore) takes them back.
    ///
    /// Bits and layout are those of this build's kernels: see [`NUMERICS`](crate::NUMERICS).
    pub fn save(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        self.store.as_ref().map_or(Ok(()), |store| store.save_prefix(self.len, sink))
    }

    /// Takes back `n` tokens that a cache of the same shape has saved; what was held before is forgotten.
    ///
    /// `source` fills a buffer with the next bytes. The cache is empty after an error.
    pub fn restore(
        &mut self,
        n: usize,
        source: &mut dyn FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.len = 0;
        if n > self.capacity {
            let words = format!("{n} tokens do not fit a cache of {}", self.capacity);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        }
        if let Some(store) = &mut self.store {
            store.read_prefix(n, source)?;
        }
        self.len = n;
        Ok(())
    }

    /// Its shape, to compare with a model's.
    pub(crate) fn shape(&self) -> KvShape {
        self.shape
    }

    /// The store, for the forward pass that made it; `None` without room, or if another pass made it.
    pub(crate) fn store_mut<S: KvStore>(&mut self) -> Option<&mut S> {
        let store: &mut dyn Any = self.store.as_mut()?.as_mut();
        store.downcast_mut()
    }

    /// Adds `n` positions, which the forward pass has written in every layer.
    pub(crate) fn advance(&mut self, n: usize) {
        self.len += n;
        debug_assert!(self.len <= self.capacity, "a cache of {} holds {}", self.capacity, self.len);
    }
}

impl fmt::Debug for KvCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvCache")
            .field("len", &self.len)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
