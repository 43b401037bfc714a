//! Integer products in plain Rust: what every CPU can run, and what the SIMD kernels are compared with.

use crate::layout::{GROUP, Layout, TILE};

use super::{Panel, Product};

/// Computes all activation rows against the tiles of `panel`.
pub(super) fn panel<L: Layout>(product: &Product<'_>, panel: &Panel) {
    for tile in panel.first_tile..panel.first_tile + panel.n_tiles {
        let bytes = product.w.tile(&panel.part, tile);
        let (quants, scales) = bytes.split_at(panel.part.scales_at);
        for row in 0..product.a.m() {
            let sums = tile_row::<L>(product, quants, scales, row);
            // SAFETY: each panel is handed out once, and panels do not overlap.
            unsafe { product.finish(&panel.part, tile, row, &sums) };
        }
    }
}

/// Returns the products of one activation row with the 16 rows of a tile.
fn tile_row<L: Layout>(product: &Product<'_>, quants: &[u8], scales: &[u8], row: usize) -> [f32; TILE] {
    let a = product.a.row(row);
    let mut sums = [0.0_f32; TILE];
    for (group, quants) in quants.chunks_exact(L::QUANT_GROUP).take(a.scales.len()).enumerate() {
        let activations = &a.quants[group * GROUP..(group + 1) * GROUP];
        for block in 0..L::N_BLOCKS {
            let columns = GROUP / L::N_BLOCKS;
            let dots = dots::<L>(quants, activations, block * columns..(block + 1) * columns);
            let halves = &a.half_sums[2 * group..2 * group + 2];
            let activation_sum = if L::HALVES { halves[block] } else { halves[0] + halves[1] } as f32;
            for (lane, sum) in sums.iter_mut().enumerate() {
                let scale = L::scale(scales, group, block, lane) * a.scales[group];
                *sum = (dots[lane] as f32).mul_add(scale, *sum);
                if L::MIN {
                    let minimum = L::minimum(scales, group, block, lane) * a.scales[group];
                    *sum = activation_sum.mul_add(minimum, *sum);
                }
            }
        }
    }
    sums
}

/// Returns the exact integer dot products of a group's `columns` for the 16 rows of a tile.
#[inline(always)]
fn dots<L: Layout>(quants: &[u8], activations: &[i8], columns: std::ops::Range<usize>) -> [i32; TILE] {
    let mut dots = [0_i32; TILE];
    for (quad, activations) in activations[columns.clone()].as_chunks::<4>().0.iter().enumerate() {
        let column = columns.start + 4 * quad;
        let at = if L::NIBBLES { column / 8 } else { column / 4 } * 4 * TILE;
        let shift = if L::NIBBLES && column % 8 >= 4 { 4 } else { 0 };
        for (dot, quants) in dots.iter_mut().zip(quants[at..at + 4 * TILE].as_chunks::<4>().0) {
            for (quant, activation) in quants.iter().zip(activations) {
                let quant = if L::NIBBLES { quant >> shift & 15 } else { *quant };
                *dot += (i32::from(quant) - L::OFFSET) * i32::from(*activation);
            }
        }
    }
    dots
}
