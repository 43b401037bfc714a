//! Integer products in plain Rust: they run on every CPU, and the SIMD kernels are compared with
//! them.

use crate::activations::BLOCK;
use crate::layout::{GROUP, Layout, TILE};

use super::{Panel, Product};

/// Computes all activation rows against the tiles of `panel`.
pub(super) fn panel<L: Layout>(product: &Product<'_>, panel: &Panel) {
    for tile in panel.first_tile..panel.first_tile + panel.n_tiles {
        let bytes = product.w.tile(&panel.part, tile);
        for row in product.begin..product.end {
            let sums = tile_row::<L>(product, bytes, row);
            // SAFETY: each panel is handed out once, and panels do not overlap.
            unsafe { product.store_tile(panel, tile, row, &[[sums]]) };
        }
    }
}

/// Returns the products of one activation row with the 16 rows of a tile.
fn tile_row<L: Layout>(product: &Product<'_>, tile: &[u8], row: usize) -> [f32; TILE] {
    let (a, lane) = (product.a.block(row / BLOCK), row % BLOCK);
    let mut sums = [0.0_f32; TILE];
    let n_groups = product.a.n_groups();
    for group in 0..n_groups {
        let quants = &tile[L::quants_at(n_groups, group)..][..L::GROUP_QUANT_BYTES];
        let activations = &a.quants[group * GROUP * BLOCK..(group + 1) * GROUP * BLOCK]
            .as_chunks::<4>()
            .0[lane..];
        let activation_scale = a.scales[group * BLOCK + lane];
        for block in 0..L::N_BLOCKS {
            let mut dots = [0_i32; TILE];
            for quad in block * L::QUADS..(block + 1) * L::QUADS {
                add_quad::<L>(quants, quad, activations[quad * BLOCK], &mut dots);
            }
            let activation_sum = if L::HALVES {
                a.half_sums[(2 * group + block) * BLOCK + lane] as f32 * activation_scale
            } else {
                a.scaled_sums[group * BLOCK + lane]
            };
            for (lane, sum) in sums.iter_mut().enumerate() {
                let scale = L::scale(tile, group, block, lane) * activation_scale;
                *sum = (dots[lane] as f32).mul_add(scale, *sum);
                if L::MIN {
                    *sum = activation_sum.mul_add(L::minimum(tile, group, block, lane), *sum);
                }
            }
        }
    }
    sums
}

/// Adds the exact products of four columns to the dot products of the 16 rows of a tile.
#[inline(always)]
fn add_quad<L: Layout>(quants: &[u8], quad: usize, activations: [i8; 4], dots: &mut [i32; TILE]) {
    let (at, shift) = if L::NIBBLES { (quad / 2, quad % 2 * 4) } else { (quad, 0) };
    let own = quants[at * 4 * TILE..(at + 1) * 4 * TILE].as_chunks::<4>().0;
    for (row, (dot, own)) in dots.iter_mut().zip(own).enumerate() {
        for (column, (quant, activation)) in own.iter().zip(activations).enumerate() {
            let quant = if L::NIBBLES { quant >> shift & 15 } else { *quant };
            let quant = quant | L::high_bits(quants, quad, row, column);
            *dot += (i32::from(quant) - L::OFFSET) * i32::from(activation);
        }
    }
}
