//! A decoder-only model on our own kernels.
//!
//! Embedding rows are looked up in the packed table; nothing of the vocabulary's size is ever kept in f32.
//! Invariant: a pass that fails or is cancelled leaves the cache as it was, because positions are only added at the end
//! of the pass.

use lowkey_kernels::{Matrix, Pool, Rope, ShapeError};

use super::forward::{Buffers, Model, forward};
use super::kv::CpuKv;
use super::threads::Threads;
use crate::causal_lm::{CausalLm, TokenCost};
use crate::config::Config;
use crate::error::ModelError;
use crate::kv::cache::KvCache;
use crate::kv::shape::KvShape;
use crate::load::decoder_weights::DecoderWeights;
use crate::pass::{Chunk, LogitsMode, check_input, finish_pass};

/// The number of positions that have rotations at first. The table grows with the caches that are used, not with what
/// the file claims.
const INITIAL_ROPE_POSITIONS: usize = 4096;

/// A model of any architecture.
pub(super) struct Decoder {
    config: Config,
    weights: DecoderWeights,
    rope: Rope,
    /// The number of positions that have rotations.
    n_rope_positions: usize,
    threads: Threads,
    token_cost: TokenCost,
    buffers: Buffers,
}

impl Decoder {
    /// Builds a model from its weights, to run on the threads of `pool`.
    pub(super) fn new(config: &Config, weights: DecoderWeights, pool: Pool) -> Self {
        let output = weights.output.as_ref().unwrap_or(&weights.embedding);
        let mut matrices = weights.layers.iter().flat_map(|layer| layer.matrices());
        let has_floats = matrices.any(Matrix::has_floats) || output.has_floats();
        let token_matrices = weights.layers.iter().flat_map(|layer| layer.matrices_of_a_token());
        let sizes = token_matrices.map(|matrix| (matrix.bytes(), matrix.n() * matrix.k()));
        let token_cost = TokenCost::of(output.bytes(), sizes);
        let n_rope_positions = config.context_length.min(INITIAL_ROPE_POSITIONS);
        Self {
            rope: rope_table(config, &weights, n_rope_positions),
            n_rope_positions,
            threads: Threads::new(pool, token_cost.decode_bytes),
            token_cost,
            buffers: Buffers::new(has_floats),
            config: config.clone(),
            weights,
        }
    }

    /// Runs all tokens, chunk by chunk; the cache gets their keys and values but not yet its new length. Returns
    /// `false` if cancelled.
    fn run(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        mode: LogitsMode,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ShapeError> {
        let begin = cache.len();
        // A cache without room takes no tokens, so there is nothing to run.
        let Some(kv) = cache.store_mut::<CpuKv>() else { return Ok(true) };
        let model = Model {
            config: &self.config,
            weights: &self.weights,
            rope: &self.rope,
            threads: &self.threads,
            token_products: self.token_cost.token_products,
        };
        for chunk in Chunk::split(tokens, mode) {
            let (kv, position) = (kv.layers_mut(), begin + chunk.begin);
            if !forward(&model, &mut self.buffers, &chunk, kv, position, logits, cancelled)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn extend_rope(&mut self, positions: usize) {
        if positions > self.n_rope_positions {
            self.n_rope_positions = positions.next_power_of_two().min(self.config.context_length);
            self.rope = rope_table(&self.config, &self.weights, self.n_rope_positions);
        }
    }
}

fn rope_table(config: &Config, weights: &DecoderWeights, n: usize) -> Rope {
    config.rope.rope_table(config.head_dim, weights.rope_divisors.as_deref(), n)
}

impl CausalLm for Decoder {
    fn config(&self) -> &Config {
        &self.config
    }

    fn new_cache(&self, capacity_tokens: usize) -> KvCache {
        KvCache::new(KvShape::of(&self.config), capacity_tokens, CpuKv::new)
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
    ) -> Result<bool, ModelError> {
        logits.clear();
        check_input(cache, KvShape::of(&self.config), self.config.vocab, tokens, mode)?;
        self.extend_rope(cache.len() + tokens.len());
        let done = self.run(tokens, cache, mode, logits, cancelled);
        Ok(finish_pass(done, tokens.len(), cache, logits)?)
    }
}
