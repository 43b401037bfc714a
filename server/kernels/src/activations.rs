//! Activations as the matrix products take them: int8 in groups of 32, each with its own scale.
//!
//! Quantizing is fused with what produces the row (norm, SiLU·up), and each row is quantized by itself: the result depends on nothing but the row.
//! A group's scale is its largest magnitude / 127; values round to nearest, ties to even, so they stay within ±127, which the AVX2 kernels need (−128 would saturate).

use crate::error::ShapeError;
use crate::isa::Isa;
use crate::lanes::{LANES, Lanes, Portable, ROUND, exp, largest, sum};
use crate::norm::inverse_rms;
use crate::layout::GROUP;
use crate::pool::Pool;
use crate::shared::Shared;

/// A batch of quantized activation rows; the buffers are reused from call to call.
#[derive(Default)]
pub struct Quantized {
    m: usize,
    k: usize,
    /// From one row to the next in `quants`, in bytes.
    stride: usize,
    /// `m` rows of `stride` bytes; columns beyond `k` are 0.
    quants: Vec<i8>,
    /// `m` rows of `k.div_ceil(32)` scales.
    scales: Vec<f32>,
    /// -128 times each group's sum of quants: what stored weights' offset of 128 adds to a dot product, negated.
    offsets: Vec<i32>,
    /// Sums of quants per 16 columns, two per group.
    half_sums: Vec<i32>,
    /// The rows before quantization (`m` × `k`), where float weights want them.
    floats: Option<Vec<f32>>,
}

/// Groups of less magnitude than this count as zeros: the inverse of their scale would overflow.
const TINY: f32 = 1e-30;

/// One row, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) quants: &'a [i8],
    pub(crate) scales: &'a [f32],
    pub(crate) offsets: &'a [i32],
    pub(crate) half_sums: &'a [i32],
}

/// The places of one row, to be filled.
struct RowMut<'a> {
    quants: &'a mut [i8],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
    half_sums: &'a mut [i32],
    floats: &'a mut [f32],
}

/// What a row is computed from.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// The row itself.
    Plain { x: &'a [f32] },
    /// The row divided by its root mean square, times `weight`.
    RmsNorm { x: &'a [f32], weight: &'a [f32], eps: f32 },
    /// SiLU of the row's first half, times its second half.
    SiluMul { gate_up: &'a [f32] },
}

impl Quantized {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty batch that keeps the rows' floats too: float weights then see unquantized activations.
    pub fn with_floats() -> Self {
        Self { floats: Some(Vec::new()), ..Self::default() }
    }

    /// Returns the number of rows.
    pub fn m(&self) -> usize {
        self.m
    }

    /// Returns the number of columns.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Quantizes `m` rows of `k` values.
    pub fn plain(&mut self, pool: &Pool, x: &[f32], m: usize, k: usize) -> Result<(), ShapeError> {
        ShapeError::exactly("quantize", "x", m.checked_mul(k), x.len())?;
        self.fill(pool, m, k, |row| Source::Plain { x: &x[row * k..(row + 1) * k] });
        Ok(())
    }

    /// Normalises `m` rows of `k` values by their root mean square, scales them by `weight`, and quantizes.
    pub fn rms_norm(
        &mut self,
        pool: &Pool,
        x: &[f32],
        weight: &[f32],
        eps: f32,
        m: usize,
        k: usize,
    ) -> Result<(), ShapeError> {
        ShapeError::exactly("rms norm", "x", m.checked_mul(k), x.len())?;
        ShapeError::exactly("rms norm", "weight", Some(k), weight.len())?;
        self.fill(pool, m, k, |row| Source::RmsNorm { x: &x[row * k..(row + 1) * k], weight, eps });
        Ok(())
    }

    /// Computes SiLU(gate) · up for `m` rows, each `ffn` gate values and then `ffn` up values, and quantizes.
    pub fn silu_mul(&mut self, pool: &Pool, gate_up: &[f32], m: usize, ffn: usize) -> Result<(), ShapeError> {
        ShapeError::exactly("silu", "gate_up", m.checked_mul(ffn).and_then(|n| n.checked_mul(2)), gate_up.len())?;
        self.fill(pool, m, ffn, |row| Source::SiluMul { gate_up: &gate_up[row * 2 * ffn..(row + 1) * 2 * ffn] });
        Ok(())
    }

    /// Returns one row.
    pub(crate) fn row(&self, row: usize) -> Row<'_> {
        debug_assert!(row < self.m);
        let groups = self.n_groups();
        let span = row * groups..(row + 1) * groups;
        Row {
            quants: &self.quants[row * self.stride..row * self.stride + groups * GROUP],
            scales: &self.scales[span.clone()],
            offsets: &self.offsets[span],
            half_sums: &self.half_sums[row * 2 * groups..(row + 1) * 2 * groups],
        }
    }

    /// Returns one row's values as floats: the kept ones, else what the quants say.
    pub(crate) fn float_row(&self, row: usize, out: &mut [f32]) {
        debug_assert_eq!(out.len(), self.k);
        if let Some(floats) = &self.floats {
            out.copy_from_slice(&floats[row * self.k..(row + 1) * self.k]);
            return;
        }
        let row = self.row(row);
        for (column, value) in out.iter_mut().enumerate() {
            *value = f32::from(row.quants[column]) * row.scales[column / GROUP];
        }
    }

    /// Returns the groups of a row.
    pub(crate) fn n_groups(&self) -> usize {
        self.k.div_ceil(GROUP)
    }

    fn fill<'s>(&mut self, pool: &Pool, m: usize, k: usize, source: impl Fn(usize) -> Source<'s> + Sync) {
        (self.m, self.k) = (m, k);
        let groups = self.n_groups();
        // Whole cache lines, and never a multiple of a page: the rows of a tile would fall into the same few sets of the L1 cache.
        self.stride = (groups * GROUP).next_multiple_of(64);
        if self.stride.is_multiple_of(1024) {
            self.stride += 64;
        }
        let stride = self.stride;
        self.quants.resize(m * stride, 0);
        self.scales.resize(m * groups, 0.0);
        self.offsets.resize(m * groups, 0);
        self.half_sums.resize(2 * m * groups, 0);
        let kept = if let Some(floats) = &mut self.floats {
            floats.resize(m * k, 0.0);
            k
        } else {
            0
        };
        let (quants, scales) = (Shared::new(&mut self.quants), Shared::new(&mut self.scales));
        let (offsets, half_sums) = (Shared::new(&mut self.offsets), Shared::new(&mut self.half_sums));
        let floats = Shared::new(self.floats.as_deref_mut().unwrap_or_default());
        // A row takes about a microsecond: as much as waking a worker is worth only for several rows.
        pool.split(m, (16384 / k.max(1)).clamp(1, 64), |rows| {
            for row in rows {
                // SAFETY: `split` hands out every row once, and rows do not overlap.
                let places = unsafe {
                    RowMut {
                        quants: quants.part(row * stride, stride),
                        scales: scales.part(row * groups, groups),
                        offsets: offsets.part(row * groups, groups),
                        half_sums: half_sums.part(row * 2 * groups, 2 * groups),
                        floats: floats.part(row * kept, kept),
                    }
                };
                // SAFETY: a pool's instruction set is one that this CPU has.
                unsafe { fill_row(pool.isa(), source(row), places) };
            }
        });
    }
}

/// Computes and quantizes one row with the kernels of `isa`.
///
/// # Safety
/// The CPU must have `isa`.
unsafe fn fill_row(isa: Isa, source: Source<'_>, places: RowMut<'_>) {
    match isa {
        // SAFETY: plain Rust runs everywhere.
        _ => unsafe { quantize_row::<Portable>(source, places) },
    }
}

/// Computes and quantizes one row.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn quantize_row<V: Lanes>(source: Source<'_>, places: RowMut<'_>) {
    let k = match source {
        Source::Plain { x } | Source::RmsNorm { x, .. } => x.len(),
        Source::SiluMul { gate_up } => gate_up.len() / 2,
    };
    let norm = match source {
        // SAFETY: the caller's promise.
        Source::RmsNorm { x, eps, .. } => unsafe { inverse_rms::<V>(x, eps) },
        _ => 1.0,
    };
    for group in 0..places.scales.len() {
        let start = group * GROUP;
        let len = GROUP.min(k - start);
        // The inputs of the group, filled up with zeros where the row ends within it.
        let (mut a, mut b) = ([0.0_f32; GROUP], [0.0_f32; GROUP]);
        let (first, second) = match source {
            Source::Plain { x } => (&x[start..start + len], &[][..]),
            Source::RmsNorm { x, weight, .. } => (&x[start..start + len], &weight[start..start + len]),
            Source::SiluMul { gate_up } => (&gate_up[start..start + len], &gate_up[k + start..k + start + len]),
        };
        let first = whole_group(first, &mut a);
        let second = whole_group(second, &mut b);
        let mut values = [0.0_f32; GROUP];
        // SAFETY: the arrays have 32 values, two times 16; the CPU is the caller's promise.
        unsafe {
            for half in [0, LANES] {
                let first = V::load(first.as_ptr().add(half));
                let second = V::load(second.as_ptr().add(half));
                let value = match source {
                    Source::Plain { .. } => first,
                    Source::RmsNorm { .. } => first.mul(V::splat(norm)).mul(second),
                    Source::SiluMul { .. } => silu(first).mul(second),
                };
                value.store(values.as_mut_ptr().add(half));
            }
        }
        if let Some(floats) = places.floats.get_mut(start..start + len) {
            floats.copy_from_slice(&values[..len]);
        }
        let quants = &mut places.quants[start..start + GROUP];
        // SAFETY: `quants` has 32 values; the CPU is the caller's promise.
        let (scale, sums) = unsafe { quantize_group::<V>(&values, quants) };
        places.scales[group] = scale;
        places.offsets[group] = -128 * (sums[0] + sums[1]);
        places.half_sums[2 * group..2 * group + 2].copy_from_slice(&sums);
    }
}

/// Returns the group itself if it is whole, else a copy filled up with zeros.
#[inline(always)]
fn whole_group<'a>(values: &'a [f32], copy: &'a mut [f32; GROUP]) -> &'a [f32; GROUP] {
    if let Ok(whole) = values.try_into() {
        return whole;
    }
    copy[..values.len()].copy_from_slice(values);
    copy
}

/// Quantizes 32 values; returns their scale and the sums of the two halves' quants.
///
/// # Safety
/// As [`Lanes`]; `quants` must have 32 places.
#[inline(always)]
unsafe fn quantize_group<V: Lanes>(values: &[f32; GROUP], quants: &mut [i8]) -> (f32, [i32; 2]) {
    debug_assert_eq!(quants.len(), GROUP);
    // SAFETY: 32 values on both sides; the CPU is the caller's promise.
    unsafe {
        let halves = [V::load(values.as_ptr()), V::load(values.as_ptr().add(LANES))];
        let magnitude = largest(halves[0].abs().max(halves[1].abs()));
        // Also false for NaN.
        let usable = magnitude > TINY && magnitude < f32::INFINITY;
        let (scale, inverse) = if usable { (magnitude / 127.0, 127.0 / magnitude) } else { (0.0, 0.0) };
        let mut sums = [0; 2];
        for (half, values) in halves.into_iter().enumerate() {
            let scaled = values.mul(V::splat(inverse));
            // Within ±127 whatever the rounding of the inverse, and for NaN.
            let scaled = scaled.min(V::splat(127.0)).max(V::splat(-127.0));
            let rounded = scaled.add(V::splat(ROUND)).sub(V::splat(ROUND));
            rounded.store_i8(quants.as_mut_ptr().add(half * LANES));
            // Exact: integers of less than 2²⁴.
            sums[half] = sum(rounded) as i32;
        }
        (scale, sums)
    }
}

/// Returns x · sigmoid(x).
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn silu<V: Lanes>(x: V) -> V {
    // SAFETY: the caller's promise.
    unsafe { x.div(exp(V::splat(0.0).sub(x)).add(V::splat(1.0))) }
}
