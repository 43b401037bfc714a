//! A decoder-only model on our own kernels: embedding, layers, norm, output matrix.
//!
//! Embedding rows are looked up in the packed table; nothing of the vocabulary's size is ever kept in f32.
//! Invariant: a pass that fails or is cancelled leaves the cache as it was, because positions only begin to count at
//! the end of the pass.

use lowkey_kernels::{Matrix, Pool, Rope, ShapeError, cap_softly, matmul};

use crate::block::{Block, Pass, Scratch, sized};
use crate::cache::Shape;
use crate::norm::Norm;
use crate::rotation::rotations;
use crate::threads::Threads;
use crate::{CausalLm, Config, KvCache, ModelError, Want, Work};

/// How many tokens go through the layers together. Bounds the buffers; more would not make the products faster.
const CHUNK_TOKENS: usize = 512;

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
        let Layers { embedding, blocks, mut final_norm, output, rope_divisors } = layers;
        // Before the product instead of behind it: there are fewer columns than tokens.
        if config.logit_divisor != 1.0 {
            final_norm.scale(1.0 / config.logit_divisor);
        }
        let has_floats = blocks.iter().any(Block::has_floats)
            || output.as_ref().unwrap_or(&embedding).has_floats();
        // A short table to begin with; it grows with the caches that are used, not with what the file claims.
        let n_rotations = config.context_length.min(4096);
        let work = work_of(&blocks, output.as_ref().unwrap_or(&embedding));
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
        let mut n_done = 0;
        for chunk in tokens.chunks(CHUNK_TOKENS) {
            let position = cache.len() + n_done;
            n_done += chunk.len();
            let n_wanted = match want {
                Want::All => chunk.len(),
                Want::Last if n_done == tokens.len() => 1,
                Want::Last | Want::None => 0,
            };
            if !self.run_layers(chunk, position, n_wanted, cache, cancelled)? {
                return Ok(false);
            }
            if n_wanted > 0 {
                self.push_logits(chunk.len(), n_wanted, logits)?;
            }
        }
        Ok(true)
    }

    /// Runs one chunk through all layers; leaves the last `n_wanted` rows in `self.stream`. `false` when cancelled.
    fn run_layers(
        &mut self,
        tokens: &[u32],
        position: usize,
        n_wanted: usize,
        cache: &mut KvCache,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ShapeError> {
        let (m, hidden) = (tokens.len(), self.config.hidden);
        let stream = sized(&mut self.stream, m * hidden);
        for (row, id) in stream.chunks_exact_mut(hidden).zip(tokens) {
            self.embedding.row(*id as usize, &mut *row)?;
            if self.config.embedding_scale != 1.0 {
                for value in row {
                    *value *= self.config.embedding_scale;
                }
            }
        }
        // Nearly all of a layer's products are in four matrices.
        let products = m.saturating_mul(self.work.token_products / (4 * self.blocks.len()).max(1));
        let pool = self.threads.worth(products);
        let pass = Pass { pool, config: &self.config, rope: &self.rope, position, m };
        for (i, (block, kv)) in self.blocks.iter().zip(cache.layers_mut()).enumerate() {
            if cancelled() {
                return Ok(false);
            }
            // The next layer needs all rows; behind the last one only the logits that are asked for do.
            let n_wanted = if i + 1 < self.blocks.len() { m } else { n_wanted };
            block.forward(&pass, &mut self.scratch, kv, stream, n_wanted)?;
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
        let Config { n_layers, n_kv_heads, kv_type, .. } = self.config;
        n_layers * kv_type.position_bytes(n_kv_heads, self.config.kv_width())
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

/// Counts what a token takes.
fn work_of(blocks: &[Block], output: &Matrix) -> Work {
    let mut work = Work { decode_bytes: output.bytes(), ..Work::default() };
    for matrix in blocks.iter().flat_map(Block::matrices) {
        work.decode_bytes += matrix.bytes();
        work.token_products += matrix.n() * matrix.k();
    }
    work
}
