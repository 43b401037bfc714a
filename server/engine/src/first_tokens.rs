//! First-token candidates: the most probable ways to begin a decoding, for alternative suggestions.
//!
//! The candidates come from the logits of the first token alone, so they need no forward pass of
//! their own. To get the rest of an alternative, the caller submits a job with the candidate's text
//! added before the cursor.

use lowkey_model::{log_sum_exp, top_k};
use lowkey_prompt::{TokenId, Tokenizer};

/// A first token as text.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstToken {
    /// The text that it inserts after the cursor; never empty.
    pub text: String,
    /// Natural-log probability.
    pub log_prob: f32,
}

/// Less probable first tokens are noise. The limit is a probability of 1 in 100.
const MIN_LOG_PROB: f32 = -4.6;

/// Tokens examined for each result. Some end the text, begin inside a character, or repeat text
/// that is already there.
const EXAMINED_PER_RESULT: usize = 4;

/// Returns at most `n` first tokens, the most probable first.
///
/// `unforced` is the text before the cursor that healing removed and that the first token must
/// spell. `allowed` holds the tokens that can spell it; `None` if healing removed nothing.
/// `end_tokens` are sorted.
pub(crate) fn first_tokens(
    n: usize,
    logits: &[f32],
    tokenizer: &Tokenizer,
    (allowed, unforced): (Option<&[TokenId]>, &[u8]),
    end_tokens: &[TokenId],
) -> Vec<FirstToken> {
    if n == 0 {
        return Vec::new();
    }
    let logit = |token: &TokenId| logits.get(*token as usize).copied().unwrap_or(f32::MIN);
    let mut tokens: Vec<TokenId> = match allowed {
        Some(allowed) => allowed.to_vec(),
        None => top_k(logits, n.saturating_mul(EXAMINED_PER_RESULT))
            .into_iter()
            .map(|(token, _)| token as TokenId)
            .collect(),
    };
    tokens.sort_by(|a, b| logit(b).total_cmp(&logit(a)).then(a.cmp(b)));
    let total = log_sum_exp(logits);
    let first_token = |token: TokenId| {
        let log_prob = logit(&token) - total;
        let spelled = tokenizer.token_bytes(token);
        let after_cursor = std::str::from_utf8(spelled.strip_prefix(unforced)?).ok()?;
        let is_text = !after_cursor.is_empty() && end_tokens.binary_search(&token).is_err();
        (is_text && log_prob >= MIN_LOG_PROB)
            .then(|| FirstToken { text: after_cursor.to_owned(), log_prob })
    };
    tokens.into_iter().filter_map(first_token).take(n).collect()
}
