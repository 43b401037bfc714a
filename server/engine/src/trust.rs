//! Acceptance rate: how often guessed tokens are accepted, and the draft length that pays for its
//! batch.
//!
//! Every guess counts, whether or not a batch verified it. The rates therefore change at no cost,
//! and a kind of guess that does not pay for a batch now can pay for one later.
//!
//! Invariant: the rates come from counts, never from a clock. The same jobs give the same drafts on
//! every machine.

/// The reason for a guessed token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The number of tokens before it that match the place it comes from; at least 1.
    Match(usize),
    /// It is the rest of a completion that the typed text agrees with.
    Remains,
}

/// Kinds of evidence: the rest of a completion, and matches of 1 to 12 tokens.
const KINDS: usize = 13;

/// When a kind has this many guesses, its counts are halved.
const MEMORY: f32 = 128.0;

/// Acceptance rates of guesses, by evidence.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    /// `(accepted, guessed)`; older guesses count less.
    counts: [(f32, f32); KINDS],
}

/// The cost of a batch, as a multiple of one single-token forward pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// Indexed by the number of drafted tokens; the first entry is plain decoding, 1.
    by_length: &'static [f32],
}

impl Evidence {
    /// The evidence for the token after an accepted one.
    pub(crate) fn and_one_more(self) -> Self {
        match self {
            Self::Match(n) => Self::Match(n + 1),
            Self::Remains => Self::Remains,
        }
    }

    fn kind(self) -> usize {
        match self {
            Self::Remains => 0,
            Self::Match(n) => n.clamp(1, KINDS - 1),
        }
    }
}

impl Default for Trust {
    fn default() -> Self {
        // Measured on code (see `kernels/README.md`), with the weight of a few guesses.
        const FIRST: [f32; KINDS] =
            [0.7, 0.2, 0.35, 0.5, 0.6, 0.65, 0.7, 0.75, 0.75, 0.8, 0.8, 0.85, 0.85];
        const WEIGHT: f32 = 8.0;
        Self { counts: FIRST.map(|share| (share * WEIGHT, WEIGHT)) }
    }
}

impl Trust {
    /// Counts a guess as accepted or rejected.
    pub(crate) fn learn(&mut self, evidence: Evidence, came: bool) {
        let Some((came_true, guessed)) = self.counts.get_mut(evidence.kind()) else { return };
        *guessed += 1.0;
        *came_true += f32::from(u8::from(came));
        if *guessed > MEMORY {
            *guessed /= 2.0;
            *came_true /= 2.0;
        }
    }

    /// Returns the acceptance rate for this evidence, 0 to 1.
    pub(crate) fn share(&self, evidence: Evidence) -> f32 {
        self.counts.get(evidence.kind()).map_or(0.0, |(came_true, guessed)| came_true / guessed)
    }
}

impl Costs {
    /// Returns the costs of a model that reads this many bytes of weights per token.
    ///
    /// Measured with `lowkey bench engine` on two threads of a Zen 4 with AVX-512, November 2026:
    /// the shape of Qwen2.5-0.5B at 8 bits, and the embedded model. The embedded model fits in the
    /// processor's cache, so each product takes time of its own.
    pub(crate) fn of(decode_bytes: usize) -> Self {
        const CACHED: usize = 48 << 20;
        let by_length: &[f32] = if decode_bytes > CACHED {
            &[1.0, 1.06, 1.3, 1.4, 1.55, 1.65, 1.75, 1.85]
        } else {
            &[1.0, 1.3, 1.85, 2.15, 3.25, 3.6, 3.95, 4.25]
        };
        Self { by_length }
    }

    /// Returns the number of drafted tokens, at most `most`, that decodes fastest; 0 if drafting
    /// does not pay.
    pub(crate) fn best_length(self, trust: &Trust, evidence: Evidence, most: usize) -> usize {
        let mut evidence = evidence;
        // Each forward pass yields one token; a guess adds one if it and all guesses before it are
        // accepted.
        let (mut expected, mut all_true) = (1.0, 1.0);
        let (mut best, mut best_rate) = (0, 1.0);
        for (length, cost) in self.by_length.iter().enumerate().skip(1).take(most) {
            all_true *= trust.share(evidence);
            expected += all_true;
            evidence = evidence.and_one_more();
            let rate = expected / cost;
            if rate > best_rate {
                (best, best_rate) = (length, rate);
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(share: f32) -> Trust {
        Trust { counts: [(share * 100.0, 100.0); KINDS] }
    }

    #[test]
    fn draft_length_follows_acceptance() {
        for bytes in [1 << 20, 1 << 30] {
            let costs = Costs::of(bytes);
            assert_eq!(costs.best_length(&trust(1.0), Evidence::Match(3), 7), 7);
            assert_eq!(costs.best_length(&trust(1.0), Evidence::Match(3), 2), 2);
            assert_eq!(costs.best_length(&trust(1.0), Evidence::Match(3), 0), 0);
            assert_eq!(costs.best_length(&trust(0.0), Evidence::Match(3), 7), 0);
        }
    }

    #[test]
    fn draft_is_never_expected_to_lose() {
        for bytes in [1 << 20, 1 << 30] {
            let costs = Costs::of(bytes);
            for share in [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99] {
                let n = costs.best_length(&trust(share), Evidence::Remains, 7);
                let expected: f32 = (0..=n).map(|i| share.powi(i as i32)).sum();
                assert!(expected >= costs.by_length[n], "{n} at {share}");
            }
        }
    }

    #[test]
    fn acceptance_rate_recovers() {
        let mut trust = Trust::default();
        let evidence = Evidence::Match(4);
        (0..300).for_each(|_| trust.learn(evidence, false));
        assert!(trust.share(evidence) < 0.02);
        assert_eq!(trust.share(Evidence::Match(5)), Trust::default().share(Evidence::Match(5)));
        (0..300).for_each(|_| trust.learn(evidence, true));
        assert!(trust.share(evidence) > 0.8);
        assert_eq!(trust.share(Evidence::Match(400)), trust.share(Evidence::Match(12)));
    }
}
