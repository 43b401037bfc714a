//! The steps of a layer that its attention, its feed-forward half and its experts share.

use lowkey_kernels::{
    Activation, LayerNorm, Pool, QuantizedActivations, ShapeError, gated as gated_product, matmul,
};

use crate::load::decoder_weights::{Gated, Linear, Norm};

/// Normalises `m` rows of `x`, (m, k), into `out`, (m, k), quantized for a product.
pub(super) fn norm(
    pool: &Pool,
    norm: &Norm,
    eps: f32,
    x: &[f32],
    m: usize,
    out: &mut QuantizedActivations,
) -> Result<(), ShapeError> {
    match norm {
        Norm::Rms(weight) => out.rms_norm(pool, x, weight, eps, m, weight.len()),
        Norm::Mean { weight, bias } => {
            let norm = LayerNorm { weight, bias, eps };
            out.layer_norm(pool, x, norm, m, weight.len())
        }
    }
}

/// Multiplies `input`, (m, inputs), with a matrix; writes `out`, (m, outputs).
pub(super) fn linear(
    pool: &Pool,
    linear: &Linear,
    input: &QuantizedActivations,
    out: &mut [f32],
) -> Result<(), ShapeError> {
    matmul(pool, &linear.matrix, input, linear.bias.as_deref(), false, out)
}

/// Multiplies `input`, (m, inputs), with a matrix; adds the product to `out`, (m, outputs).
pub(super) fn add_linear(
    pool: &Pool,
    linear: &Linear,
    input: &QuantizedActivations,
    out: &mut [f32],
) -> Result<(), ShapeError> {
    matmul(pool, &linear.matrix, input, linear.bias.as_deref(), true, out)
}

/// Computes `act(gate) * up` of `input`, (m, hidden), into `out`, (m, inner), quantized for the product with `down`.
pub(super) fn gate_up(
    pool: &Pool,
    weights: &Gated,
    input: &QuantizedActivations,
    buffer: &mut Vec<f32>,
    out: &mut QuantizedActivations,
) -> Result<(), ShapeError> {
    let Gated { activation, gate_up, down } = weights;
    // Gate and up of one type are interleaved when they are packed, and multiplied in one step.
    if gate_up.matrix.is_pair() {
        let bias = gate_up.bias.as_deref();
        return gated_product(pool, &gate_up.matrix, input, bias, *activation, out);
    }
    let (m, inner) = (input.m(), down.matrix.k());
    let gate_up_values = sized(buffer, m * 2 * inner);
    linear(pool, gate_up, input, gate_up_values)?;
    match activation {
        Activation::Silu => out.silu_mul(pool, gate_up_values, m, inner),
        Activation::Gelu => out.gelu_mul(pool, gate_up_values, m, inner),
    }
}

/// Returns the first `n` numbers of a buffer, which grows if need be and never shrinks; they hold old values.
pub(super) fn sized(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    &mut buffer[..n]
}
