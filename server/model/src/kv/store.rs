//! The memory of a cache, as the cache uses it.

use std::any::Any;
use std::io;

/// The keys and values of all layers for a number of positions that is fixed when it is made.
///
/// A store does not know how many positions are in use; positions that are not in use hold any numbers. A forward pass
/// writes and reads its own store directly ([`KvCache::store_mut`](super::cache::KvCache::store_mut)): this is a trait,
/// not an enum, so that caches need not know every kind of forward pass.
pub(crate) trait KvStore: Any + Send + Sync {
    /// The bytes that are reserved for `capacity` positions, the number for which it was made.
    fn bytes(&self, capacity: usize) -> usize;

    /// Copies the first `n` positions into a store for `capacity` positions, at least `n`; `None` without memory.
    fn fork(&self, n: usize, capacity: usize) -> Option<Box<dyn KvStore>>;

    /// The bytes that [`save_prefix`](Self::save_prefix) gives for `n` positions.
    fn saved_bytes(&self, n: usize) -> usize;

    /// Hands the first `n` positions to `sink`, a layer at a time.
    fn save_prefix(
        &self,
        n: usize,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()>;

    /// Takes back `n` positions that [`save_prefix`](Self::save_prefix) has given.
    fn read_prefix(
        &mut self,
        n: usize,
        source: &mut dyn FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<()>;
}
