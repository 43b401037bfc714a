//! The two products of attention: queries with keys, and weights with values.
//!
//! Compiled for each number of rows that share a load, and for each storage type of keys and
//! values.

use crate::lanes::{LANES, Lanes};

use super::{CHUNK, MAX_ROWS};

/// A storage type of keys and values.
pub(super) trait KvElements {
    /// Bytes per number.
    const WIDTH: usize;

    /// Reads 16 numbers.
    ///
    /// # Safety
    /// As [`Lanes`].
    unsafe fn load<V: Lanes>(from: *const u8) -> V;
}

/// IEEE half floats.
pub(super) struct F16Elements;

impl KvElements for F16Elements {
    const WIDTH: usize = 2;

    #[inline(always)]
    unsafe fn load<V: Lanes>(from: *const u8) -> V {
        // SAFETY: guaranteed by the caller.
        unsafe { V::load_f16(from) }
    }
}

/// int8 numbers, each with a separate scale.
pub(super) struct I8Elements;

impl KvElements for I8Elements {
    const WIDTH: usize = 1;

    #[inline(always)]
    unsafe fn load<V: Lanes>(from: *const u8) -> V {
        // SAFETY: guaranteed by the caller.
        unsafe { V::load_i8(from) }
    }
}

/// Writes the scores of `n_tiles` tiles of keys for `R` rows.
///
/// # Safety
/// As [`Lanes`]; `keys` must hold `n_tiles` tiles.
#[inline(always)]
pub(super) unsafe fn scores<V: Lanes, S: KvElements, const R: usize>(
    q: &[&[f32]; MAX_ROWS],
    keys: &[u8],
    key_scales: Option<&[f32]>,
    n_tiles: usize,
    scale: f32,
    out: &mut [[f32; CHUNK]; MAX_ROWS],
) {
    let head_dim = q[0].len();
    debug_assert!(keys.len() >= n_tiles * head_dim * LANES * S::WIDTH && n_tiles * LANES <= CHUNK);
    let mut tile = 0;
    while tile < n_tiles {
        if V::MANY_REGISTERS && tile + 2 <= n_tiles {
            // SAFETY: guaranteed by the caller.
            unsafe { tile_scores::<V, S, 2, R>(q, keys, key_scales, tile, scale, out) };
            tile += 2;
        } else {
            // SAFETY: guaranteed by the caller.
            unsafe { tile_scores::<V, S, 1, R>(q, keys, key_scales, tile, scale, out) };
            tile += 1;
        }
    }
}

/// # Safety
/// As [`scores`].
#[inline(always)]
unsafe fn tile_scores<V: Lanes, S: KvElements, const T: usize, const R: usize>(
    q: &[&[f32]; MAX_ROWS],
    keys: &[u8],
    key_scales: Option<&[f32]>,
    tile: usize,
    scale: f32,
    out: &mut [[f32; CHUNK]; MAX_ROWS],
) {
    let head_dim = q[0].len();
    // SAFETY: the tile and the T - 1 after it are within `keys`, and each q has `head_dim` values.
    unsafe {
        let mut acc = [[V::splat(0.0); T]; R];
        let keys = keys.as_ptr().add(tile * head_dim * LANES * S::WIDTH);
        for d in 0..head_dim {
            let mut key = [V::splat(0.0); T];
            for t in 0..T {
                key[t] = S::load(keys.add((t * head_dim + d) * LANES * S::WIDTH));
            }
            for r in 0..R {
                let q = V::splat(*q[r].get_unchecked(d));
                for t in 0..T {
                    acc[r][t] = key[t].fma(q, acc[r][t]);
                }
            }
        }
        for r in 0..R {
            for t in 0..T {
                let at = (tile + t) * LANES;
                let mut scores = acc[r][t].mul(V::splat(scale));
                if let Some(scales) = key_scales {
                    debug_assert!(scales.len() >= at + LANES);
                    scores = scores.mul(V::load(scales.as_ptr().add(at)));
                }
                scores.store(out[r].as_mut_ptr().add(at));
            }
        }
    }
}

/// Computes Σ weight · value over `len` positions for one or two vectors of columns from `column`
/// on.
///
/// # Safety
/// As [`Lanes`]; `values` must hold `len` rows of `stride`, and `column` must begin one of their
/// vectors.
#[inline(always)]
pub(super) unsafe fn weighted_values<V: Lanes, S: KvElements, const R: usize>(
    weights: &[[f32; CHUNK]; MAX_ROWS],
    values: &[u8],
    stride: usize,
    len: usize,
    column: usize,
    results: &mut [[[f32; LANES]; 2]; MAX_ROWS],
) {
    debug_assert!(values.len() >= len * stride * S::WIDTH && len <= CHUNK);
    // SAFETY: guaranteed by the caller.
    unsafe {
        if V::MANY_REGISTERS && column + 2 * LANES <= stride {
            weighted_columns::<V, S, 2, R>(weights, values, stride, len, column, results);
        } else {
            weighted_columns::<V, S, 1, R>(weights, values, stride, len, column, results);
        }
    }
}

/// Computes the `D` vectors of columns from `column` on.
///
/// # Safety
/// As [`weighted_values`].
#[inline(always)]
unsafe fn weighted_columns<V: Lanes, S: KvElements, const D: usize, const R: usize>(
    weights: &[[f32; CHUNK]; MAX_ROWS],
    values: &[u8],
    stride: usize,
    len: usize,
    column: usize,
    results: &mut [[[f32; LANES]; 2]; MAX_ROWS],
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let mut sums = [[V::splat(0.0); D]; R];
        let values = values.as_ptr().add(column * S::WIDTH);
        for p in 0..len {
            let mut value = [V::splat(0.0); D];
            for v in 0..D {
                value[v] = S::load(values.add((p * stride + v * LANES) * S::WIDTH));
            }
            for r in 0..R {
                let weight = V::splat(*weights[r].get_unchecked(p));
                for v in 0..D {
                    sums[r][v] = value[v].fma(weight, sums[r][v]);
                }
            }
        }
        for r in 0..R {
            for v in 0..D {
                sums[r][v].store(results[r][v].as_mut_ptr());
            }
        }
    }
}
