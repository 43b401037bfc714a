//! When a guess is worth verifying: how often such guesses came true, against what a larger batch costs.
//!
//! Every guess is followed, whether it was verified in a batch or not, so trust grows and shrinks at no cost, and
//! a guess that is not worth a batch today can be tomorrow.
//! Invariant: counts only, no clock. The same jobs give the same drafts on every machine.

/// What speaks for a guessed token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// So many tokens before it agree with the place that it was taken from; at least one.
    Match(usize),
    /// It is left of a completion that the typed text agrees with.
    Remains,
}

/// Kinds of evidence: the remains, and matches of 1 to 12 tokens.
const KINDS: usize = 13;

/// Counted beyond so many, older guesses weigh half.
const MEMORY: f32 = 128.0;

/// How often guesses came true, by their evidence.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    /// `(came true, guessed)`, fading.
    counts: [(f32, f32); KINDS],
}

/// What batches cost, in single tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// By the number of drafted tokens; the first is plain decoding, 1.
    by_length: &'static [f32],
}

impl Evidence {
    /// The evidence for the token behind one that came true.
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
        // As measured on code (see `kernels/README.md`), with the weight of a few guesses.
        const FIRST: [f32; KINDS] =
            [0.7, 0.2, 0.35, 0.5, 0.6, 0.65, 0.7, 0.75, 0.75, 0.8, 0.8, 0.85, 0.85];
        const WEIGHT: f32 = 8.0;
        Self { counts: FIRST.map(|share| (share * WEIGHT, WEIGHT)) }
    }
}

impl Trust {
    /// Notes whether a guess came true.
    pub(crate) fn learn(&mut self, evidence: Evidence, came: bool) {
        let Some((came_true, guessed)) = self.counts.get_mut(evidence.kind()) else { return };
        *guessed += 1.0;
        *came_true += f32::from(u8::from(came));
        if *guessed > MEMORY {
            *guessed /= 2.0;
            *came_true /= 2.0;
        }
    }

    /// The share of such guesses that came true, 0 to 1.
    pub(crate) fn share(&self, evidence: Evidence) -> f32 {
        self.counts.get(evidence.kind()).map_or(0.0, |(came_true, guessed)| came_true / guessed)
    }
}

impl Costs {
    /// The costs of a model that reads so many bytes of weights per token.
    ///
    /// By `lowkey bench engine` on two threads of a Zen 4 with AVX-512, November 2026: the shape of Qwen2.5-0.5B at
    /// 8 bits, and the embedded model, which a cache holds and whose every product therefore costs its time.
    pub(crate) fn of(decode_bytes: usize) -> Self {
        const CACHED: usize = 48 << 20;
        let by_length: &[f32] = if decode_bytes > CACHED {
            &[1.0, 1.06, 1.3, 1.4, 1.55, 1.65, 1.75, 1.85]
        } else {
            &[1.0, 1.3, 1.85, 2.15, 3.25, 3.6, 3.95, 4.25]
        };
        Self { by_length }
    }

    /// The number of drafted tokens, at most `most`, that decodes fastest; 0 where guessing does not pay.
    pub(crate) fn best_length(self, trust: &Trust, evidence: Evidence, most: usize) -> usize {
        let mut evidence = evidence;
        // One token comes with every forward; a guess adds one if it and all before it come true.
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
    fn trusted_guesses_make_long_drafts_and_distrusted_ones_none() {
        for bytes in [1 << 20, 1 << 30] {
            let costs = Costs::of(bytes);
            assert_eq!(costs.best_length(&trust(1.0), Evidence::Match(3), 7), 7);
            assert_eq!(costs.best_length(&trust(1.0), Evidence::Match(3), 2), 2);
            assert_eq!(costs.best_length(&trust(1.0), Evidence::Match(3), 0), 0);
            assert_eq!(costs.best_length(&trust(0.0), Evidence::Match(3), 7), 0);
        }
    }

    #[test]
    fn a_draft_is_never_expected_to_lose() {
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
    fn guesses_that_fail_lose_their_trust_and_those_that_come_true_win_it_back() {
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
