//! A mixture of experts on our kernels.
//!
//! Experts run one after the other, each over the tokens of the batch that use it; the weights of the others are not
//! touched.

use lowkey_kernels::{Pool, QuantizedActivations, ShapeError, matmul};

use super::ops::{gate_up, linear, norm, sized};
use super::routing::choices;
use crate::load::decoder_weights::{Moe, Norm};

/// Buffers of a pass through experts.
pub(super) struct MoeScratch {
    /// The rows that use an expert.
    quantized: QuantizedActivations,
    /// Their activations between the expert's products.
    inner: QuantizedActivations,
    scores: Vec<f32>,
    rows: Vec<f32>,
    gate_up: Vec<f32>,
    results: Vec<f32>,
}

impl MoeScratch {
    /// Makes empty buffers.
    pub(super) fn new([quantized, inner]: [QuantizedActivations; 2]) -> Self {
        let (scores, rows, gate_up, results) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { quantized, inner, scores, rows, gate_up, results }
    }
}

/// Computes the experts' results for `x`, (m, hidden), whose normalised rows are `normed`; writes `out`, (m, hidden).
///
/// `ffn_norm` and `eps` are the norm that made `normed`. Quantized rows cannot be gathered, so the rows of each expert
/// are normalised from `x` again.
pub(super) fn experts(
    pool: &Pool,
    moe: &Moe,
    (ffn_norm, eps): (&Norm, f32),
    x: &[f32],
    normed: &QuantizedActivations,
    scratch: &mut MoeScratch,
    out: &mut [f32],
) -> Result<(), ShapeError> {
    let MoeScratch { quantized, inner, scores, rows, gate_up: both, results } = scratch;
    let (m, hidden) = (normed.m(), normed.k());
    let scores = sized(scores, m * moe.shape.n); // (m, experts)
    matmul(pool, &moe.router, normed, None, false, scores)?;
    let choices = choices(scores, moe.shape);
    out.fill(0.0);
    for chosen in choices.chunk_by(|a, b| a.expert == b.expert) {
        let Some(expert) = chosen.first().and_then(|choice| moe.experts.get(choice.expert)) else {
            continue;
        };
        let n = chosen.len();
        let rows = sized(rows, n * hidden); // (n, hidden)
        for (row, choice) in rows.chunks_exact_mut(hidden).zip(chosen) {
            row.copy_from_slice(&x[choice.token * hidden..][..hidden]);
        }
        norm(pool, ffn_norm, eps, rows, n, quantized)?; // (n, hidden)
        gate_up(pool, expert, quantized, both, inner)?; // (n, inner)
        let results = sized(results, n * hidden); // (n, hidden)
        linear(pool, &expert.down, inner, results)?;
        for (row, choice) in results.chunks_exact(hidden).zip(chosen) {
            let sums = &mut out[choice.token * hidden..][..hidden];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value * choice.weight;
            }
        }
    }
    Ok(())
}
