//! The most probable ways in which a decoding could begin: where other suggestions than the best one start.
//!
//! Read from the logits of the first token alone, so they cost nothing beside it. Whoever wants to know how one of
//! them goes on asks again as if it had been typed.

use lowkey_model::{log_sum_exp, top_k};
use lowkey_prompt::{TokenId, Tokenizer};

/// A first token as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Opening {
    /// What it puts behind the cursor; never empty.
    pub text: String,
    /// How probable it is.
    pub log_prob: f32,
}

/// Less probable first tokens are noise: one in a hundred.
const LEAST_LOG_PROB: f32 = -4.6;

/// Tokens looked at for each opening: some end the text, begin inside a character, or spell what stands there already.
const LOOKED_AT: usize = 4;

/// Returns at most `n` openings, the most probable first.
///
/// `unforced` is the text before the cursor that healing took back and that the first token must spell, and `allowed`
/// the tokens that do; `None` where nothing was taken back. `end_tokens` are sorted.
pub(crate) fn openings(
    n: usize,
    logits: &[f32],
    tokenizer: &Tokenizer,
    (allowed, unforced): (Option<&[TokenId]>, &[u8]),
    end_tokens: &[TokenId],
) -> Vec<Opening> {
    if n == 0 {
        return Vec::new();
    }
    let logit = |token: &TokenId| logits.get(*token as usize).copied().unwrap_or(f32::MIN);
    let mut tokens: Vec<TokenId> = match allowed {
        Some(allowed) => allowed.to_vec(),
        None => top_k(logits, n.saturating_mul(LOOKED_AT))
            .into_iter()
            .map(|(token, _)| token as TokenId)
            .collect(),
    };
    tokens.sort_by(|a, b| logit(b).total_cmp(&logit(a)).then(a.cmp(b)));
    let total = log_sum_exp(logits);
    let opening = |token: TokenId| {
        let log_prob = logit(&token) - total;
        let spelled = tokenizer.token_bytes(token);
        let behind_cursor = std::str::from_utf8(spelled.strip_prefix(unforced)?).ok()?;
        let is_text = !behind_cursor.is_empty() && end_tokens.binary_search(&token).is_err();
        (is_text && log_prob >= LEAST_LOG_PROB)
            .then(|| Opening { text: behind_cursor.to_owned(), log_prob })
    };
    tokens.into_iter().filter_map(opening).take(n).collect()
}
