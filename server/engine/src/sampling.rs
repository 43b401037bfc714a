//! Choosing the next token: greedily, or by drawing from the model's distribution.
//!
//! The steps and their order are llama.cpp's: repetition penalty, top-k, top-p, min-p, temperature, draw. Each leaves
//! at least one token. The draw takes its random number from the seed and from all tokens before, not from a stream:
//! it is a function of the text. So a warm session gives what a cold one gives, and a drafted token is verified by
//! drawing at its position, exactly as when greedy.
//! Invariant: at temperature 0 without a penalty the chosen token is the `argmax` of the logits, ties included.

use lowkey_model::argmax;
use lowkey_prompt::TokenId;

/// The repetition penalty looks at so many tokens before, those of the prompt included, as llama.cpp does.
const REPETITION_WINDOW: usize = 64;

/// How tokens are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// 0 takes the most probable token; above, the logits are divided by it before drawing.
    pub temperature: f32,
    /// Draws from so many of the most probable tokens at most; 0 from all.
    pub top_k: usize,
    /// Draws from the most probable tokens that make up this share together; 1 from all.
    pub top_p: f32,
    /// Draws from tokens that are at least this share as probable as the most probable; 0 from all.
    pub min_p: f32,
    /// Divides positive logits of the last 64 tokens, multiplies negative ones; 1 changes nothing.
    pub repetition_penalty: f32,
    /// Another seed draws otherwise.
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
    /// Penalised.
    logit: f32,
}

/// Chooses the tokens of one decoding.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    /// Follows the tokens so far.
    state: u64,
    n_seen: usize,
    /// Kept between tokens for its memory.
    candidates: Vec<Candidate>,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self { sampling, state: mixed(sampling.seed), n_seen: 0, candidates: Vec::new() }
    }

    /// Chooses the token behind `before`: among those `allowed` where only some are.
    ///
    /// `before` must be what it was at the last call with more tokens behind it.
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
        self.narrow();
        let drawn = self.draw(before);
        drawn.unwrap_or_else(|| argmax(logits) as TokenId)
    }

    /// Makes what stands among the last tokens less probable.
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

    /// Leaves the candidates that top-k, top-p and min-p allow.
    fn narrow(&mut self) {
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
            let wanted = f64::from(top_p) * self.candidates.iter().map(weight).sum::<f64>();
            let mut sum = 0.0;
            let last = self.candidates.iter().position(|candidate| {
                sum += weight(candidate);
                sum >= wanted
            });
            self.candidates.truncate(last.map_or(usize::MAX, |last| last + 1));
        }
        if min_p > 0.0 {
            let least = best + min_p.ln();
            self.candidates.retain(|candidate| candidate.logit >= least);
        }
    }

    /// The largest logit.
    fn best(&self) -> f32 {
        self.candidates.iter().map(|candidate| candidate.logit).fold(f32::MIN, f32::max)
    }

    /// Draws one of the candidates by its probability at the temperature.
    fn draw(&mut self, before: &[TokenId]) -> Option<TokenId> {
        // Weights in f64: a sum over 150,000 tokens must not lose the small ones.
        let best = self.best();
        let temperature = f64::from(self.sampling.temperature);
        let weight = |c: &Candidate| (f64::from(c.logit - best) / temperature).exp();
        let total: f64 = self.candidates.iter().map(weight).sum();
        let mut left = self.random(before) * total;
        let drawn = self.candidates.iter().find(|candidate| {
            left -= weight(candidate);
            left < 0.0
        });
        // Rounding may leave a little behind the last.
        drawn.or(self.candidates.last()).map(|candidate| candidate.token)
    }

    /// A number from 0 up to 1, made of the seed and of all tokens so far.
    fn random(&mut self, before: &[TokenId]) -> f64 {
        debug_assert!(self.n_seen <= before.len(), "tokens are only added");
        for &token in before.get(self.n_seen..).unwrap_or_default() {
            self.state = mixed(self.state ^ u64::from(token).wrapping_add(1));
        }
        self.n_seen = before.len();
        (mixed(self.state ^ DRAW) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Tells a draw from the state that it is drawn of.
const DRAW: u64 = 0x5851_f42d_4c95_7f2d;

/// The most probable first, and of equals the first, as `argmax` has it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "sorting compares by reference")]
fn by_probability(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.logit.total_cmp(&a.logit).then(a.token.cmp(&b.token))
}

/// Mixes all bits into all bits: the step of `SplitMix64` (Steele, Lea, Flood 2014).
fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
