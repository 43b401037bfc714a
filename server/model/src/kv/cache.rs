//! The keys and values of the tokens that a model has seen.
//!
//! One [`KvLayer`] per layer, or its counterpart on a device, preallocated. Appending writes behind the end, truncating
//! only sets the length, attention reads in place: nothing is ever concatenated.
//! Where the system gives no memory for a cache, the cache has no room: running a model on it is an error, as on any
//! cache that is full, and nothing else needs to know.
//! Invariant: `len ≤ capacity ≤ context`, and every layer holds `len` positions. What stands behind `len` is garbage.

use std::io;

use lowkey_kernels::{KvLayer, KvType};

use crate::device::{DeviceKv, Location};
use crate::{Config, ModelError, Want};

/// The keys and values of one token sequence.
pub struct KvCache {
    store: Store,
    shape: Shape,
    len: usize,
    capacity: usize,
}

/// Where keys and values stand; no layers where there was no memory for them.
enum Store {
    /// In the layout of our own kernels.
    Kernels(Vec<KvLayer>),
    /// In a device's memory.
    Device(Option<DeviceKv>),
}

/// What a cache and a model must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    n_layers: usize,
    n_kv_heads: usize,
    head_dim: usize,
    context_length: usize,
    kind: KvType,
    /// The device whose memory it is in; `None` for our kernels' own.
    device: Option<Location>,
}

impl Shape {
    pub(crate) fn of(config: &Config) -> Self {
        let Config { n_layers, n_kv_heads, head_dim, context_length, kv_type, .. } = *config;
        Self { n_layers, n_kv_heads, head_dim, context_length, kind: kv_type, device: None }
    }

    /// The shape of caches on a device, where keys and values are always half floats.
    pub(crate) fn on_device(config: &Config, device: Location) -> Self {
        Self { kind: KvType::F16, device: Some(device), ..Self::of(config) }
    }

    /// The shape in words, for messages.
    pub(crate) fn describe(&self) -> String {
        let Self { n_layers, n_kv_heads, head_dim, context_length, kind, device } = self;
        let kind = kind.name();
        let place = device.map(|device| format!(" on {device:?}")).unwrap_or_default();
        format!(
            "{n_layers} layers of {n_kv_heads} heads of {head_dim} in {kind}{place}, context {context_length}"
        )
    }
}

impl KvCache {
    /// Makes an empty cache; the capacity is kept between 1 and the context length.
    pub(crate) fn new(shape: Shape, capacity: usize) -> Self {
        let capacity = capacity.clamp(1, shape.context_length);
        let layer = |_| KvLayer::with_type(shape.kind, shape.n_kv_heads, shape.head_dim, capacity);
        match (0..shape.n_layers).map(layer).collect() {
            Ok(layers) => Self { store: Store::Kernels(layers), shape, len: 0, capacity },
            Err(_no_memory) => Self::without_room(shape),
        }
    }

    /// Makes an empty cache in a device's memory; the capacity is kept between 1 and the context length.
    pub(crate) fn on_device(shape: Shape, capacity: usize, device: &candle_core::Device) -> Self {
        let capacity = capacity.clamp(1, shape.context_length);
        match DeviceKv::new(shape.n_layers, shape.n_kv_heads, capacity, shape.head_dim, device) {
            Ok(layers) => Self { store: Store::Device(Some(layers)), shape, len: 0, capacity },
            Err(_no_memory) => Self::without_room(shape),
        }
    }

    fn without_room(shape: Shape) -> Self {
        let store =
            if shape.device.is_some() { Store::Device(None) } else { Store::Kernels(Vec::new()) };
        Self { store, shape, len: 0, capacity: 0 }
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
        match &self.store {
            Store::Kernels(layers) => layers.iter().map(KvLayer::bytes).sum(),
            Store::Device(layers) => {
                layers.as_ref().map_or(0, |layers| layers.bytes(self.capacity))
            }
        }
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
        let capacity = capacity.max(n);
        let (copy, is_copied) = match &self.store {
            Store::Kernels(layers) => {
                let mut copy = Self::new(self.shape, capacity);
                let mut pairs = copy.layers_mut().iter_mut().zip(layers);
                let copied = pairs.try_for_each(|(layer, original)| layer.copy_prefix(original, n));
                (copy, copied.is_ok())
            }
            Store::Device(None) => (Self::without_room(self.shape), true),
            Store::Device(Some(layers)) => {
                let copy = Self::on_device(self.shape, capacity, layers.device());
                let copied = match &copy.store {
                    Store::Device(Some(place)) => place.copy_prefix(layers, n).is_ok(),
                    _ => false,
                };
                (copy, copied)
            }
        };
        // Otherwise there was no memory; layers of one shape always fit.
        if is_copied && n <= copy.capacity {
            Self { len: n, ..copy }
        } else {
            Self::without_room(self.shape)
        }
    }

    /// The bytes that the first `n` tokens take when they are saved.
    pub fn saved_bytes(&self, n: usize) -> usize {
        match &self.store {
            Store::Kernels(layers) => layers.iter().map(|layer| layer.prefix_bytes(n)).sum(),
            Store::Device(layers) => layers.as_ref().map_or(0, |layers| layers.bytes(n)),
        }
    }

    /// Hands all tokens to `sink`, a layer at a time, as [`restore`](Self::restore) takes them back.
    ///
    /// Bits and layout are those of this build's kernels: see [`NUMERICS`](crate::NUMERICS).
    pub fn save(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match &self.store {
            Store::Kernels(layers) => {
                let mut bytes = Vec::new();
                for layer in layers {
                    bytes.clear();
                    layer.save_prefix(self.len, &mut bytes);
                    sink(&bytes)?;
                }
                Ok(())
            }
            Store::Device(Some(layers)) => layers.save_prefix(self.len, sink),
            Store::Device(None) => Ok(()),
        }
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
        match &mut self.store {
            Store::Kernels(layers) => {
                let mut bytes = Vec::new();
                for layer in layers {
                    bytes.resize(layer.prefix_bytes(n), 0);
                    source(&mut bytes)?;
                    layer.read_prefix(n, &bytes).map_err(io::Error::other)?;
                }
            }
            Store::Device(Some(layers)) => layers.read_prefix(n, source)?,
            Store::Device(None) => {}
        }
        self.len = n;
        Ok(())
    }

    /// Says what is wrong with appending `tokens` to it in a model of this shape.
    pub(crate) fn check(
        &self,
        shape: Shape,
        vocab: usize,
        tokens: &[u32],
        want: Want,
    ) -> Result<(), ModelError> {
        if self.shape != shape {
            let (found, expected) = (self.shape.describe(), shape.describe());
            return Err(ModelError::ForeignCache { found, expected });
        }
        if tokens.is_empty() && want != Want::None {
            return Err(ModelError::NoTokens);
        }
        if tokens.len() > self.capacity - self.len {
            let (held, added, capacity) = (self.len, tokens.len(), self.capacity);
            return Err(ModelError::Capacity { held, added, capacity });
        }
        match tokens.iter().position(|id| *id as usize >= vocab) {
            Some(position) => Err(ModelError::TokenId { id: tokens[position], position, vocab }),
            None => Ok(()),
        }
    }

    /// The layers in our kernels' layout; none of a device's.
    pub(crate) fn layers_mut(&mut self) -> &mut [KvLayer] {
        match &mut self.store {
            Store::Kernels(layers) => layers,
            Store::Device(_) => &mut [],
        }
    }

    /// The layers in a device's memory; `None` in our kernels' layout, or without room.
    pub(crate) fn on_device_mut(&mut self) -> Option<&mut DeviceKv> {
        match &mut self.store {
            Store::Device(layers) => layers.as_mut(),
            Store::Kernels(_) => None,
        }
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
