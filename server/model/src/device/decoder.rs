//! A decoder-only model on a device: embedding, layers, norm, output matrix.
//!
//! Rows of the embedding are looked up on the CPU and uploaded; logits are downloaded. Everything between stays on the
//! device.
//! Invariant: a pass that fails or is cancelled leaves the cache as it was, because positions are only added at the end
//! of the pass.

use candle_core::{Result, Tensor};
use lowkey_kernels::{KvType, Matrix};

use super::attention::{AttentionMasks, soft_cap};
use super::choice::Accelerator;
use super::kv::DeviceKv;
use super::layer::{DevicePass, Layer};
use super::matrix::DeviceMatrix;
use super::ops::{DeviceLinear, DeviceNorm};
use super::rotary::RotaryEmbedding;
use crate::causal_lm::{CausalLm, TokenCost};
use crate::config::Config;
use crate::error::ModelError;
use crate::kv::cache::KvCache;
use crate::kv::shape::KvShape;
use crate::load::decoder_weights::{DecoderWeights, Linear};
use crate::pass::{Chunk, LogitsMode, check_input, finish_pass};

/// A model of any architecture.
pub(super) struct DeviceDecoder {
    config: Config,
    accelerator: Accelerator,
    /// (vocab, hidden), on the CPU.
    embedding: Matrix,
    layers: Vec<Layer>,
    final_norm: DeviceNorm,
    /// (vocab, hidden)
    output: DeviceLinear,
    rotary: RotaryEmbedding,
    token_cost: TokenCost,
}

impl DeviceDecoder {
    pub(super) fn new(
        config: &Config,
        weights: DecoderWeights<DeviceMatrix>,
        accelerator: &Accelerator,
    ) -> Result<Self> {
        let DecoderWeights { embedding, layers, final_norm, output, rope_divisors } = weights;
        let device = accelerator.device();
        let Some(output) = output else { candle_core::bail!("the output matrix was not uploaded") };
        let of_a_token = layers.iter().flat_map(|layer| layer.matrices_of_a_token());
        let sizes = of_a_token.map(|matrix| (matrix.bytes(), matrix.n() * matrix.k()));
        let token_cost = TokenCost::of(output.bytes(), sizes);
        let layers = layers.into_iter().map(|layer| Layer::new(layer, device));
        Ok(Self {
            embedding,
            layers: layers.collect::<Result<_>>()?,
            final_norm: DeviceNorm::new(final_norm, device)?,
            output: DeviceLinear::new(Linear::without_bias(output), device)?,
            rotary: RotaryEmbedding::new(&config.rope, rope_divisors.as_deref(), device)?,
            token_cost,
            accelerator: accelerator.clone(),
            config: Config { kv_type: KvType::F16, ..config.clone() },
        })
    }

    fn shape(&self) -> KvShape {
        KvShape::on_device(&self.config, self.accelerator.id())
    }

    /// Runs all tokens, chunk by chunk; the cache gets their keys and values but not yet its new length. Returns
    /// `false` if cancelled.
    fn run(
        &mut self,
        tokens: &[u32],
        kv: &DeviceKv,
        position: usize,
        mode: LogitsMode,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> std::result::Result<bool, ModelError> {
        for chunk in Chunk::split(tokens, mode) {
            let mut rows = vec![0.0; chunk.tokens.len() * self.config.hidden];
            chunk.embed(&self.embedding, &self.config, &mut rows)?;
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

    /// Runs one chunk's rows of the embedding through all layers; returns the wanted rows of the stream, `None` if
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
        let rotations = self.rotary.at(position, m)?;
        let masks = AttentionMasks::new(position, m);
        let mut pass = DevicePass { config, device, rotations, masks, position };
        for (i, (layer, kv)) in self.layers.iter().zip(kv.layers()).enumerate() {
            if cancelled() {
                return Ok(None);
            }
            let n_read = chunk.n_rows_after(i, self.layers.len());
            stream = layer.forward(&mut pass, kv, &stream, n_read)?;
        }
        Ok(Some(stream))
    }

    /// The logits of rows of the stream.
    fn logits(&self, rows: &Tensor) -> Result<Vec<f32>> {
        let mut logits = self.output.apply(&self.final_norm.apply(rows, self.config.norm_eps)?)?;
        if let Some(cap) = self.config.final_logit_softcap {
            logits = soft_cap(&logits, cap)?;
        }
        logits.flatten_all()?.to_vec1()
    }
}

impl CausalLm for DeviceDecoder {
    fn config(&self) -> &Config {
        &self.config
    }

    fn new_cache(&self, capacity_tokens: usize) -> KvCache {
        KvCache::new(self.shape(), capacity_tokens, |shape, capacity| {
            DeviceKv::new(shape, capacity, self.accelerator.device()).ok()
        })
    }

    fn token_cost(&self) -> TokenCost {
        self.token_cost
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        mode: LogitsMode,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> std::result::Result<bool, ModelError> {
        logits.clear();
        check_input(cache, self.shape(), self.config.vocab, tokens, mode)?;
        let position = cache.len();
        // A cache without room takes no tokens, so there is nothing to run.
        let Some(kv) = cache.store_mut::<DeviceKv>() else { return Ok(true) };
        let done = self.run(tokens, kv, position, mode, logits, cancelled);
        finish_pass(done, tokens.len(), cache, logits)
    }
}
