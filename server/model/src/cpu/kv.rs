//! Keys and values in the layout of our own kernels.

use std::io;

use lowkey_kernels::KvLayer;

use crate::kv::shape::KvShape;
use crate::kv::store::KvStore;

/// The keys and values of all layers.
pub(super) struct CpuKv {
    shape: KvShape,
    layers: Vec<KvLayer>,
}

impl CpuKv {
    /// Takes memory for `capacity` positions.
    pub(super) fn new(shape: KvShape, capacity: usize) -> Option<Self> {
        let layer = |_| KvLayer::with_type(shape.kind, shape.n_kv_heads, shape.head_dim, capacity);
        let layers = (0..shape.n_layers).map(layer).collect::<Result<_, _>>().ok()?;
        Some(Self { shape, layers })
    }

    /// The layers, in order.
    pub(super) fn layers_mut(&mut self) -> &mut [KvLayer] {
        &mut self.layers
    }
}

impl KvStore for CpuKv {
    fn bytes(&self, _capacity: usize) -> usize {
        self.layers.iter().map(KvLayer::bytes).sum()
    }

    fn fork(&self, n: usize, capacity: usize) -> Option<Box<dyn KvStore>> {
        let mut copy = Self::new(self.shape, capacity)?;
        for (layer, original) in copy.layers.iter_mut().zip(&self.layers) {
            // Layers of one shape always fit.
            layer.copy_prefix(original, n).ok()?;
        }
        Some(Box::new(copy))
    }

    fn saved_bytes(&self, n: usize) -> usize {
        self.layers.iter().map(|layer| layer.prefix_bytes(n)).sum()
    }

    fn save_prefix(
        &self,
        n: usize,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for layer in &self.layers {
            bytes.clear();
            layer.save_prefix(n, &mut bytes);
            sink(&bytes)?;
        }
        Ok(())
    }

    fn read_prefix(
        &mut self,
        n: usize,
        source: &mut dyn FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for layer in &mut self.layers {
            bytes.resize(layer.prefix_bytes(n), 0);
            source(&mut bytes)?;
            layer.read_prefix(n, &bytes).map_err(io::Error::other)?;
        }
        Ok(())
    }
}
