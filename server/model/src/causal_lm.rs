//! The interface that every model has for the engine.

use crate::config::Config;
use crate::error::ModelError;
use crate::kv::cache::KvCache;
use crate::pass::LogitsMode;

/// The memory traffic and the multiplications of a forward pass, to compare its speed with the machine's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCost {
    /// Bytes of packed weights that one decoded token reads: the layers and the output matrix.
    pub decode_bytes: usize,
    /// Multiplications of weights for each token of a prompt: the layers alone.
    pub token_products: usize,
}

impl TokenCost {
    /// Adds up the output matrix' bytes, and bytes and products of each matrix of the layers.
    pub(crate) fn of(output_bytes: usize, layers: impl Iterator<Item = (usize, usize)>) -> Self {
        let output = Self { decode_bytes: output_bytes, token_products: 0 };
        layers.fold(output, |token_cost, (bytes, products)| Self {
            decode_bytes: token_cost.decode_bytes + bytes,
            token_products: token_cost.token_products + products,
        })
    }
}

/// A causal language model that appends to a cache which the caller owns.
///
/// Appending is associative to the bit: the logits of a position depend only on the tokens up to it, not on how a token
/// sequence is split over calls or on what was truncated in between (on the CPU; on a GPU within a tolerance).
pub trait CausalLm: Send {
    /// The model's shape.
    fn config(&self) -> &Config;

    /// Makes an empty cache for `capacity_tokens` tokens, at least one and at most the model's context.
    fn new_cache(&self, capacity_tokens: usize) -> KvCache;

    /// The bytes that one token of capacity takes in a cache.
    fn cache_bytes_per_token(&self) -> usize {
        self.config().cache_bytes_per_token()
    }

    /// The work of a token.
    fn token_cost(&self) -> TokenCost;

    /// Appends `tokens` to the end of `cache` and replaces `logits` by those that `mode` asks for.
    ///
    /// Calls `cancelled` before each layer. Returns `false` if it returned true. Then, and after an error, the cache
    /// holds what it held before, and `logits` is empty.
    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        mode: LogitsMode,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError>;
}
