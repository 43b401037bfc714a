//! The likely answer of a prompt that rewrites text: most of the answer repeats it.
//!
//! The guess follows this text until a decoded token differs. Then it continues after the place in
//! the text that matches the last decoded tokens best.

use lowkey_prompt::TokenId;

use super::{MAX_MATCH, n_matching};

/// A likely answer, and how far decoding has come in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LikelyAnswer {
    tokens: Vec<TokenId>,
    /// The first token that was not decoded yet.
    at: usize,
}

impl LikelyAnswer {
    /// Returns the likely answer; `None` if there is none.
    pub(super) fn new(tokens: &[TokenId]) -> Option<Self> {
        (!tokens.is_empty()).then(|| Self { tokens: tokens.to_vec(), at: 0 })
    }

    /// Notes that the tokens before `at` were decoded.
    pub(super) fn reach(&mut self, at: usize) {
        self.at = at;
    }

    /// Returns the tokens from `at` on.
    pub(super) fn rest(&self, at: usize) -> &[TokenId] {
        self.tokens.get(at..).unwrap_or_default()
    }

    /// Finds the place that matches the last tokens of `text` best; returns `(number that match,
    /// where they end)`. Of equal matches, the nearest one is returned, first those that were not
    /// decoded yet.
    pub(super) fn place(&self, text: &[TokenId]) -> Option<(usize, usize)> {
        let last = text.last()?;
        let ends = (1..self.tokens.len()).filter(|end| self.tokens.get(end - 1) == Some(last));
        let matches = ends.map(|end| {
            let before = self.tokens.get(..end).unwrap_or_default();
            (n_matching(before, text, MAX_MATCH), end)
        });
        let way = |end: usize| (end < self.at, end.abs_diff(self.at));
        matches.max_by_key(|&(n, end)| (n, std::cmp::Reverse(way(end))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_match_wins_then_the_nearest_ahead() {
        let mut likely = LikelyAnswer::new(&[1, 2, 3, 9, 2, 3, 7, 3, 8]).unwrap();
        assert_eq!(likely.place(&[5, 3]), Some((1, 3)));
        likely.reach(4);
        assert_eq!(likely.place(&[5, 3]), Some((1, 6)), "the first one is decoded");
        assert_eq!(likely.place(&[1, 2, 3]), Some((3, 3)), "more tokens match");
        likely.reach(9);
        assert_eq!(likely.place(&[5, 3]), Some((1, 8)));
        assert_eq!(likely.place(&[4]), None);
        assert_eq!(likely.place(&[8]), None, "nothing follows");
        assert_eq!(likely.place(&[]), None);
        assert_eq!(LikelyAnswer::new(&[]), None);
    }
}
