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
    for tile in panel.first_tile..panel.first_tile + panel.n_tiles {
        let mut row = 0;
        while row < m {
            // SAFETY: the caller's promise.
            unsafe {
                match m - row {
                    1 => block::<V, 1>(product, panel, tile, row),
                    2 | 3 => block::<V, 2>(product, panel, tile, row),
                    4..8 => block::<V, 4>(product, panel, tile, row),
                    _ => block::<V, 8>(product, panel, tile, row),
                }
            }
            row += match m - row {
                1 => 1,
                2 | 3 => 2,
                4..8 => 4,
                _ => 8,
            };
        }
    }
}

/// Computes `R` activation rows against one tile.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn block<V: Lanes, const R: usize>(
    product: &Product<'_>,
    panel: &Panel,
    tile: usize,
    row: usize,
) {
    let k = product.w.k();
    let bytes = product.w.tile(&panel.part, tile);
    let rows: [&[f32]; R] = std::array::from_fn(|r| &product.floats[(row + r) * k..][..k]);
    // SAFETY: tiles are aligned to cache lines, and any bits are a number of either type.
    let ((_, halves, _), (_, floats, _)) =
        unsafe { (bytes.align_to::<u16>(), bytes.align_to::<f32>()) };
    debug_assert!(bytes.len() >= k * TILE * panel.part.format.float_bytes());
    // SAFETY: the tile holds 16 values per column and every row `k` values; the CPU is the caller's promise.
    let values = unsafe {
        let mut sums = [V::splat(0.0); R];
        for column in 0..k {
            let weights = match panel.part.format {
                Format::F16 => V::load_f16(halves.as_ptr().add(column * TILE)),
                Format::BF16 => V::load_bf16(halves.as_ptr().add(column * TILE)),
                _ => V::load(floats.as_ptr().add(column * TILE)),
            };
            for r in 0..R {
                sums[r] = weights.fma(V::splat(*rows[r].get_unchecked(column)), sums[r]);
            }
        }
        let mut values = [[0.0; TILE]; R];
        for r in 0..R {
            values[r] = to_array(sums[r]);
        }
        values
    };
    for (r, values) in values.iter().enumerate() {
        // SAFETY: each panel is handed out once, and panels do not overlap.
        unsafe { product.finish(&panel.part, tile, row + r, values) };
    }
}
