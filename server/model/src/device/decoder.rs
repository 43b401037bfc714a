//! A decoder-only model on a device: embedding, layers, norm, output matrix.
//!
//! Rows of the embedding are looked up on the CPU and sent; logits come back. Everything between stays on the device.
//! Invariant: a pass that fails or is cancelled leaves the cache as it was, because positions only begin to count at
//! the end of the pass.

use candle_core::{Result, Tensor};
use lowkey_kernels::{KvType, Matrix};

use super::Accelerator;
use super::attention::{Views, cap_softly};
use super::cache::DeviceKv;
use super::layer::{DeviceNorm, DevicePass, Layer, Product};
use super::matrix::DeviceMatrix;
use super::turns::Turns;
use crate::cache::Shape;
use crate::chunk::Chunk;
use crate::decoder::Layers;
use crate::feed_forward::Linear;
use crate::{CausalLm, Config, KvCache, ModelError, Want, Work};

/// A llama-like model, whatever its architecture calls its tensors.
pub(super) struct DeviceDecoder {
    config: Config,
    accelerator: Accelerator,
    /// (vocab, hidden), on the CPU.
    embedding: Matrix,
    layers: Vec<Layer>,
    final_norm: DeviceNorm,
    /// (vocab, hidden)
    output: Product,
    turns: Turns,
}

impl DeviceDecoder {
    pub(super) fn new(
        config: &Config,
        layers: Layers<DeviceMatrix>,
        accelerator: &Accelerator,
    ) -> Result<Self> {
        let Layers { embedding, blocks, final_norm, output, rope_divisors } = layers;
        let device = accelerator.device();
        let Some(output) = output else { candle_core::bail!("the output matrix was not uploaded") };
        let blocks = blocks.into_iter().map(|block| Layer::new(block, device));
        Ok(Self {
            embedding,
            layers: blocks.collect::<Result<_>>()?,
            final_norm: DeviceNorm::new(final_norm, device)?,
            output: Product::new(Linear { matrix: output, bias: None }, device)?,
            turns: Turns::new(config, rope_divisors.as_deref(), device)?,
            accelerator: accelerator.clone(),
            config: Config { kv_type: KvType::F16, ..config.clone() },
        })
    }

    fn shape(&self) -> Shape {
        Shape::on_device(&self.config, self.accelerator.device().location())
    }

    /// Runs all tokens, chunk by chunk; they stand in the cache but do not count yet. `false` when cancelled.
    fn run(
        &mut self,
        tokens: &[u32],
        kv: &DeviceKv,
        position: usize,
        want: Want,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> std::result::Result<bool, ModelError> {
        for chunk in Chunk::all(tokens, want) {
            let mut rows = vec![0.0; chunk.tokens.len() * self.config.hidden];
            chunk.look_up(&self.embedding, &self.config, &mut rows)?;
            let stream = self.run_layers(rows, &chunk, kv, position + chunk.begin, cancelled);
            let Some(stream) = stream.map_err(|error| self.accelerator.failed(&error))? else {
                return Ok(false);
            };
            if chunk.n_wanted > 0 {
                let made = self.logits(&stream);
                logits.extend(made.map_err(|error| self.accelerator.failed(&error))?);
            }
        }
        Ok(true)
    }

    /// Runs one chunk's rows of the embedding through all layers; returns the wanted rows of the stream, `None` when
    /// cancelled.
    fn run_layers(
        &mut self,
        rows: Vec<f32>,
        chunk: &Chunk<'_>,
        kv: &DeviceKv,
        position: usize,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Tensor>> {
        let (config, device) = (&self.config, self.accelerator.device());
        let m = chunk.tokens.len();
        let mut stream = Tensor::from_vec(rows, (m, config.hidden), device)?;
        let turn = self.turns.at(position, m)?;
        let views = Views::new(position, m);
        let mut pass = DevicePass { config, device, turn, views, position };
        for (i, (layer, kv)) in self.layers.iter().zip(kv.layers()).enumerate() {
            if cancelled() {
                return Ok(None);
            }
            let n_read = chunk.n_read_behind(i, self.layers.len());
            stream = layer.forward(&mut pass, kv, &stream, n_read)?;
        }
        Ok(Some(stream))
    }

    /// The logits of rows of the stream.
    fn logits(&self, rows: &Tensor) -> Result<Vec<f32>> {
        let mut logits = self.output.apply(&self.final_norm.apply(rows, self.config.norm_eps)?)?;
        if let Some(cap) = self.config.logit_cap {
            logits = cap_softly(&logits, cap)?;
        }
        logits.flatten_all()?.to_vec1()
    }
}

impl CausalLm for DeviceDecoder {
    fn config(&self) -> &Config {
        &self.config
    }

    fn new_cache(&self, capacity_tokens: usize) -> KvCache {
        KvCache::on_device(self.shape(), capacity_tokens, self.accelerator.device())
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.config.cache_bytes_per_token()
    }

    fn work(&self) -> Work {
        let matrices = self.layers.iter().flat_map(Layer::matrices);
        let matrices = matrices.map(|m| (m.bytes(), m.n() * m.k()));
        Work::of(self.output.matrix.bytes(), matrices)
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        want: Want,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> std::result::Result<bool, ModelError> {
        logits.clear();
        cache.check(self.shape(), self.config.vocab, tokens, want)?;
        let position = cache.len();
        let Some(kv) = cache.on_device_mut() else {
            // Without room there are no layers, and only nothing fits.
            return Ok(true);
        };
        let done = self.run(tokens, kv, position, want, logits, cancelled);
        match done {
            Ok(true) => cache.advance(tokens.len()),
            Ok(false) | Err(_) => logits.clear(),
        }
        done
    }
}
