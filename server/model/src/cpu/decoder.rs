//! A decoder-only model on our own kernels: embedding, layers, norm, output matrix.
//!
//! Embedding rows are looked up in the packed table; nothing of the vocabulary's size is ever kept in f32.
//! Invariant: a pass that fails or is cancelled leaves the cache as it was, because positions only begin to count at
//! the end of the pass.

use lowkey_kernels::{Matrix, Pool, Rope, ShapeError, cap_softly, matmul};

use crate::block::{Block, Pass, Scratch, sized};
use crate::cache::Shape;
use crate::chunk::Chunk;
use crate::norm::Norm;
use crate::rotation::rotations;
use crate::threads::Threads;
use crate::{CausalLm, Config, KvCache, ModelError, Want, Work};

/// A llama-like model, whatever its architecture calls its tensors.
pub(crate) struct Decoder {
    config: Config,
    /// (vocab, hidden)
    embedding: Matrix,
    blocks: Vec<Block>,
    /// (hidden)
    final_norm: Norm,
    /// (vocab, hidden); `None` where the embedding serves.
    output: Option<Matrix>,
    rope: Rope,
    rope_divisors: Option<Vec<f32>>,
    /// For how many positions there are rotations.
    n_rotations: usize,
    threads: Threads,
    work: Work,
    scratch: Scratch,
    /// The residual stream, (tokens of a chunk, hidden).
    stream: Vec<f32>,
}

/// The weights of a whole model; its matrices are those of whatever multiplies them.
pub(crate) struct Layers<M = Matrix> {
    /// (vocab, hidden); rows are looked up in it on the CPU, wherever the rest is computed.
    pub(crate) embedding: Matrix,
    /// In order.
    pub(crate) blocks: Vec<Block<M>>,
    /// (hidden)
    pub(crate) final_norm: Norm,
    /// (vocab, hidden); `None` where the embedding serves.
    pub(crate) output: Option<M>,
    /// By how much each pair of a head rotates slower: (`head_dim / 2`).
    pub(crate) rope_divisors: Option<Vec<f32>>,
}

impl Decoder {
    /// Builds a model from its weights, to run on the threads of `pool`.
    pub(crate) fn new(config: &Config, layers: Layers, pool: Pool) -> Self {
        let Layers { embedding, blocks, final_norm, output, rope_divisors } = layers;
        let has_floats = blocks.iter().any(Block::has_floats)
            || output.as_ref().unwrap_or(&embedding).has_floats();
        // A short table to begin with; it grows with the caches that are used, not with what the file claims.
        let n_rotations = config.context_length.min(4096);
        let matrices = blocks.iter().flat_map(Block::matrices).map(|m| (m.bytes(), m.n() * m.k()));
        let work = Work::of(output.as_ref().unwrap_or(&embedding).bytes(), matrices);
        Self {
            embedding,
            blocks,
            final_norm,
            output,
            rope: rotations(config, rope_divisors.as_deref(), n_rotations),
            rope_divisors,
            n_rotations,
            threads: Threads::new(pool, work.decode_bytes),
            work,
            scratch: Scratch::new(has_floats),
            stream: Vec::new(),
            config: config.clone(),
        }
    }

    /// Runs all tokens, chunk by chunk; they stand in the cache but do not count yet. `false` when cancelled.
    fn run(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        want: Want,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ShapeError> {
        for chunk in Chunk::all(tokens, want) {
            if !self.run_layers(&chunk, cache, cancelled)? {
                return Ok(false);
            }
            if chunk.n_wanted > 0 {
                self.push_logits(chunk.tokens.len(), chunk.n_wanted, logits)?;
            }
        }
        Ok(true)
    }

    /// Runs one chunk through all layers; leaves the wanted rows in `self.stream`. `false` when cancelled.
    fn run_layers(
        &mut self,
        chunk: &Chunk<'_>,
        cache: &mut KvCache,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ShapeError> {
        let m = chunk.tokens.len();
        let stream = sized(&mut self.stream, m * self.config.hidden);
        chunk.look_up(&self.embedding, &self.config, stream)?;
        // Nearly all of a layer's products are in four matrices.
        let products = m.saturating_mul(self.work.token_products / (4 * self.blocks.len()).max(1));
        let pool = self.threads.worth(products);
        let position = cache.len() + chunk.begin;
        let pass = Pass { pool, config: &self.config, rope: &self.rope, position, m };
        for (i, (block, kv)) in self.blocks.iter().zip(cache.layers_mut()).enumerate() {
            if cancelled() {
                return Ok(false);
            }
            let n_read = chunk.n_read_behind(i, self.blocks.len());
            block.forward(&pass, &mut self.scratch, kv, stream, n_read)?;
        }
        Ok(true)
    }

    /// Puts the logits of the last `m` of `n` rows of the stream behind what `logits` holds.
    fn push_logits(&mut self, n: usize, m: usize, logits: &mut Vec<f32>) -> Result<(), ShapeError> {
        let Config { hidden, vocab, norm_eps, logit_cap, .. } = self.config;
        let rows = &self.stream[(n - m) * hidden..n * hidden];
        let begin = logits.len();
        logits.resize(begin + m * vocab, 0.0);
        let quantized = self.scratch.quantized();
        let pool = self.threads.worth(m.saturating_mul(vocab * hidden));
        self.final_norm.quantize(pool, rows, norm_eps, m, quantized)?;
        let output = self.output.as_ref().unwrap_or(&self.embedding);
        matmul(pool, output, quantized, None, false, &mut logits[begin..])?;
        if let Some(cap) = logit_cap {
            cap_softly(pool, &mut logits[begin..], cap);
        }
        Ok(())
    }

    fn extend_rotations(&mut self, positions: usize) {
        if positions > self.n_rotations {
            self.n_rotations = positions.next_power_of_two().min(self.config.context_length);
            self.rope = rotations(&self.config, self.rope_divisors.as_deref(), self.n_rotations);
        }
    }
}

impl CausalLm for Decoder {
    fn config(&self) -> &Config {
        &self.config
    }

    fn new_cache(&self, capacity_tokens: usize) -> KvCache {
        KvCache::new(Shape::of(&self.config), capacity_tokens)
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.config.cache_bytes_per_token()
    }

    fn work(&self) -> Work {
        self.work
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        want: Want,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError> {
        logits.clear();
        cache.check(Shape::of(&self.config), self.config.vocab, tokens, want)?;
        self.extend_rotations(cache.len() + tokens.len());
        let done = self.run(tokens, cache, want, logits, cancelled);
        match done {
            Ok(true) => cache.advance(tokens.len()),
            Ok(false) | Err(_) => logits.clear(),
        }
        Ok(done?)
    }
}
