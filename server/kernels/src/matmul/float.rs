//! Products with float weights: f32, f16 and bfloat16 tiles, written once over [`Lanes`].
//!
//! The sum runs over the columns in order, one fused multiply-add per column.

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
    let m = product.end;
    let mut row = product.begin;
    while row < m {
        // Eight sums at a time: with fewer, each addition would wait for the previous one.
        //
        // SAFETY: guaranteed by the caller.
        row += unsafe {
            match m - row {
                1 => columns::<V, 1, 4>(product, panel, row),
                2..=4 => columns::<V, 4, 2>(product, panel, row),
                _ => columns::<V, 8, 1>(product, panel, row),
            }
        };
    }
}

/// Computes `R` activation rows (or the fewer that are left) against all tiles of the panel, `N` at
/// a time; returns `R`.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn columns<V: Lanes, const R: usize, const N: usize>(
    product: &Product<'_>,
    panel: &Panel,
    row: usize,
) -> usize {
    for tile in (panel.first_tile..panel.first_tile + panel.n_tiles).step_by(N) {
        // SAFETY: guaranteed by the caller.
        unsafe { block::<V, R, N>(product, panel, tile, row) };
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
    let (m, end) = (product.end, panel.first_tile + panel.n_tiles);
    // Past the last tile or row, the last one repeats; its repeated results are not stored.
    let tiles: [&[u8]; N] =
        std::array::from_fn(|j| product.w.tile(&panel.part, (tile + j).min(end - 1)));
    let rows: [&[f32]; R] =
        std::array::from_fn(|r| &product.floats[(row + r).min(m - 1) * k..][..k]);
    let width = panel.part.format.float_bytes();
    debug_assert!(tiles.iter().all(|tile| tile.len() >= k * TILE * width));
    // SAFETY: a tile holds 16 values per column and every row `k` values; the caller guarantees the
    // CPU.
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
    // SAFETY: each panel is handed out once, and panels do not overlap.
    unsafe { product.store_tile(panel, tile, row, &values) };
}
