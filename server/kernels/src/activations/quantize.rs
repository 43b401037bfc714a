//! Quantizes rows of floats to bytes and scales, a block of four rows at a time.

use crate::lanes::{LANES, Lanes, ROUND, per_instruction_set, to_array};
use crate::layout::GROUP;

use super::source::{RowSource, RowWithStatistics};
use super::{BLOCK, BlockMut};

/// Groups of smaller magnitude count as zeros: the inverse of their scale would overflow.
const MIN_MAGNITUDE: f32 = 1e-30;

per_instruction_set! {
    /// Computes and quantizes up to four rows into a block.
    pub(super) unsafe fn fill_block(sources: &[RowSource<'_>], block: &mut BlockMut<'_>) = quantize_block
}

per_instruction_set! {
    /// Computes a row without quantizing it.
    pub(super) unsafe fn write_floats(source: RowSource<'_>, out: &mut [f32]) = floats
}

/// The slots of one group of a block.
struct GroupMut<'a> {
    /// `[8 quads][4 rows][4 columns]`
    quants: &'a mut [i8; GROUP * BLOCK],
    scales: &'a mut [f32; BLOCK],
    offsets: &'a mut [i32; BLOCK],
    half_sums: &'a mut [i32; 2 * BLOCK],
    scaled_sums: &'a mut [f32; BLOCK],
}

impl BlockMut<'_> {
    /// Returns the first `n` groups.
    #[inline(always)]
    fn groups(&mut self, n: usize) -> impl Iterator<Item = GroupMut<'_>> {
        debug_assert!(self.scales.len() >= n * BLOCK);
        let quants = self.quants.as_chunks_mut().0.iter_mut();
        let scales = self.scales.as_chunks_mut().0.iter_mut();
        let offsets = self.offsets.as_chunks_mut().0.iter_mut();
        let half_sums = self.half_sums.as_chunks_mut().0.iter_mut();
        let scaled_sums = self.scaled_sums.as_chunks_mut().0.iter_mut();
        let groups = quants.zip(scales).zip(offsets).zip(half_sums).zip(scaled_sums).take(n);
        groups.map(|((((quants, scales), offsets), half_sums), scaled_sums)| GroupMut {
            quants,
            scales,
            offsets,
            half_sums,
            scaled_sums,
        })
    }
}

impl GroupMut<'_> {
    /// Stores a row's scale and the sums of its two halves.
    #[inline(always)]
    fn set(&mut self, lane: usize, scale: f32, sums: [i32; 2]) {
        let sum = sums[0] + sums[1];
        self.scales[lane] = scale;
        self.offsets[lane] = -128 * sum;
        self.half_sums[lane] = sums[0];
        self.half_sums[BLOCK + lane] = sums[1];
        self.scaled_sums[lane] = sum as f32 * scale;
    }
}

/// Computes and quantizes up to four rows. A row's bits do not depend on the other rows.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn quantize_block<V: Lanes>(sources: &[RowSource<'_>], block: &mut BlockMut<'_>) {
    let Some(first) = sources.first() else { return };
    let n = first.k().div_ceil(GROUP);
    // SAFETY: guaranteed by the caller.
    unsafe {
        if let [a, b, c, d] = sources {
            let rows = [
                a.with_statistics::<V>(),
                b.with_statistics::<V>(),
                c.with_statistics::<V>(),
                d.with_statistics::<V>(),
            ];
            for (group, mut out) in block.groups(n).enumerate() {
                quantize_four_rows::<V>(&rows, group, &mut out);
            }
            return;
        }
        for (lane, source) in sources.iter().enumerate() {
            let row = source.with_statistics::<V>();
            for (group, mut out) in block.groups(n).enumerate() {
                quantize_one_row::<V>(row, group, lane, &mut out);
            }
        }
    }
}

/// Quantizes one group of four rows, sharing the work that the four rows have in common.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn quantize_four_rows<V: Lanes>(
    rows: &[RowWithStatistics<'_>; BLOCK],
    group: usize,
    out: &mut GroupMut<'_>,
) {
    // SAFETY: `quants` has room for two times 64 values; the caller guarantees the CPU.
    unsafe {
        let mut values = [[V::splat(0.0); BLOCK]; 2];
        let mut magnitudes = [V::splat(0.0); BLOCK];
        for lane in 0..BLOCK {
            for half in 0..2 {
                values[half][lane] = rows[lane].values_at::<V>(group * GROUP + half * LANES);
            }
            magnitudes[lane] = values[0][lane].abs().max(values[1][lane].abs());
        }
        let mut scales = [0.0; BLOCK];
        for (lane, magnitude) in V::reduce_max_each(magnitudes).into_iter().enumerate() {
            let (scale, inverse) = scale_and_inverse(magnitude);
            scales[lane] = scale;
            for half in &mut values {
                half[lane] = rounded(half[lane], inverse);
            }
        }
        let first = V::store_quads(values[0], out.quants.as_mut_ptr());
        let second = V::store_quads(values[1], out.quants.as_mut_ptr().add(BLOCK * LANES));
        for lane in 0..BLOCK {
            out.set(lane, scales[lane], [first[lane], second[lane]]);
        }
    }
}

/// Quantizes one group of one row.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn quantize_one_row<V: Lanes>(
    row: RowWithStatistics<'_>,
    group: usize,
    lane: usize,
    out: &mut GroupMut<'_>,
) {
    let mut quants = [0; GROUP];
    // SAFETY: `quants` has room for two times 16 values; the caller guarantees the CPU.
    unsafe {
        let first = row.values_at::<V>(group * GROUP);
        let second = row.values_at::<V>(group * GROUP + LANES);
        let (scale, inverse) = scale_and_inverse(first.abs().max(second.abs()).reduce_max());
        let mut sums = [0; 2];
        for (half, values) in [first, second].into_iter().enumerate() {
            let values = rounded(values, inverse);
            values.store_i8(quants.as_mut_ptr().add(half * LANES));
            // Exact: the integers are smaller than 2²⁴.
            sums[half] = values.reduce_sum() as i32;
        }
        out.set(lane, scale, sums);
    }
    for (quad, quants) in quants.as_chunks::<4>().0.iter().enumerate() {
        let at = (quad * BLOCK + lane) * 4;
        out.quants[at..at + 4].copy_from_slice(quants);
    }
}

/// Returns a group's scale, and the factor that turns its values into quants.
#[inline(always)]
fn scale_and_inverse(magnitude: f32) -> (f32, f32) {
    // Also false for NaN.
    let usable = magnitude > MIN_MAGNITUDE && magnitude < f32::INFINITY;
    if usable { (magnitude * (1.0 / 127.0), 127.0 / magnitude) } else { (0.0, 0.0) }
}

/// Returns the values rounded to integers within ±127, for any rounding of `inverse` and also
/// for NaN.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn rounded<V: Lanes>(values: V, inverse: f32) -> V {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let scaled = values.mul(V::splat(inverse)).min(V::splat(127.0)).max(V::splat(-127.0));
        scaled.add(V::splat(ROUND)).sub(V::splat(ROUND))
    }
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn floats<V: Lanes>(source: RowSource<'_>, out: &mut [f32]) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let row = source.with_statistics::<V>();
        for (index, out) in out.chunks_mut(LANES).enumerate() {
            let values = to_array(row.values_at::<V>(index * LANES));
            out.copy_from_slice(&values[..out.len()]);
        }
    }
}
