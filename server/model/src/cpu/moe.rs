//! A mixture of experts on our kernels.
//!
//! Experts run one after the other, each over the tokens of the batch that use it; the weights of the others are not
//! touched.

use lowkey_kernels::{Pool, QuantizedActivations, ShapeError, matmul};

use super::ops::{gate_up, linear, norm, sized};
use super::routing::route;
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
pub(super) fn add_experts(
    pool: &Pool,
    moe: &Moe,
    (ffn_norm, eps): (&Norm, f32),
    x: &[f32],
    normed: &QuantizedActivations,
    scratch: &mut MoeScratch,
    out: &mut [f32],
) -> Result<(), ShapeError> {
    let MoeScratch { quantized, inner, scores, rows, gate_up: gate_up_values, results } = scratch;
    let (m, hidden) = (normed.m(), normed.k());
    let scores = sized(scores, m * moe.shape.n); // (m, experts)
    matmul(pool, &moe.router, normed, None, false, scores)?;
    let routes = route(scores, moe.shape);
    out.fill(0.0);
    for of_expert in routes.chunk_by(|a, b| a.expert == b.expert) {
        let Some(expert) = of_expert.first().and_then(|route| moe.experts.get(route.expert)) else {
            continue;
        };
        let n = of_expert.len();
        let rows = sized(rows, n * hidden); // (n, hidden)
        for (row, route) in rows.chunks_exact_mut(hidden).zip(of_expert) {
            row.copy_from_slice(&x[route.token * hidden..][..hidden]);
        }
        norm(pool, ffn_norm, eps, rows, n, quantized)?; // (n, hidden)
        gate_up(pool, expert, quantized, gate_up_values, inner)?; // (n, inner)
        let results = sized(results, n * hidden); // (n, hidden)
        linear(pool, &expert.down, inner, results)?;
        for (row, route) in results.chunks_exact(hidden).zip(of_expert) {
            let sums = &mut out[route.token * hidden..][..hidden];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value * route.weight;
            }
        }
    }
    Ok(())
}
