//! A model that knows one line by heart, and only as training would have shown it.
//!
//! Training shows a line as its whole tokens. So this one goes on as long as the middle is a beginning of them, and
//! talks nonsense when a word was cut into tokens which no training text has there: what a real model does by degrees.
//! The network inside only keeps the KV cache honest.

use lowkey_model::{CausalLm, Config, KvCache, ModelError, Want, Work};
use lowkey_prompt::TokenId;

/// What the script says at each place.
pub(crate) struct Script {
    /// The token behind which the middle stands.
    pub(crate) middle: TokenId,
    /// The line as training would have shown it.
    pub(crate) line: Vec<TokenId>,
    /// Follows the line's last token.
    pub(crate) end: TokenId,
    /// Follows a middle that is no beginning of the line.
    pub(crate) nonsense: TokenId,
    /// How many tokens there are.
    pub(crate) n_vocab: usize,
}

/// The embedded network with its logits overwritten by a [`Script`].
pub(crate) struct Scripted {
    pub(crate) network: Box<dyn CausalLm>,
    pub(crate) script: Script,
    /// What the one session holds.
    pub(crate) history: Vec<TokenId>,
}

impl Script {
    /// The token that the script wants behind `history`.
    fn next(&self, history: &[TokenId]) -> TokenId {
        let from = history.iter().rposition(|&token| token == self.middle).map_or(0, |at| at + 1);
        let rest = self.line.strip_prefix(history.get(from..).unwrap_or_default());
        rest.map_or(self.nonsense, |rest| rest.first().copied().unwrap_or(self.end))
    }
}

impl CausalLm for Scripted {
    fn config(&self) -> &Config {
        self.network.config()
    }

    fn work(&self) -> Work {
        self.network.work()
    }

    fn new_cache(&self, capacity_tokens: usize) -> KvCache {
        self.network.new_cache(capacity_tokens)
    }

    fn cache_bytes_per_token(&self) -> usize {
        self.network.cache_bytes_per_token()
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        want: Want,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError> {
        self.history.truncate(cache.len());
        self.history.extend_from_slice(tokens);
        // The network's own vocabulary may be smaller than the script's.
        let known = self.network.config().vocab as u32;
        let folded: Vec<u32> = tokens.iter().map(|token| token % known).collect();
        let whole = self.network.forward(&folded, cache, Want::None, logits, cancelled)?;
        logits.clear();
        let n = self.history.len();
        let ends = match want {
            Want::None => n..n,
            Want::Last => n..n + 1,
            Want::All => n + 1 - tokens.len()..n + 1,
        };
        for end in ends {
            let wanted = self.script.next(&self.history[..end]);
            logits.extend((0..self.script.n_vocab).map(|id| f32::from(id == wanted as usize)));
        }
        Ok(whole)
    }
}
