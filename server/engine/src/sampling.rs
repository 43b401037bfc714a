//! Token selection: greedy, or sampled from the model's distribution.
//!
//! The steps and their order are those of llama.cpp: repetition penalty, top-k, top-p, min-p,
//! temperature, sample. Each step leaves at least one token. The random number is a function of the
//! seed and of all tokens before, not a stream. A warm session therefore gives the same tokens as a
//! cold one. A drafted token is verified by sampling at its position, as in greedy decoding.
//!
//! Invariant: at temperature 0 without a penalty, the chosen token is the `argmax` of the logits,
//! ties included.

use lowkey_model::argmax;
use lowkey_prompt::TokenId;

/// The repetition penalty covers this many tokens before, including those of the prompt, as in
/// llama.cpp.
const REPETITION_WINDOW: usize = 64;

/// Sampling parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0 takes the most probable token. A higher value divides the logits before sampling.
    pub temperature: f32,
    /// Samples from the k most probable tokens; 0 from all.
    pub top_k: usize,
    /// Samples from the most probable tokens whose probabilities sum to this share; 1 from all.
    pub top_p: f32,
    /// Samples from tokens with at least this share of the highest probability; 0 from all.
    pub min_p: f32,
    /// Divides positive logits of the last 64 tokens, multiplies negative ones; 1 changes nothing.
    pub repetition_penalty: f32,
    /// Seed of the random numbers.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            seed: 0,
        }
    }
}

/// A token that may be chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    token: TokenId,
    /// After the repetition penalty.
    logit: f32,
}

/// Chooses the tokens of one decoding.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    /// Hash of the tokens so far.
    state: u64,
    n_seen: usize,
    /// Kept between tokens to reuse the allocation.
    candidates: Vec<Candidate>,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self { sampling, state: split_mix_64(sampling.seed), n_seen: 0, candidates: Vec::new() }
    }

    /// Chooses the token after `before`, from `allowed` if given.
    ///
    /// `before` must extend the `before` of the last call.
    pub(crate) fn choose(
        &mut self,
        logits: &[f32],
        allowed: Option<&[TokenId]>,
        before: &[TokenId],
    ) -> TokenId {
        let Sampling { temperature, repetition_penalty, .. } = self.sampling;
        if temperature <= 0.0 && repetition_penalty == 1.0 && allowed.is_none() {
            return argmax(logits) as TokenId;
        }
        let logit = |token: TokenId| {
            logits.get(token as usize).copied().filter(|logit| !logit.is_nan()).unwrap_or(f32::MIN)
        };
        let candidate = |token| Candidate { token, logit: logit(token) };
        self.candidates.clear();
        match allowed {
            Some(tokens) => self.candidates.extend(tokens.iter().map(|&token| candidate(token))),
            None => self.candidates.extend((0..logits.len() as TokenId).map(candidate)),
        }
        if repetition_penalty != 1.0 {
            self.penalise(before);
        }
        if temperature <= 0.0 {
            let best = self.candidates.iter().min_by(|a, b| by_probability(a, b));
            return best.map_or_else(|| argmax(logits) as TokenId, |best| best.token);
        }
        self.filter();
        let sampled = self.sample(before);
        sampled.unwrap_or_else(|| argmax(logits) as TokenId)
    }

    /// Makes tokens among the last ones less probable.
    fn penalise(&mut self, before: &[TokenId]) {
        let penalty = self.sampling.repetition_penalty;
        let window = before.get(before.len().saturating_sub(REPETITION_WINDOW)..);
        let mut recent = window.unwrap_or_default().to_vec();
        recent.sort_unstable();
        let is_recent = |c: &&mut Candidate| recent.binary_search(&c.token).is_ok();
        for candidate in self.candidates.iter_mut().filter(is_recent) {
            if candidate.logit > 0.0 {
                candidate.logit /= penalty;
            } else {
                candidate.logit *= penalty;
            }
        }
    }

    /// Keeps the candidates that top-k, top-p and min-p allow.
    fn filter(&mut self) {
        let Sampling { top_k, top_p, min_p, .. } = self.sampling;
        if top_k > 0 && top_k < self.candidates.len() {
            self.candidates.select_nth_unstable_by(top_k - 1, by_probability);
            self.candidates.truncate(top_k);
        }
        if top_k > 0 || top_p < 1.0 {
            self.candidates.sort_unstable_by(by_probability);
        }
        let best = self.best();
        if top_p < 1.0 {
            let weight = |c: &Candidate| f64::from(c.logit - best).exp();
            let min_weight = f64::from(top_p) * self.candidates.iter().map(weight).sum::<f64>();
            let mut sum = 0.0;
            let last = self.candidates.iter().position(|candidate| {
                sum += weight(candidate);
                sum >= min_weight
            });
            self.candidates.truncate(last.map_or(usize::MAX, |last| last + 1));
        }
        if min_p > 0.0 {
            let min_logit = best + min_p.ln();
            self.candidates.retain(|candidate| candidate.logit >= min_logit);
        }
    }

    /// The largest logit.
    fn best(&self) -> f32 {
        self.candidates.iter().map(|candidate| candidate.logit).fold(f32::MIN, f32::max)
    }

    /// Samples one of the candidates by its probability at the temperature.
    fn sample(&mut self, before: &[TokenId]) -> Option<TokenId> {
        // The weights are f64, because a sum over 150,000 tokens must not lose the small ones.
        let best = self.best();
        let temperature = f64::from(self.sampling.temperature);
        let weight = |c: &Candidate| (f64::from(c.logit - best) / temperature).exp();
        let total: f64 = self.candidates.iter().map(weight).sum();
        let mut remaining = self.random(before) * total;
        let sampled = self.candidates.iter().find(|candidate| {
            remaining -= weight(candidate);
            remaining < 0.0
        });
        // Rounding may leave a small remainder after the last candidate.
        sampled.or(self.candidates.last()).map(|candidate| candidate.token)
    }

    /// Returns a number in 0..1, a function of the seed and all tokens so far.
    fn random(&mut self, before: &[TokenId]) -> f64 {
        debug_assert!(self.n_seen <= before.len(), "tokens are only added");
        for &token in before.get(self.n_seen..).unwrap_or_default() {
            self.state = split_mix_64(self.state ^ u64::from(token).wrapping_add(1));
        }
        self.n_seen = before.len();
        (split_mix_64(self.state ^ SAMPLE_SALT) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Separates the random numbers from the state that they come from.
const SAMPLE_SALT: u64 = 0x5851_f42d_4c95_7f2d;

/// Most probable first, and the lower token id first among equals, as in `argmax`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "sorting compares by reference")]
fn by_probability(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.logit.total_cmp(&a.logit).then(a.token.cmp(&b.token))
}

/// Mixes the bits with the step of `SplitMix64` (Steele, Lea, Flood 2014).
fn split_mix_64(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
