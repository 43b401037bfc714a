//! Products with float weights: f32, f16 and bfloat16 tiles, written once over [`Lanes`].
//!
//! The sum runs over the columns in order, one fused multiply-add each.

use crate::lanes::{Lanes, per_instruction_set, to_array};
use crate::layout::{Format, TILE};

use super::{Panel, Product};

per_instruction_set! {
    /// Computes all activation rows against the tiles of `panel`.
    pub(super) unsafe fn panel(product: &Product<'_>, panel: &Panel) = tiles
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn tiles<V: Lanes>(product: &Product<'_>, panel: &Panel) {
    let m = product.a.m();
    let mut row = 0;
    while row < m {
        // Eight sums at a time: fewer would wait for one another's additions.
        // SAFETY: the caller's promise.
        row += unsafe {
            match m - row {
                1 => columns::<V, 1, 4>(product, panel, row),
                2 | 3 => columns::<V, 2, 4>(product, panel, row),
                4..8 => columns::<V, 4, 2>(product, panel, row),
                _ => columns::<V, 8, 1>(product, panel, row),
            }
        };
    }
}

/// Computes `R` activation rows against all tiles of the panel, `N` at a time; returns `R`.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn columns<V: Lanes, const R: usize, const N: usize>(
    product: &Product<'_>,
    panel: &Panel,
    row: usize,
) -> usize {
    let end = panel.first_tile + panel.n_tiles;
    let mut tile = panel.first_tile;
    while tile < end {
        // SAFETY: the caller's promise.
        unsafe {
            if tile + N <= end {
                block::<V, R, N>(product, panel, tile, row);
                tile += N;
            } else {
                block::<V, R, 1>(product, panel, tile, row);
                tile += 1;
            }
        }
    }
    R
}

/// Computes `R` activation rows against `N` tiles.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn block<V: Lanes, const R: usize, const N: usize>(
    product: &Product<'_>,
    panel: &Panel,
    tile: usize,
    row: usize,
) {
    let k = product.w.k();
    let tiles: [&[u8]; N] = std::array::from_fn(|j| product.w.tile(&panel.part, tile + j));
    let rows: [&[f32]; R] = std::array::from_fn(|r| &product.floats[(row + r) * k..][..k]);
    let width = panel.part.format.float_bytes();
    debug_assert!(tiles.iter().all(|tile| tile.len() >= k * TILE * width));
    // SAFETY: a tile holds 16 values per column and every row `k` values; the CPU is the caller's promise.
    let values = unsafe {
        let mut sums = [[V::splat(0.0); N]; R];
        for column in 0..k {
            for j in 0..N {
                let at = tiles[j].as_ptr().add(column * TILE * width);
                let weights = match panel.part.format {
                    Format::F16 => V::load_f16(at),
                    Format::BF16 => V::load_bf16(at),
                    _ => V::load_f32(at),
                };
                for r in 0..R {
                    let activation = V::splat(*rows[r].get_unchecked(column));
                    sums[r][j] = weights.fma(activation, sums[r][j]);
                }
            }
        }
        let mut values = [[[0.0; TILE]; N]; R];
        for r in 0..R {
            for j in 0..N {
                values[r][j] = to_array(sums[r][j]);
            }
        }
        values
    };
    for (r, values) in values.iter().enumerate() {
        for (j, values) in values.iter().enumerate() {
            // SAFETY: each panel is handed out once, and panels do not overlap.
            unsafe { product.finish(&panel.part, tile + j, row + r, values) };
        }
    }
}
