//! Causal grouped-query attention over a layer's keys and values.
//!
//! The query heads of one key-value head, of one or several query tokens, form rows. A block of
//! rows shares every load of a key and a value. A row sees the positions up to its own, or a window
//! of the last of them. Positions are processed in chunks of [`CHUNK`]: scores, softmax and
//! weighted values of one chunk fit the L1 cache, and chunk results are merged in order (online
//! softmax).
//!
//! Invariant: a row's operations and their order depend only on its own position. Positions that it
//! does not see enter with weight exactly 0, so its bits equal those of the same query in a call of
//! its own.

use std::ops::Range;

use crate::error::ShapeError;
use crate::isa::Isa;
use crate::kv::{Head, KvLayer};
use crate::lanes::{LANES, Lanes, exp, per_instruction_set, to_array};
use crate::pool::Pool;
use crate::shared::SharedSlice;
use crate::tanh::soft_cap_lanes;

use products::{F16Elements, I8Elements, KvElements, scores, weighted_values};

mod products;

/// Positions per online-softmax step.
const CHUNK: usize = 512;

/// The queries of one layer.
#[derive(Debug, Clone, Copy)]
pub struct Queries<'a> {
    /// `m` rows, `row_stride` apart, each beginning with `n_heads` × head dimension values.
    pub values: &'a [f32],
    /// Values from the start of one row to the start of the next.
    pub row_stride: usize,
    pub m: usize,
    /// Query heads; a multiple of the layer's key-value heads.
    pub n_heads: usize,
    /// The position of the first query; query `i` sees positions `0..=position + i`.
    pub position: usize,
    /// Factor of the scores, usually 1 / sqrt(head dimension).
    pub scale: f32,
    /// Maximum number of positions that a query sees, including its own; `usize::MAX` for all.
    pub window: usize,
    /// Soft cap on the scores: `cap * tanh(score / cap)`.
    pub soft_cap: Option<f32>,
}

/// Values that all row blocks of one call share.
#[derive(Clone, Copy)]
struct AttentionCall<'a> {
    queries: Queries<'a>,
    head_dim: usize,
    value_stride: usize,
    /// Query heads per key-value head.
    group: usize,
    out: SharedSlice<'a, f32>,
}

/// Computes attention of `queries` over `layer` into `out`, `m` rows of `n_heads` × head dimension.
pub fn attention(
    pool: &Pool,
    queries: &Queries<'_>,
    layer: &KvLayer,
    out: &mut [f32],
) -> Result<(), ShapeError> {
    let Queries { values, row_stride, m, n_heads, position, .. } = *queries;
    let (head_dim, n_kv_heads) = (layer.head_dim(), layer.n_kv_heads());
    let width = n_heads.checked_mul(head_dim);
    ShapeError::exactly(
        "attention",
        "out",
        width.and_then(|width| width.checked_mul(m)),
        out.len(),
    )?;
    if !n_heads.is_multiple_of(n_kv_heads) || n_heads == 0 {
        let needed = n_heads.max(1).checked_next_multiple_of(n_kv_heads).unwrap_or(usize::MAX);
        return Err(ShapeError {
            operation: "attention",
            operand: "heads",
            needed,
            given: n_heads,
        });
    }
    if m == 0 {
        return Ok(());
    }
    let needed = (m - 1).checked_mul(row_stride).and_then(|start| start.checked_add(width?));
    ShapeError::at_least("attention", "queries", needed, values.len())?;
    ShapeError::at_least("attention", "positions", position.checked_add(m), layer.capacity())?;
    let group = n_heads / n_kv_heads;
    let call = AttentionCall {
        queries: *queries,
        head_dim,
        value_stride: layer.value_stride(),
        group,
        out: SharedSlice::new(out),
    };
    let isa = pool.isa();
    let n_rows = m * group;
    // Use fewer rows per load if there would otherwise be fewer blocks than threads.
    let rows_per_block = rows_per_block(isa).min((n_rows * n_kv_heads).div_ceil(pool.threads()));
    let n_blocks = n_rows.div_ceil(rows_per_block);
    pool.split(n_kv_heads * n_blocks, 1, |items| {
        for item in items {
            let kv_head = item / n_blocks;
            // The last rows see the most positions. The longest work comes first, so that threads
            // end together.
            let first_row = (n_blocks - 1 - item % n_blocks) * rows_per_block;
            let n_rows = rows_per_block.min(n_rows - first_row);
            // SAFETY: this CPU supports a pool's instruction set; every block of rows is handed out
            // once.
            unsafe {
                let head = layer.head(kv_head);
                if head.scales.is_some() {
                    attend_i8(isa, &call, head, kv_head, first_row, n_rows);
                } else {
                    attend_f16(isa, &call, head, kv_head, first_row, n_rows);
                }
            }
        }
    });
    Ok(())
}

fn rows_per_block(isa: Isa) -> usize {
    match isa {
        Isa::Avx512Vnni | Isa::NeonDotprod | Isa::Portable => 8,
        // A vector takes two of the 16 registers.
        Isa::Avx2 | Isa::Avx2Vnni => 6,
    }
}

per_instruction_set! {
    /// Computes `n_rows` rows of one key-value head of f16. No other thread may write these rows.
    unsafe fn attend_f16(call: &AttentionCall<'_>, head: Head<'_>, kv_head: usize, first_row: usize, n_rows: usize) = attend_block<F16Elements>
}

per_instruction_set! {
    /// As [`attend_f16`], for bytes.
    unsafe fn attend_i8(call: &AttentionCall<'_>, head: Head<'_>, kv_head: usize, first_row: usize, n_rows: usize) = attend_block<I8Elements>
}

/// Maximum number of rows of a block.
const MAX_ROWS: usize = 8;

/// Scores, then weights, of one chunk. Aligned to cache lines, because vectors that cross them cost
/// twice.
#[repr(align(64))]
struct ChunkWeights([[f32; CHUNK]; MAX_ROWS]);

/// Computes `n_rows` rows, at most [`MAX_ROWS`].
///
/// Only the two inner products are compiled for each number of rows; all other code loops over the
/// rows.
///
/// # Safety
/// No other thread may write the same rows; otherwise as [`Lanes`].
#[inline(always)]
unsafe fn attend_block<V: Lanes, S: KvElements>(
    call: &AttentionCall<'_>,
    head: Head<'_>,
    kv_head: usize,
    first_row: usize,
    n_rows: usize,
) {
    let AttentionCall { queries, head_dim, group, out, .. } = *call;
    let n_rows = n_rows.min(MAX_ROWS);
    // Row `r` is one query head of one query token. Past the last row, the last row repeats; its
    // repeated results are not used.
    let place = |r: usize| {
        let row = first_row + r.min(n_rows - 1);
        (row / group, kv_head * group + row % group)
    };
    let q: [&[f32]; MAX_ROWS] = std::array::from_fn(|r| {
        let (token, head) = place(r);
        &queries.values[token * queries.row_stride + head * head_dim..][..head_dim]
    });
    let visible: [usize; MAX_ROWS] = std::array::from_fn(|r| queries.position + place(r).0 + 1);
    let window_start: [usize; MAX_ROWS] =
        std::array::from_fn(|r| visible[r].saturating_sub(queries.window.max(1)));
    // Both ends of the visible range grow with the row.
    let n_positions = visible[MAX_ROWS - 1];
    let first_chunk = window_start[0] / CHUNK * CHUNK;
    let mut weights = ChunkWeights([[0.0; CHUNK]; MAX_ROWS]);
    let weights = &mut weights.0;
    let mut maxima = [f32::NEG_INFINITY; MAX_ROWS];
    let mut sums = [0.0_f32; MAX_ROWS];
    // A row begins with the first chunk of which it sees a position, regardless of the chunks that
    // other rows see.
    let mut has_begun = [false; MAX_ROWS];
    for start in (first_chunk..n_positions).step_by(CHUNK) {
        let len = CHUNK.min(n_positions - start);
        let keys = &head.keys[start * head_dim * S::WIDTH..];
        let key_scales = head.scales.map(|[keys, _]| &keys[start..]);
        let n_tiles = len.div_ceil(LANES);
        // SAFETY: guaranteed by the caller; `start + len` is within the layer's capacity, which is
        // whole tiles.
        unsafe {
            let (scales, scale, out) = (key_scales, queries.scale, &mut *weights);
            match n_rows {
                1 => scores::<V, S, 1>(&q, keys, scales, n_tiles, scale, out),
                2 => scores::<V, S, 2>(&q, keys, scales, n_tiles, scale, out),
                3 | 4 => scores::<V, S, 4>(&q, keys, scales, n_tiles, scale, out),
                5 | 6 => scores::<V, S, 6>(&q, keys, scales, n_tiles, scale, out),
                7 => scores::<V, S, 7>(&q, keys, scales, n_tiles, scale, out),
                _ => scores::<V, S, 8>(&q, keys, scales, n_tiles, scale, out),
            }
        }
        // Factors of each row's previous result, and of this chunk's result, in the merged one.
        let mut merge = [(1.0_f32, 0.0_f32); MAX_ROWS];
        let mut begins = [false; MAX_ROWS];
        for r in 0..n_rows {
            let seen = visible[r].saturating_sub(start).min(len);
            let from = window_start[r].saturating_sub(start).min(seen);
            // SAFETY: guaranteed by the caller.
            let (chunk_max, chunk_sum) =
                unsafe { softmax::<V>(&mut weights[r], from..seen, len, queries.soft_cap) };
            if let Some([_, scales]) = head.scales {
                // Applied only now, because the sum is over the unscaled softmax.
                for (weight, scale) in weights[r].iter_mut().zip(&scales[start..start + len]) {
                    *weight *= scale;
                }
            }
            begins[r] = !has_begun[r];
            if from == seen {
                continue;
            }
            has_begun[r] = true;
            if begins[r] {
                (maxima[r], sums[r], merge[r]) = (chunk_max, chunk_sum, (0.0, 1.0));
                continue;
            }
            let new_max = if chunk_max > maxima[r] { chunk_max } else { maxima[r] };
            // SAFETY: guaranteed by the caller.
            let (old, new) =
                unsafe { (exp_one::<V>(maxima[r] - new_max), exp_one::<V>(chunk_max - new_max)) };
            sums[r] = sums[r] * old + chunk_sum * new;
            maxima[r] = new_max;
            merge[r] = (old, new);
        }
        let values = &head.values[start * call.value_stride * S::WIDTH..];
        let step = if V::MANY_REGISTERS { 2 * LANES } else { LANES };
        for column in (0..call.value_stride).step_by(step) {
            let mut results = [[[0.0; LANES]; 2]; MAX_ROWS];
            // SAFETY: guaranteed by the caller; `values` holds `len` rows, and `column` begins a
            // vector of them.
            unsafe {
                let (weights, stride, out) = (&*weights, call.value_stride, &mut results);
                match n_rows {
                    1 => weighted_values::<V, S, 1>(weights, values, stride, len, column, out),
                    2 => weighted_values::<V, S, 2>(weights, values, stride, len, column, out),
                    3 | 4 => weighted_values::<V, S, 4>(weights, values, stride, len, column, out),
                    5 | 6 => weighted_values::<V, S, 6>(weights, values, stride, len, column, out),
                    7 => weighted_values::<V, S, 7>(weights, values, stride, len, column, out),
                    _ => weighted_values::<V, S, 8>(weights, values, stride, len, column, out),
                }
            }
            for r in 0..n_rows {
                let (token, head) = place(r);
                let end = (column + step).min(head_dim);
                let width = end.saturating_sub(column);
                // SAFETY: the caller guarantees the rows, and the slots of different rows and
                // columns do not overlap.
                let places = unsafe {
                    out.part((token * queries.n_heads + head) * head_dim + column, width)
                };
                let (old, new) = merge[r];
                for (place, result) in places.iter_mut().zip(results[r].as_flattened()) {
                    *place = if begins[r] { *result } else { result.mul_add(new, *place * old) };
                }
            }
        }
    }
    for r in 0..n_rows {
        let (token, head) = place(r);
        // SAFETY: as above.
        let places = unsafe { out.part((token * queries.n_heads + head) * head_dim, head_dim) };
        let inverse = 1.0 / sums[r];
        for place in places {
            *place *= inverse;
        }
    }
}

/// Replaces the scores of the range `seen` by exp(score - max) and the others, up to `len`, by 0.
/// Returns the max and the sum.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn softmax<V: Lanes>(
    scores: &mut [f32; CHUNK],
    seen: Range<usize>,
    len: usize,
    cap: Option<f32>,
) -> (f32, f32) {
    let Range { start: from, end: seen } = seen;
    debug_assert!(from <= seen && seen <= len && len <= CHUNK);
    if from == seen {
        scores[..len.next_multiple_of(LANES)].fill(0.0);
        return (f32::NEG_INFINITY, 0.0);
    }
    let n_tiles = seen.div_ceil(LANES);
    if let Some(cap) = cap {
        // SAFETY: guaranteed by the caller.
        unsafe { soft_cap_lanes::<V>(&mut scores[..n_tiles * LANES], cap) };
    }
    scores[..from].fill(f32::NEG_INFINITY);
    scores[seen..n_tiles * LANES].fill(f32::NEG_INFINITY);
    scores[n_tiles * LANES..len.next_multiple_of(LANES)].fill(0.0);
    // SAFETY: `n_tiles` tiles are within the array; the caller guarantees the CPU.
    unsafe {
        let mut max = V::splat(f32::NEG_INFINITY);
        for tile in 0..n_tiles {
            max = V::load(scores.as_ptr().add(tile * LANES)).max(max);
        }
        let max = max.reduce_max();
        let mut total = V::splat(0.0);
        for tile in 0..n_tiles {
            let lanes = tile * LANES..(tile + 1) * LANES;
            let at = scores.as_mut_ptr().add(lanes.start);
            let mut weights = exp(V::load(at).sub(V::splat(max)));
            weights.store(at);
            if lanes.start < from || lanes.end > seen {
                scores[lanes.start..from.clamp(lanes.start, lanes.end)].fill(0.0);
                scores[seen.clamp(lanes.start, lanes.end)..lanes.end].fill(0.0);
                weights = V::load(scores.as_ptr().add(lanes.start));
            }
            total = total.add(weights);
        }
        (max, total.reduce_sum())
    }
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn exp_one<V: Lanes>(x: f32) -> f32 {
    // SAFETY: guaranteed by the caller.
    unsafe { to_array(exp(V::splat(x)))[0] }
}

#[cfg(test)]
mod tests;
