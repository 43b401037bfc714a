//! Keys and values in a device's memory, as half floats.
//!
//! Preallocated: appending writes a slice after the end, in place. Positions after the cache's length are garbage, so
//! truncating needs nothing here.

use std::io;

use candle_core::{DType, Device, Result, Tensor};
use half::f16;

use crate::kv::shape::KvShape;
use crate::kv::store::KvStore;

/// The keys and values of all layers.
pub(super) struct DeviceKv {
    shape: KvShape,
    layers: Vec<LayerKv>,
    device: Device,
}

/// The keys and values of one layer: (`n_kv_heads`, capacity, `head_dim`) each.
pub(super) struct LayerKv {
    keys: Tensor,
    values: Tensor,
}

impl DeviceKv {
    /// Takes memory for `capacity` positions.
    pub(super) fn new(shape: KvShape, capacity: usize, device: &Device) -> Result<Self> {
        let zeros =
            || Tensor::zeros((shape.n_kv_heads, capacity, shape.head_dim), DType::F16, device);
        let layer = |_| Ok(LayerKv { keys: zeros()?, values: zeros()? });
        let layers = (0..shape.n_layers).map(layer).collect::<Result<_>>()?;
        Ok(Self { shape, layers, device: device.clone() })
    }

    /// The layers, in order.
    pub(super) fn layers(&self) -> &[LayerKv] {
        &self.layers
    }

    /// Copies the first `n` positions of another store of the same shape.
    fn copy_prefix(&self, from: &Self, n: usize) -> Result<()> {
        if n == 0 {
            return Ok(());
        }
        for (to, from) in self.layers.iter().zip(&from.layers) {
            for (to, from) in to.both().into_iter().zip(from.both()) {
                to.slice_set(&from.narrow(1, 0, n)?.contiguous()?, 1, 0)?;
            }
        }
        Ok(())
    }
}

impl KvStore for DeviceKv {
    fn bytes(&self, capacity: usize) -> usize {
        self.saved_bytes(capacity)
    }

    fn fork(&self, n: usize, capacity: usize) -> Option<Box<dyn KvStore>> {
        let copy = Self::new(self.shape, capacity, &self.device).ok()?;
        copy.copy_prefix(self, n).ok()?;
        Some(Box::new(copy))
    }

    fn saved_bytes(&self, n: usize) -> usize {
        let KvShape { n_layers, n_kv_heads, head_dim, .. } = self.shape;
        n * n_layers * 2 * n_kv_heads * head_dim * size_of::<f16>()
    }

    /// Keys, then values, head by head, little-endian.
    fn save_prefix(
        &self,
        n: usize,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        for layer in self.layers.iter().filter(|_| n > 0) {
            bytes.clear();
            for tensor in layer.both() {
                let numbers = tensor.narrow(1, 0, n).and_then(|prefix| prefix.flatten_all());
                let numbers = numbers.and_then(|numbers| numbers.to_vec1::<f16>());
                let numbers = numbers.map_err(io::Error::other)?;
                bytes.extend(numbers.into_iter().flat_map(f16::to_le_bytes));
            }
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
        for layer in self.layers.iter().filter(|_| n > 0) {
            for tensor in layer.both() {
                let (heads, _, width) = tensor.dims3().map_err(io::Error::other)?;
                bytes.resize(heads * n * width * size_of::<f16>(), 0);
                source(&mut bytes)?;
                let numbers = bytes.as_chunks().0.iter().map(|pair| f16::from_le_bytes(*pair));
                let numbers: Vec<f16> = numbers.collect();
                Tensor::from_vec(numbers, (heads, n, width), &self.device)
                    .and_then(|numbers| tensor.slice_set(&numbers, 1, 0))
                    .map_err(io::Error::other)?;
            }
        }
        Ok(())
    }
}

impl LayerKv {
    /// Writes keys and values of new positions, (`n_kv_heads`, m, `head_dim`) each, from `position` on.
    pub(super) fn write(&self, position: usize, keys: &Tensor, values: &Tensor) -> Result<()> {
        self.keys.slice_set(&keys.to_dtype(DType::F16)?.contiguous()?, 1, position)?;
        self.values.slice_set(&values.to_dtype(DType::F16)?.contiguous()?, 1, position)
    }

    /// Keys and values of `n` positions from `begin` on, as f32.
    pub(super) fn read(&self, begin: usize, n: usize) -> Result<(Tensor, Tensor)> {
        let wide = |tensor: &Tensor| tensor.narrow(1, begin, n)?.to_dtype(DType::F32)?.contiguous();
        Ok((wide(&self.keys)?, wide(&self.values)?))
    }

    fn both(&self) -> [&Tensor; 2] {
        [&self.keys, &self.values]
    }
}
