//! Acceptance rate: how often guessed tokens are accepted, and the draft length that pays for its
//! batch.
//!
//! Every guess counts, whether or not a batch verified it. The rates therefore change at no cost,
//! and a kind of guess that does not pay for a batch now can pay for one later.
//!
//! Invariant: the rates come from counts, never from a clock. The same jobs give the same drafts on
//! every machine.

/// Where a drafted token comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DraftSource {
    /// After a text that matches this many of the last tokens; at least 1.
    Match(usize),
    /// The rest of an earlier completion that the typed text agrees with.
    EarlierCompletion,
    /// The likely answer of a prompt, from its start.
    LikelyAnswer,
}

/// Longest match with a rate of its own.
const MAX_MATCH: usize = 12;
/// Number of sources: the rest of a completion, matches of 1 to 12 tokens, a likely answer.
const N_SOURCES: usize = MAX_MATCH + 2;

/// When a source has this many guesses, its counts are halved.
const MAX_COUNT: f32 = 128.0;

/// Acceptance rates of guesses, by source.
#[derive(Debug, Clone)]
pub(crate) struct AcceptanceRates {
    /// `(accepted, drafted)`; older guesses count less.
    counts: [(f32, f32); N_SOURCES],
}

/// The cost of a batch, as a multiple of one single-token forward pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchCosts {
    /// Indexed by the number of drafted tokens; the first entry is plain decoding, 1.
    by_draft_length: &'static [f32],
}

impl DraftSource {
    /// Returns the source of the token after an accepted one.
    pub(crate) fn after_match(self) -> Self {
        match self {
            Self::Match(n) => Self::Match(n + 1),
            Self::EarlierCompletion | Self::LikelyAnswer => self,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::EarlierCompletion => 0,
            Self::Match(n) => n.clamp(1, MAX_MATCH),
            Self::LikelyAnswer => MAX_MATCH + 1,
        }
    }
}

impl Default for AcceptanceRates {
    fn default() -> Self {
        // Measured on code (see `kernels/README.md`), with the weight of a few guesses.
        const INITIAL: [f32; N_SOURCES] =
            [0.7, 0.2, 0.35, 0.5, 0.6, 0.65, 0.7, 0.75, 0.75, 0.8, 0.8, 0.85, 0.85, 0.9];
        const WEIGHT: f32 = 8.0;
        Self { counts: INITIAL.map(|rate| (rate * WEIGHT, WEIGHT)) }
    }
}

impl AcceptanceRates {
    /// Counts a guess as accepted or rejected.
    pub(crate) fn record(&mut self, source: DraftSource, is_accepted: bool) {
        let Some((accepted, drafted)) = self.counts.get_mut(source.index()) else { return };
        *drafted += 1.0;
        *accepted += f32::from(u8::from(is_accepted));
        if *drafted > MAX_COUNT {
            *drafted /= 2.0;
            *accepted /= 2.0;
        }
    }

    /// Returns the acceptance rate for drafts from this source, 0 to 1.
    pub(crate) fn rate(&self, source: DraftSource) -> f32 {
        self.counts.get(source.index()).map_or(0.0, |(accepted, drafted)| accepted / drafted)
    }
}

impl BatchCosts {
    /// Returns the costs of a model that reads this many bytes of weights per token.
    ///
    /// Measured with `lowkey bench engine` on two threads of a Zen 4 with AVX-512, November 2026:
    /// the shape of Qwen2.5-0.5B at 8 bits, and the embedded model. The embedded model fits in the
    /// processor's cache, so each product takes time of its own.
    pub(crate) fn for_decode_bytes(decode_bytes: usize) -> Self {
        const CACHED: usize = 48 << 20;
        let by_draft_length: &[f32] = if decode_bytes > CACHED {
            &[1.0, 1.06, 1.3, 1.4, 1.55, 1.65, 1.75, 1.85]
        } else {
            &[1.0, 1.3, 1.85, 2.15, 3.25, 3.6, 3.95, 4.25]
        };
        Self { by_draft_length }
    }

    /// Returns the number of drafted tokens, at most `max`, that decodes fastest; 0 if drafting
    /// does not pay.
    pub(crate) fn draft_length(
        self,
        rates: &AcceptanceRates,
        source: DraftSource,
        max: usize,
    ) -> usize {
        let mut source = source;
        // Each forward pass yields one token; a guess adds one if it and all guesses before it are
        // accepted.
        let (mut expected, mut all_accepted) = (1.0, 1.0);
        let (mut best, mut best_rate) = (0, 1.0);
        for length in 1..=max {
            let cost = self.of(length);
            all_accepted *= rates.rate(source);
            expected += all_accepted;
            source = source.after_match();
            let rate = expected / cost;
            if rate > best_rate {
                (best, best_rate) = (length, rate);
            }
        }
        best
    }

    /// Returns the cost of a batch with this many drafted tokens. Longer ones than those measured
    /// cost the measured mean for each further token.
    fn of(self, draft_length: usize) -> f32 {
        let measured = self.by_draft_length.get(draft_length).or(self.by_draft_length.last());
        let cost = measured.copied().unwrap_or(1.0);
        let n_measured = self.by_draft_length.len().saturating_sub(1).max(1);
        let further = draft_length.saturating_sub(n_measured) as f32;
        cost + further * (cost - 1.0) / n_measured as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(rate: f32) -> AcceptanceRates {
        AcceptanceRates { counts: [(rate * 100.0, 100.0); N_SOURCES] }
    }

    #[test]
    fn draft_length_follows_acceptance() {
        for bytes in [1 << 20, 1 << 30] {
            let costs = BatchCosts::for_decode_bytes(bytes);
            assert_eq!(costs.draft_length(&rates(1.0), DraftSource::Match(3), 7), 7);
            assert_eq!(costs.draft_length(&rates(1.0), DraftSource::Match(3), 2), 2);
            assert_eq!(costs.draft_length(&rates(1.0), DraftSource::Match(3), 0), 0);
            assert_eq!(costs.draft_length(&rates(0.0), DraftSource::Match(3), 7), 0);
            assert_eq!(costs.draft_length(&rates(1.0), DraftSource::LikelyAnswer, 31), 31);
        }
    }

    #[test]
    fn draft_is_never_expected_to_lose() {
        for bytes in [1 << 20, 1 << 30] {
            let costs = BatchCosts::for_decode_bytes(bytes);
            for rate in [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99] {
                let n = costs.draft_length(&rates(rate), DraftSource::EarlierCompletion, 7);
                let expected: f32 = (0..=n).map(|i| rate.powi(i as i32)).sum();
                assert!(expected >= costs.of(n), "{n} at {rate}");
            }
        }
    }

    #[test]
    fn acceptance_rate_recovers() {
        let mut rates = AcceptanceRates::default();
        let source = DraftSource::Match(4);
        (0..300).for_each(|_| rates.record(source, false));
        assert!(rates.rate(source) < 0.02);
        assert_eq!(
            rates.rate(DraftSource::Match(5)),
            AcceptanceRates::default().rate(DraftSource::Match(5))
        );
        (0..300).for_each(|_| rates.record(source, true));
        assert!(rates.rate(source) > 0.8);
        assert_eq!(rates.rate(DraftSource::Match(400)), rates.rate(DraftSource::Match(12)));
    }
}
