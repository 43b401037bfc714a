//! A network with its forward in a test's hands.

use lowkey_model::{CausalLm, Config, KvCache, LogitsMode, ModelError, TokenCost};

/// Everything that a forward is asked for.
pub struct Forward<'a> {
    pub tokens: &'a [u32],
    pub cache: &'a mut KvCache,
    pub mode: LogitsMode,
    pub logits: &'a mut Vec<f32>,
    pub cancelled: &'a dyn Fn() -> bool,
}

/// A real network whose every forward goes through `hook`, which may run it, change its tokens or its logits.
pub struct ModelWithHook<F> {
    pub network: Box<dyn CausalLm>,
    pub hook: F,
}

impl<F> CausalLm for ModelWithHook<F>
where
    F: FnMut(&mut dyn CausalLm, Forward<'_>) -> Result<bool, ModelError> + Send,
{
    fn config(&self) -> &Config {
        self.network.config()
    }

    fn token_cost(&self) -> TokenCost {
        self.network.token_cost()
    }

    fn new_cache(&self, capacity_tokens: usize) -> KvCache {
        self.network.new_cache(capacity_tokens)
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        mode: LogitsMode,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError> {
        (self.hook)(&mut *self.network, Forward { tokens, cache, mode, logits, cancelled })
    }
}
