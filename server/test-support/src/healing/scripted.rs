//! A model that knows one line by heart, and only as training would have shown it.
//!
//! Training shows a line as its whole tokens. So this one goes on as long as the middle is a beginning of them, and
//! talks nonsense when a word was cut into tokens which no training text has there: what a real model does by degrees.
//! The network inside only keeps the KV cache honest.

use lowkey_model::{CausalLm, LogitsMode};
use lowkey_prompt::TokenId;

use crate::hooked_model::{Forward, ModelWithHook};

/// What the script says at each place.
pub(super) struct Script {
    /// The token before the middle.
    pub(super) middle: TokenId,
    /// The line as training would have shown it.
    pub(super) line: Vec<TokenId>,
    /// Follows the line's last token.
    pub(super) end: TokenId,
    /// Follows a middle that is no beginning of the line.
    pub(super) nonsense: TokenId,
    /// How many tokens there are.
    pub(super) n_vocab: usize,
}

impl Script {
    /// The token that the script wants after `history`.
    fn next(&self, history: &[TokenId]) -> TokenId {
        let from = history.iter().rposition(|&token| token == self.middle).map_or(0, |at| at + 1);
        let rest = self.line.strip_prefix(history.get(from..).unwrap_or_default());
        rest.map_or(self.nonsense, |rest| rest.first().copied().unwrap_or(self.end))
    }
}

/// The network with its logits overwritten by the script; for one session.
pub(super) fn scripted(network: Box<dyn CausalLm>, script: Script) -> Box<dyn CausalLm> {
    // The network's own vocabulary may be smaller than the script's.
    let known = network.config().vocab as u32;
    let mut history: Vec<TokenId> = Vec::new();
    let hook = move |network: &mut dyn CausalLm, forward: Forward<'_>| {
        let Forward { tokens, cache, mode, logits, cancelled } = forward;
        history.truncate(cache.len());
        history.extend_from_slice(tokens);
        let folded: Vec<u32> = tokens.iter().map(|token| token % known).collect();
        let whole = network.forward(&folded, cache, LogitsMode::None, logits, cancelled)?;
        logits.clear();
        let n = history.len();
        let ends = match mode {
            LogitsMode::None => n..n,
            LogitsMode::Last => n..n + 1,
            LogitsMode::All => n + 1 - tokens.len()..n + 1,
        };
        for end in ends {
            let wanted = script.next(&history[..end]);
            logits.extend((0..script.n_vocab).map(|id| f32::from(id == wanted as usize)));
        }
        Ok(whole)
    };
    Box::new(ModelWithHook { network, hook })
}
