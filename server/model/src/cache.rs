//! The keys and values of the tokens that a model has seen.
//!
//! One [`KvLayer`] per layer, preallocated. Appending writes behind the end, truncating only sets the length, attention
//! reads in place: nothing is ever concatenated.
//! Where the system gives no memory for a cache, the cache has no room: running a model on it is an error, as on any
//! cache that is full, and nothing else needs to know.
//! Invariant: `len ≤ capacity ≤ context`, and every layer holds `len` positions. What stands behind `len` is garbage.

use std::io;

use lowkey_kernels::{KvLayer, KvType};

use crate::Config;

/// The keys and values of one token sequence.
pub struct KvCache {
    layers: Vec<KvLayer>,
    shape: Shape,
    len: usize,
    capacity: usize,
}

/// What a cache and a model must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    n_layers: usize,
    n_kv_heads: usize,
    head_dim: usize,
    context_length: usize,
    kind: KvType,
}

impl Shape {
    pub(crate) fn of(config: &Config) -> Self {
        let Config { n_layers, n_kv_heads, head_dim, context_length, kv_type, .. } = *config;
        Self { n_layers, n_kv_heads, head_dim, context_length, kind: kv_type }
    }

    /// The shape in words, for messages.
    pub(crate) fn describe(&self) -> String {
        let Self { n_layers, n_kv_heads, head_dim, context_length, kind } = self;
        let kind = kind.name();
        format!(
            "{n_layers} layers of {n_kv_heads} heads of {head_dim} in {kind}, context {context_length}"
        )
    }
}

impl KvCache {
    /// Makes an empty cache; the capacity is kept between 1 and the context length.
    pub(crate) fn new(shape: Shape, capacity: usize) -> Self {
        let capacity = capacity.clamp(1, shape.context_length);
        let layer = |_| KvLayer::with_type(shape.kind, shape.n_kv_heads, shape.head_dim, capacity);
        match (0..shape.n_layers).map(layer).collect() {
            Ok(layers) => Self { layers, shape, len: 0, capacity },
            Err(_no_memory) => Self::without_room(shape),
        }
    }

    fn without_room(shape: Shape) -> Self {
        Self { layers: Vec::new(), shape, len: 0, capacity: 0 }
    }

    /// The number of tokens held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Says whether no token is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of tokens there is room for; 0 where the system gave no memory.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The memory reserved for it, in bytes; what was never written is not resident.
    pub fn bytes(&self) -> usize {
        self.layers.iter().map(KvLayer::bytes).sum()
    }

    /// Forgets all but the first `n` tokens. Does nothing when there are no more than that. Costs nothing.
    pub fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n);
    }

    /// Copies the first `n` tokens (or all, where fewer are held) into a cache of its own.
    ///
    /// The capacity is raised to what is copied, and kept within the context length. Without memory for it, the copy
    /// is empty and has no room.
    #[must_use]
    pub fn fork(&self, n: usize, capacity: usize) -> Self {
        let n = n.min(self.len);
        let mut copy = Self::new(self.shape, capacity.max(n));
        let mut pairs = copy.layers.iter_mut().zip(&self.layers);
        let copied = pairs.try_for_each(|(layer, original)| layer.copy_prefix(original, n));
        match copied {
            Ok(()) if n <= copy.capacity => Self { len: n, ..copy },
            // No memory; layers of one shape always fit.
            _ => Self::without_room(self.shape),
        }
    }

    /// The bytes that the first `n` tokens take when they are saved.
    pub fn saved_bytes(&self, n: usize) -> usize {
        self.layers.iter().map(|layer| layer.prefix_bytes(n)).sum()
    }

    /// Hands all tokens to `sink`, a layer at a time, as [`restore`](Self::restore) takes them back.
    ///
    /// Bits and layout are those of this build's kernels: see [`NUMERICS`](crate::NUMERICS).
    pub fn save(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for layer in &self.layers {
            bytes.clear();
            layer.save_prefix(self.len, &mut bytes);
            sink(&bytes)?;
        }
        Ok(())
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
        let mut bytes = Vec::new();
        for layer in &mut self.layers {
            bytes.resize(layer.prefix_bytes(n), 0);
            source(&mut bytes)?;
            layer.read_prefix(n, &bytes).map_err(io::Error::other)?;
        }
        self.len = n;
        Ok(())
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn layers_mut(&mut self) -> &mut [KvLayer] {
        &mut self.layers
    }

    /// Makes `n` more positions count, which every layer has been given.
    pub(crate) fn advance(&mut self, n: usize) {
        self.len += n;
        debug_assert!(self.len <= self.capacity, "a cache of {} holds {}", self.capacity, self.len);
    }
}

impl std::fmt::Debug for KvCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KvCache")
            .field("len", &self.len)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
