//! A feed-forward layer of several experts, of which each token uses a few.
//!
//! A token's choice follows from its own row alone. Experts run one after the other, each over the tokens of the batch
//! that chose it; the weights of the others are not touched. A token's results are added up in the order of its
//! experts' numbers, so that they are the same bits in any batch.

use lowkey_kernels::{Matrix, Pool, Quantized, ShapeError, matmul};

use crate::block::sized;
use crate::config::Experts;
use crate::feed_forward::Gated;
use crate::norm::Norm;

/// The experts of one layer and what chooses among them.
pub(crate) struct Mixture<M = Matrix> {
    /// How many a token uses.
    pub(crate) shape: Experts,
    /// Which experts suit a token: (experts, `hidden`).
    pub(crate) router: M,
    /// In order.
    pub(crate) experts: Vec<Gated<M>>,
}

/// Buffers of a pass through experts.
pub(crate) struct MixtureScratch {
    /// The rows that chose an expert.
    quantized: Quantized,
    /// What they became.
    hidden: Quantized,
    scores: Vec<f32>,
    rows: Vec<f32>,
    gate_up: Vec<f32>,
    results: Vec<f32>,
}

/// One token's use of one expert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) expert: usize,
    pub(crate) token: usize,
    pub(crate) weight: f32,
}

impl MixtureScratch {
    /// Makes empty buffers.
    pub(crate) fn new([quantized, hidden]: [Quantized; 2]) -> Self {
        let (scores, rows, gate_up, results) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { quantized, hidden, scores, rows, gate_up, results }
    }
}

impl Mixture {
    /// Computes what the experts make of `x`, (m, hidden), whose normalised rows stand in `normed`, into `out`.
    pub(crate) fn forward(
        &self,
        pool: &Pool,
        (norm, eps): (&Norm, f32),
        x: &[f32],
        normed: &Quantized,
        scratch: &mut MixtureScratch,
        out: &mut [f32],
    ) -> Result<(), ShapeError> {
        let (m, hidden) = (normed.m(), normed.k());
        let scores = sized(&mut scratch.scores, m * self.shape.n);
        matmul(pool, &self.router, normed, None, false, scores)?;
        let choices = choices(scores, self.shape);
        out.fill(0.0);
        for chosen in choices.chunk_by(|a, b| a.expert == b.expert) {
            let Some(expert) = chosen.first().and_then(|choice| self.experts.get(choice.expert))
            else {
                continue;
            };
            let n = chosen.len();
            let rows = sized(&mut scratch.rows, n * hidden);
            for (row, choice) in rows.chunks_exact_mut(hidden).zip(chosen) {
                row.copy_from_slice(&x[choice.token * hidden..][..hidden]);
            }
            norm.quantize(pool, rows, eps, n, &mut scratch.quantized)?;
            let MixtureScratch { quantized, hidden: inner, gate_up, .. } = scratch;
            expert.hidden(pool, quantized, gate_up, inner)?;
            let results = sized(&mut scratch.results, n * hidden);
            expert.down.apply(pool, &scratch.hidden, false, results)?;
            for (row, choice) in results.chunks_exact(hidden).zip(chosen) {
                let places = &mut out[choice.token * hidden..][..hidden];
                for (place, value) in places.iter_mut().zip(row) {
                    *place += value * choice.weight;
                }
            }
        }
        Ok(())
    }

    /// As many matrices as one token reads.
    pub(crate) fn matrices_of_a_token(&self) -> Vec<&Matrix> {
        let used = self.experts.iter().take(self.shape.n_used);
        let used = used.flat_map(|expert| [&expert.gate_up.matrix, &expert.down.matrix]);
        std::iter::once(&self.router).chain(used).collect()
    }

    /// Says whether some matrix holds floats.
    pub(crate) fn has_floats(&self) -> bool {
        let is_float =
            |gated: &Gated| gated.gate_up.matrix.has_floats() || gated.down.matrix.has_floats();
        self.router.has_floats() || self.experts.iter().any(is_float)
    }
}

/// Who uses which expert, by `scores` of each token for each expert; in the order in which results are added up.
pub(crate) fn choices(scores: &mut [f32], shape: Experts) -> Vec<Choice> {
    let mut choices = Vec::with_capacity(scores.len() / shape.n * shape.n_used);
    for (token, scores) in scores.chunks_exact_mut(shape.n).enumerate() {
        choose(scores, shape, token, &mut choices);
    }
    choices.sort_by_key(|choice| (choice.expert, choice.token));
    choices
}

/// Turns one token's scores into probabilities and adds its choices, the likeliest experts; the first of equals.
fn choose(scores: &mut [f32], shape: Experts, token: usize, choices: &mut Vec<Choice>) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - max).exp();
        sum += *score;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(shape.n_used);
    let total = if shape.normalized { order.iter().map(|i| scores[*i]).sum() } else { sum };
    choices.extend(order.into_iter().map(|expert| Choice {
        expert,
        token,
        weight: scores[expert] / total,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(scores: &[f32], n_used: usize, normalized: bool) -> Vec<(usize, f32)> {
        let shape = Experts { n: scores.len(), n_used, normalized };
        let mut choices = Vec::new();
        choose(&mut scores.to_vec(), shape, 3, &mut choices);
        assert!(choices.iter().all(|choice| choice.token == 3));
        choices.into_iter().map(|choice| (choice.expert, choice.weight)).collect()
    }

    #[test]
    fn the_likeliest_experts_are_chosen_and_weighed() {
        let ln = |x: f32| x.ln();
        let scores = [ln(1.0), ln(5.0), ln(2.0), ln(2.0)];
        let near = |found: Vec<(usize, f32)>, expected: [(usize, f32); 2]| {
            assert_eq!(found.len(), 2);
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found.0, expected.0);
                assert!((found.1 - expected.1).abs() < 1e-6, "{found:?}, not {expected:?}");
            }
        };
        near(chosen(&scores, 2, true), [(1, 5.0 / 7.0), (2, 2.0 / 7.0)]);
        near(chosen(&scores, 2, false), [(1, 0.5), (2, 0.2)]);
    }
}
