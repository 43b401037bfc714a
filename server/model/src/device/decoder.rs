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
use crate::decoder::Layers;
use crate::feed_forward::Linear;
use crate::{CausalLm, Config, KvCache, ModelError, Want, Work};

/// How many tokens go through the layers together. Bounds the scores of attention.
const CHUNK_TOKENS: usize = 512;

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
        let Layers { embedding, blocks, mut final_norm, output, rope_divisors } = layers;
        let device = accelerator.device();
        if config.logit_divisor != 1.0 {
            final_norm.scale(1.0 / config.logit_divisor);
        }
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
        let mut n_done = 0;
        for chunk in tokens.chunks(CHUNK_TOKENS) {
            let rows = self.look_up(chunk)?;
            let position = position + n_done;
            n_done += chunk.len();
            let n_wanted = match want {
                Want::All => chunk.len(),
                Want::Last if n_done == tokens.len() => 1,
                Want::Last | Want::None => 0,
            };
            let stream = self.run_layers(rows, chunk.len(), n_wanted, kv, position, cancelled);
            let Some(stream) = stream.map_err(|error| self.accelerator.failed(&error))? else {
                return Ok(false);
            };
            if n_wanted > 0 {
                let made = self.logits(&stream);
                logits.extend(made.map_err(|error| self.accelerator.failed(&error))?);
            }
        }
        Ok(true)
    }

    /// The rows of the embedding, (m, hidden).
    fn look_up(&self, tokens: &[u32]) -> std::result::Result<Vec<f32>, ModelError> {
        let Config { hidden, embedding_scale, .. } = self.config;
        let mut rows = vec![0.0; tokens.len() * hidden];
        for (row, id) in rows.chunks_exact_mut(hidden).zip(tokens) {
            self.embedding.row(*id as usize, &mut *row)?;
            for value in row {
                *value *= embedding_scale;
            }
        }
        Ok(rows)
    }

    /// Runs one chunk through all layers; returns the last `n_wanted` rows of the stream, `None` when cancelled.
    fn run_layers(
        &mut self,
        rows: Vec<f32>,
        m: usize,
        n_wanted: usize,
        kv: &DeviceKv,
        position: usize,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Option<Tensor>> {
        let (config, device) = (&self.config, self.accelerator.device());
        let mut stream = Tensor::from_vec(rows, (m, config.hidden), device)?;
        let turn = self.turns.at(position, m)?;
        let views = Views::new(position, m);
        let mut pass = DevicePass { config, device, turn, views, position };
        for (i, (layer, kv)) in self.layers.iter().zip(kv.layers()).enumerate() {
            if cancelled() {
                return Ok(None);
            }
            let n_wanted = if i + 1 < self.layers.len() { m } else { n_wanted };
            stream = layer.forward(&mut pass, kv, &stream, n_wanted)?;
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
        let Config { n_layers, n_kv_heads, kv_type, .. } = self.config;
        n_layers * kv_type.position_bytes(n_kv_heads, self.config.kv_width())
    }

    fn work(&self) -> Work {
        let mut work = Work::default();
        for matrix in self.layers.iter().flat_map(Layer::matrices) {
            work.decode_bytes += matrix.bytes();
            work.token_products += matrix.n() * matrix.k();
        }
        work.decode_bytes += self.output.matrix.bytes();
        work
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
