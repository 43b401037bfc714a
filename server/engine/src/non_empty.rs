//! Prevents a decoding from ending before it has written visible text.
//!
//! At a place where text must follow, a model that was not trained on the server's cuts often
//! begins with another line end or ends at once. Until the decoding contains visible text, the
//! engine excludes these choices: end tokens, and tokens that end the line before they write
//! visible text. The other tokens do not get the excluded probability: log-probabilities are those
//! of the model's unchanged distribution. A text that the model considers unlikely therefore keeps
//! a low probability, and the gate uses it.

use lowkey_prompt::{TokenId, Tokenizer};

/// The tokens of a vocabulary that end a blank line.
pub(crate) struct NonEmptyMask {
    /// Tokens that end a line before they write visible text, in ascending order.
    blank_lines: Vec<TokenId>,
}

/// Whether `bytes` end a line before they write visible text.
fn ends_blank_line(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .find(|byte| !matches!(byte, b' ' | b'\t'))
        .is_some_and(|b| matches!(b, b'\n' | b'\r'))
}

impl NonEmptyMask {
    /// Scans the vocabulary once.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Self {
        let ids = 0..tokenizer.vocab_size() as TokenId;
        Self { blank_lines: ids.filter(|&id| ends_blank_line(tokenizer.token_bytes(id))).collect() }
    }

    /// Excludes the tokens in `logits` that write no visible text; returns their total probability.
    ///
    /// While `unforced` text of healing is left, `allowed` holds the tokens that can spell it. This
    /// function removes tokens that write no visible text after `unforced`, but never empties the
    /// list. `total` is the log-sum-exp of the logits.
    pub(crate) fn apply(
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
            let is_blank = |id: &TokenId| {
                tokenizer.token_bytes(*id).strip_prefix(unforced).is_some_and(ends_blank_line)
            };
            if allowed.iter().all(is_blank) {
                return 0.0;
            }
            let masked_probability = allowed.iter().copied().filter(is_blank);
            let sum = masked_probability.map(|id| probability(logits, id)).sum();
            allowed.retain(|id| !is_blank(id));
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
    fn blank_line_tokens_are_recognised() {
        for text in ["\n", "  \n", "\t\r\n", "\n    x"] {
            assert!(ends_blank_line(text.as_bytes()), "{text:?}");
        }
        for text in ["", "  ", "x\n", " ):\n"] {
            assert!(!ends_blank_line(text.as_bytes()), "{text:?}");
        }
    }
}
