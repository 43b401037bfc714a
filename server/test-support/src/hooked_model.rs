//! A network with its forward in a test's hands.

use lowkey_model::{CausalLm, Config, KvCache, LogitsMode, ModelError, Work};

/// Everything that a forward is asked for.
pub struct Forward<'a> {
    pub tokens: &'a [u32],
    pub cache: &'a mut KvCache,
    pub want: LogitsMode,
    pub logits: &'a mut Vec<f32>,
    pub cancelled: &'a dyn Fn() -> bool,
}

/// A real network whose every forward goes through `steer`, which may run it, change its tokens or its logits.
pub struct Steered<F> {
    pub network: Box<dyn CausalLm>,
    pub steer: F,
}

impl<F> CausalLm for Steered<F>
where
    F: FnMut(&mut dyn CausalLm, Forward<'_>) -> Result<bool, ModelError> + Send,
{
    fn config(&self) -> &Config {
        self.network.config()
    }

    fn work(&self) -> Work {
        self.network.work()
    }

    fn new_cache(&self, capacity_tokens: usize) -> KvCache {
        self.network.new_cache(capacity_tokens)
    }

    fn forward(
        &mut self,
        tokens: &[u32],
        cache: &mut KvCache,
        want: LogitsMode,
        logits: &mut Vec<f32>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError> {
        (self.steer)(&mut *self.network, Forward { tokens, cache, want, logits, cancelled })
    }
}
