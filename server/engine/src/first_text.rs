//! Keeps a decoding from being over before it has written anything visible.
//!
//! At a place where text must follow, a model that was not trained on the server's cuts often begins with another line
//! end or ends at once. Until something visible is decoded, these choices are ruled out: end tokens, and tokens that
//! end the line before they write anything. Their probability is not given to the others: a log-probability counts from
//! the distribution as the model gave it, so what it did not want to write has a low one, and the gate hears of it.

use lowkey_prompt::{TokenId, Tokenizer};

/// The tokens of a vocabulary that begin with a blank line's end.
pub(crate) struct FirstText {
    /// Tokens that end a line before writing anything visible, in rising order.
    blank_lines: Vec<TokenId>,
}

/// Whether `bytes` end a line before they write anything visible.
fn ends_blank_line(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .find(|byte| !matches!(byte, b' ' | b'\t'))
        .is_some_and(|b| matches!(b, b'\n' | b'\r'))
}

impl FirstText {
    /// Looks through the vocabulary once.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Self {
        let ids = 0..tokenizer.vocab_size() as TokenId;
        Self { blank_lines: ids.filter(|&id| ends_blank_line(tokenizer.token_bytes(id))).collect() }
    }

    /// Rules out in `logits` what would write nothing; returns the probability of what was ruled out.
    ///
    /// With text left that healing took back, `allowed` holds the tokens that spell it, and those that would write
    /// nothing after `unforced` leave it; it is never emptied. `total` is the log-sum-exp of the logits.
    pub(crate) fn require(
        &self,
        logits: &mut [f32],
        total: f32,
        (allowed, unforced): (Option<&mut Vec<TokenId>>, &[u8]),
        end_tokens: &[TokenId],
        tokenizer: &Tokenizer,
    ) -> f32 {
        let probability = |logits: &[f32], id: TokenId| {
            logits.get(id as usize).map_or(0.0, |l| (l - total).exp())
        };
        if let Some(allowed) = allowed {
            let writes_nothing = |id: &TokenId| {
                tokenizer.token_bytes(*id).strip_prefix(unforced).is_some_and(ends_blank_line)
            };
            if allowed.iter().all(writes_nothing) {
                return 0.0;
            }
            let ruled_out = allowed.iter().copied().filter(writes_nothing);
            let sum = ruled_out.map(|id| probability(logits, id)).sum();
            allowed.retain(|id| !writes_nothing(id));
            return sum;
        }
        let mut sum = 0.0;
        for &id in self.blank_lines.iter().chain(end_tokens) {
            sum += probability(logits, id);
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_end_before_anything_visible() {
        for text in ["\n", "  \n", "\t\r\n", "\n    x"] {
            assert!(ends_blank_line(text.as_bytes()), "{text:?}");
        }
        for text in ["", "  ", "x\n", " ):\n"] {
            assert!(!ends_blank_line(text.as_bytes()), "{text:?}");
        }
    }
}
