//! Chooses the threads of a step.
//!
//! Handing work to another thread costs a microsecond or two, and the data that both touch then moves between their
//! caches. A model that fits into the caches has matrices that one thread multiplies in less time. A larger model is
//! bound by memory, and several threads together read memory faster than one, so all of them are used.
//!
//! Invariant: results do not depend on the choice of threads.

use lowkey_kernels::Pool;

/// Weights up to this many bytes are expected in the processor's caches.
const CACHED_BYTES: usize = 32 << 20;
/// One thread takes about ten microseconds for a product of this many multiplications.
const MAX_SINGLE_THREAD_PRODUCTS: usize = 2 << 20;

/// The threads of a model.
pub(super) struct Threads {
    all: Pool,
    /// The calling thread.
    single: Pool,
    fits_caches: bool,
}

impl Threads {
    /// Takes the threads for a model whose tokens read `weight_bytes` of weights each.
    pub(super) fn new(all: Pool, weight_bytes: usize) -> Self {
        let single = Pool::with_isa(1, all.isa());
        Self { all, single, fits_caches: weight_bytes <= CACHED_BYTES }
    }

    /// The threads for a product that takes `products` multiplications.
    pub(super) fn pool_for(&self, products: usize) -> &Pool {
        if self.fits_caches && products <= MAX_SINGLE_THREAD_PRODUCTS {
            &self.single
        } else {
            &self.all
        }
    }
}
