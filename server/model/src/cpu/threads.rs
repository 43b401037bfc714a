//! How many threads a step is worth.
//!
//! Handing work to another thread costs a microsecond or two, and what both touch then travels between their caches. A
//! model that lies in the caches anyway has matrices that one thread is done with in less. A model that does not is
//! bound by memory, which gives several threads more than one, so there all of them read.
//!
//! Invariant: results do not depend on the choice, as no kernel's do.

use lowkey_kernels::Pool;

/// Weights up to this many bytes lie in the processor's caches.
const CACHED_BYTES: usize = 32 << 20;
/// A product of a matrix with so many multiplications takes one thread about ten microseconds.
const PRODUCTS_FOR_ONE: usize = 2 << 20;

/// The threads of a model.
pub(crate) struct Threads {
    all: Pool,
    /// The caller's alone.
    one: Pool,
    is_cached: bool,
}

impl Threads {
    /// Takes the threads for a model whose tokens read so many bytes of weights.
    pub(crate) fn new(all: Pool, weight_bytes: usize) -> Self {
        let one = Pool::with_isa(1, all.isa());
        Self { all, one, is_cached: weight_bytes <= CACHED_BYTES }
    }

    /// The threads for products of matrices that take so many multiplications each.
    pub(crate) fn worth(&self, products: usize) -> &Pool {
        if self.is_cached && products <= PRODUCTS_FOR_ONE { &self.one } else { &self.all }
    }
}
