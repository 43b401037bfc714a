//! The first half of a gated layer in one step: `act(gate · x) * (up · x)`, quantized for the next
//! product.
//!
//! Gate and up of 32 columns are computed for a few rows, then multiplied and quantized while they
//! are in the L1 cache. The float results of both products, eight times the size of the output, are
//! never written to memory.
//!
//! Invariant: the bits equal those of the product, the activation and the quantization one after
//! another.

use std::ops::Range;

use crate::activations::{BLOCK, QuantizedActivations, RowSource};
use crate::error::ShapeError;
use crate::isa::Isa;
use crate::layout::{GROUP, TILE};
use crate::matrix::{Matrix, Part};
use crate::pool::Pool;
use crate::shared::SharedSlice;

use super::{Panel, Product, is_small, run_panel};

/// The activation function of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x · sigmoid(x)
    Silu,
    /// x · Φ(x), by the usual approximation with tanh.
    Gelu,
}

/// Activation rows that pass through a group of columns together: as many as the widest kernel
/// takes at once.
const ROWS: usize = 2 * BLOCK;
/// Tiles of gate, and of up, per group.
const TILES: usize = GROUP / TILE;
/// Groups whose products are computed before their activations, when there are few rows: the
/// products read memory, which should rarely wait for the activations.
const GROUPS: usize = 8;

/// Computes `activation(gate · a) * (up · a)` into `out`, `m` × the rows of gate. `bias` holds the
/// bias of gate, then of up.
///
/// `w` is gate, then up, and must be a [pair](Matrix::is_pair).
pub fn gated(
    pool: &Pool,
    w: &Matrix,
    a: &QuantizedActivations,
    bias: Option<&[f32]>,
    activation: Activation,
    out: &mut QuantizedActivations,
) -> Result<(), ShapeError> {
    ShapeError::exactly("gated product", "activations", Some(w.k()), a.k())?;
    if let Some(bias) = bias {
        ShapeError::exactly("gated product", "bias", Some(w.n()), bias.len())?;
    }
    let Some([gate, up]) = w.pair() else {
        let (operation, operand) = ("gated product", "equal parts of the matrix");
        return Err(ShapeError { operation, operand, needed: 2, given: 1 });
    };
    let m = a.m();
    let slots = out.reshape(m, gate.n);
    let n_groups = gate.n_tiles() / TILES;
    let run = if is_small(w, m) { n_groups } else { 1 };
    let n_together = if m <= ROWS { GROUPS } else { 4 };
    pool.split_guided(n_groups, run, |groups| {
        let mut buffer = [[[0.0; 2 * GROUP]; ROWS]; GROUPS];
        for first in groups.clone().step_by(n_together) {
            let groups = first..groups.end.min(first + n_together);
            for begin in (0..m).step_by(ROWS) {
                let rows = begin..m.min(begin + ROWS);
                for (group, buffer) in groups.clone().zip(&mut buffer) {
                    products(pool.isa(), (w, a, bias), &[gate, up], group, rows.clone(), buffer);
                }
                for (group, buffer) in groups.clone().zip(&buffer) {
                    let source = |row: usize| {
                        let gate_up = &buffer[row - begin];
                        match activation {
                            Activation::Silu => RowSource::SiluMul { gate_up },
                            Activation::Gelu => RowSource::GeluMul { gate_up },
                        }
                    };
                    for block in begin / BLOCK..rows.end.div_ceil(BLOCK) {
                        // SAFETY: `split_guided` hands out every group once; this CPU supports a
                        // pool's instruction set.
                        unsafe { slots.fill(pool.isa(), block, group..group + 1, source) };
                    }
                }
            }
        }
    });
    Ok(())
}

/// Computes gate and up of one group for a few rows.
fn products(
    isa: Isa,
    (w, a, bias): (&Matrix, &QuantizedActivations, Option<&[f32]>),
    parts: &[Part; 2],
    group: usize,
    rows: Range<usize>,
    out: &mut [[f32; 2 * GROUP]; ROWS],
) {
    let (begin, end, stride) = (rows.start, rows.end, 2 * GROUP);
    let out = SharedSlice::new(out.as_flattened_mut());
    let product = Product { w, a, floats: &[], bias, add: false, begin, end, out, stride };
    for (index, part) in parts.iter().enumerate() {
        let (part, column) = (*part, index * GROUP);
        let panel = Panel { part, first_tile: group * TILES, n_tiles: TILES, column };
        run_panel(isa, &product, &panel);
    }
}
