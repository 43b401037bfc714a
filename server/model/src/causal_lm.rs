//! What the engine asks of a model, whatever runs it.

use crate::{Config, KvCache, ModelError};

/// Which positions' logits a forward pass is to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// None: the tokens are only appended to the cache.
    None,
    /// Those of the last token: `vocab` numbers.
    Last,
    /// Those of every token: `tokens.len() × vocab` numbers, to verify a draft.
    All,
}

/// What a forward pass has to read and to multiply, to hold its speed against what a machine gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes of packed weights that one decoded token reads: the layers and the output matrix.
    pub decode_bytes: usize,
    /// Multiplications of weights that each token of a prompt takes: the layers alone.
    pub token_products: usize,
}

impl Work {
    /// Counts the output matrix' bytes, and bytes and products of each matrix of the layers.
    pub(crate) fn of(output_bytes: usize, layers: impl Iterator<Item = (usize, usize)>) -> Self {
        let output = Self { decode_bytes: output_bytes, token_products: 0 };
        layers.fold(output, |work, (bytes, products)| Self {
            decode_bytes: work.decode_bytes + bytes,
            token_products: work.token_products + products,
        })
    }
}

/// A causal language model that appends to a cache which it does not own.
///
/// Appending is associative to the bit: however a token sequence is split over calls, and whatever was truncated in
/// between, the logits of a position depend only on the tokens up to it (on the CPU; on a GPU within a tolerance).
pub trait CausalLm: Send {
    /// The model's shape.
    fn config(&self) -> &Config;

    /// Makes an empty cache for `capacity_tokens` tokens, at least one and at most the model's context.
    fn new_cache(&self, capacity_tokens: usize) -> KvCache;

    /// What one token of capacity takes in a cache.
    fn cache_bytes_per_token(&self) -> usize;

    /// What a token costs.
    fn work(&self) -> Work;

    /// Appends `tokens` behind what `cache` holds and puts the wanted logits into `logits`, whose old contents go.
    ///
    /// Asks `cancelled` before each layer; returns `false` when it said so, or on an error: then the cache holds what
    /// it held before, and `logits` nothing.
    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        want: Want,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError>;
}
