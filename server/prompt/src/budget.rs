//! Divides a prompt's tokens into shares, and cuts parts that are too long.
//!
//! If all parts fit, none is cut. Otherwise each part has a share of the budget and lends the
//! tokens that it does not need. The prefix lends to the suffix in steps of a quarter of the whole,
//! and cuts move in steps of a quarter of a part. The shares do not depend on the text typed on the
//! cursor's line, so typing moves no cut before it, and only the prompt's tail changes. Sentinels
//! are subtracted before the division, so they are never cut.

use lowkey_context::WindowBudget;

/// A lower bound of the average bytes per token of code; the starter has 3.08 characters.
const BYTES_PER_TOKEN: usize = 3;

/// The maximum number of tokens of a prompt; decoded tokens are not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Tokens of the whole prompt without snippets, including sentinels.
    pub prompt_tokens: usize,
    /// Tokens of the snippets and their separators, in addition to `prompt_tokens`: snippets take
    /// no token from the prefix or the suffix, and tokens that snippets leave are not used.
    pub snippet_tokens: usize,
}

impl Budget {
    /// A budget without snippets.
    pub const fn of(prompt_tokens: usize) -> Self {
        Self { prompt_tokens, snippet_tokens: 0 }
    }

    /// Returns how many bytes of text to gather for this budget. Denser text is cut again, by
    /// tokens, when the prompt is assembled.
    pub fn window(self) -> WindowBudget {
        let shares = Shares::of(self.prompt_tokens, 0);
        WindowBudget {
            // The prefix gets the tokens that the path does not use.
            prefix_bytes: (shares.prefix + shares.context).saturating_mul(BYTES_PER_TOKEN),
            suffix_bytes: shares.suffix.saturating_mul(BYTES_PER_TOKEN),
            whole_bytes: (shares.prefix + shares.context + shares.suffix)
                .saturating_mul(BYTES_PER_TOKEN),
        }
    }
}

/// The tokens of each part of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// The document's path.
    pub(crate) context: usize,
    pub(crate) prefix: usize,
    pub(crate) suffix: usize,
    /// The forced middle.
    pub(crate) middle: usize,
}

impl Shares {
    /// Divides the tokens that are left after the sentinels.
    ///
    /// The middle gets an eighth, plus the tokens of its `finished` lines (those above the
    /// cursor's), up to a sixth. It is reserved whether or not the cursor's line uses it; if it
    /// were lent to the prefix, the prefix would move with every key. Of the rest a third is for
    /// the context, half for the prefix and a sixth for the suffix.
    pub(crate) fn of(text_tokens: usize, finished: usize) -> Shares {
        let middle = text_tokens.div_ceil(8) + finished.min(text_tokens / 6);
        let rest = text_tokens - middle.min(text_tokens);
        let context = rest / 3;
        let suffix = rest / 6;
        Shares { context, prefix: rest - context - suffix, suffix, middle: text_tokens - rest }
    }
}

impl Shares {
    /// Returns how many tokens of the suffix and of the prefix to keep, given the tokens of
    /// `preamble`, `suffix` and `prefix`. Does not change the middle's share.
    pub(crate) fn by_need(self, preamble: usize, suffix: usize, prefix: usize) -> (usize, usize) {
        let room = (self.context + self.prefix + self.suffix).saturating_sub(preamble);
        if suffix.saturating_add(prefix) <= room {
            return (suffix, prefix);
        }
        let spare = room.saturating_sub(self.suffix).saturating_sub(prefix);
        let lent = spare / step(room) * step(room);
        let suffix = (self.suffix + lent).min(suffix).min(room);
        (suffix, room - suffix)
    }
}

/// Returns how many of `n` tokens to drop so that at most `allowed` are left, in steps of a quarter
/// of `allowed`.
///
/// Only the number of steps changes as a part grows, so its far end is fixed for a quarter of the
/// part.
pub(crate) fn n_dropped(n: usize, allowed: usize) -> usize {
    n.saturating_sub(allowed).div_ceil(step(allowed)).saturating_mul(step(allowed)).min(n)
}

/// Returns the length of a step, at least one token.
pub(crate) fn step(allowed: usize) -> usize {
    allowed.div_ceil(4).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_add_up(text_tokens in 0usize..100_000, finished in 0usize..1000) {
            let Shares { context, prefix, suffix, middle } = Shares::of(text_tokens, finished);
            prop_assert_eq!(context + prefix + suffix + middle, text_tokens);
        }

        #[test]
        fn cut_moves_in_steps(n in 0usize..5000, allowed in 0usize..1000) {
            let dropped = n_dropped(n, allowed);
            prop_assert!(n - dropped <= allowed);
            prop_assert!(dropped == n || dropped.is_multiple_of(step(allowed)));
            // At most one step is wasted.
            prop_assert!(n <= allowed || n - dropped + step(allowed) > allowed);
        }
    }

    #[test]
    fn unused_shares_are_lent() {
        let shares = Shares::of(900, 0);
        assert_eq!(shares.by_need(20, 700, 60), (700, 60));
        assert_eq!(shares.by_need(20, 60, 700), (60, 700));
        // Both are too long: by share, and the prefix gets the tokens that the preamble leaves.
        assert_eq!(shares.by_need(20, 900, 900), (131, 636));
        // A short prefix lends, in steps.
        assert_eq!(shares.by_need(20, 900, 60), (707, 60));
        assert_eq!(shares.by_need(20, 900, 70), (515, 252));
        assert_eq!(shares.by_need(20, 900, 250), (515, 252));
    }

    #[test]
    fn shares_of_900_tokens() {
        assert_eq!(
            Shares::of(900, 0),
            Shares { context: 262, prefix: 394, suffix: 131, middle: 113 }
        );
        let window = Budget::of(900).window();
        assert_eq!((window.prefix_bytes, window.suffix_bytes), (1968, 393));
    }
}
