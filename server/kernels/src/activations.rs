//! Activations as the matrix products take them: int8 in groups of 32, each with its own scale.
//!
//! Quantizing is fused with what produces the row (norm, `SiLU` · up), and each row is quantized by itself: the result depends on nothing but the row.
//! A group's scale is its largest magnitude / 127; values round to nearest, ties to even, so they stay within ±127, which the AVX2 kernels need (−128 would saturate).

mod source;

pub use source::LayerNorm;

use source::Source;

use crate::error::ShapeError;
use crate::lanes::{LANES, Lanes, ROUND, per_instruction_set, to_array};
use crate::layout::GROUP;
use crate::pool::Pool;
use crate::shared::Shared;

/// A batch of quantized activation rows; the buffers are reused from call to call.
///
/// Rows lie in blocks of four, a quad of columns of each row side by side: a kernel then walks one stream instead of four.
#[derive(Default)]
pub struct Quantized {
    m: usize,
    k: usize,
    /// `[m / 4][k / 4][4 rows][4 columns]`; columns beyond `k` are 0, rows beyond `m` are anything.
    quants: Vec<i8>,
    /// `[m / 4][k / 32][4 rows]`.
    scales: Vec<f32>,
    /// -128 times each group's sum of quants, in the order of the scales: what stored weights' offset of 128 adds to a dot product, negated.
    offsets: Vec<i32>,
    /// Sums of quants per 16 columns, `[m / 4][k / 32][2][4 rows]`.
    half_sums: Vec<i32>,
    /// Each group's sum of quants times its scale, in the order of the scales: what multiplies a block's minimum.
    scaled_sums: Vec<f32>,
    /// The rows before quantization (`m` × `k`), where float weights want them.
    floats: Option<Vec<f32>>,
}

/// Rows that lie interleaved.
pub(crate) const BLOCK: usize = 4;

/// Groups of less magnitude than this count as zeros: the inverse of their scale would overflow.
const TINY: f32 = 1e-30;

/// One block of rows, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    /// `[k / 4][4 rows][4 columns]`
    pub(crate) quants: &'a [i8],
    /// `[k / 32][4 rows]`
    pub(crate) scales: &'a [f32],
    /// `[k / 32][4 rows]`
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(dead_code, reason = "portable products subtract the offset from each weight")
    )]
    pub(crate) offsets: &'a [i32],
    /// `[k / 32][2][4 rows]`
    pub(crate) half_sums: &'a [i32],
    /// `[k / 32][4 rows]`
    pub(crate) scaled_sums: &'a [f32],
}

/// The places of one block, to be filled row by row.
struct BlockMut<'a> {
    quants: &'a mut [i8],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
    half_sums: &'a mut [i32],
    scaled_sums: &'a mut [f32],
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

    /// Computes `silu(gate) * up` for `m` rows, each `ffn` gate values and then `ffn` up values, and quantizes.
    pub fn silu_mul(
        &mut self,
        pool: &Pool,
        gate_up: &[f32],
        m: usize,
        ffn: usize,
    ) -> Result<(), ShapeError> {
        self.gated("silu", pool, gate_up, m, ffn, |gate_up| Source::SiluMul { gate_up })
    }

    /// Computes `gelu(gate) * up` for `m` rows, each `ffn` gate values and then `ffn` up values, and quantizes.
    pub fn gelu_mul(
        &mut self,
        pool: &Pool,
        gate_up: &[f32],
        m: usize,
        ffn: usize,
    ) -> Result<(), ShapeError> {
        self.gated("gelu", pool, gate_up, m, ffn, |gate_up| Source::GeluMul { gate_up })
    }

    /// Computes `gelu` of `m` rows of `k` values, and quantizes.
    pub fn gelu(&mut self, pool: &Pool, x: &[f32], m: usize, k: usize) -> Result<(), ShapeError> {
        ShapeError::exactly("gelu", "x", m.checked_mul(k), x.len())?;
        self.fill(pool, m, k, |row| Source::Gelu { x: &x[row * k..(row + 1) * k] });
        Ok(())
    }

    /// Normalises `m` rows of `k` values by mean and variance, scales and shifts them, and quantizes.
    pub fn layer_norm(
        &mut self,
        pool: &Pool,
        x: &[f32],
        norm: LayerNorm<'_>,
        m: usize,
        k: usize,
    ) -> Result<(), ShapeError> {
        ShapeError::exactly("layer norm", "x", m.checked_mul(k), x.len())?;
        ShapeError::exactly("layer norm", "weight", Some(k), norm.weight.len())?;
        ShapeError::exactly("layer norm", "bias", Some(k), norm.bias.len())?;
        self.fill(pool, m, k, |row| Source::LayerNorm { x: &x[row * k..(row + 1) * k], norm });
        Ok(())
    }

    /// Quantizes what `source` makes of `m` rows, each `ffn` gate values and then `ffn` up values.
    fn gated<'s>(
        &mut self,
        operation: &'static str,
        pool: &Pool,
        gate_up: &'s [f32],
        m: usize,
        ffn: usize,
        source: impl Fn(&'s [f32]) -> Source<'s> + Sync,
    ) -> Result<(), ShapeError> {
        let needed = m.checked_mul(ffn).and_then(|n| n.checked_mul(2));
        ShapeError::exactly(operation, "gate_up", needed, gate_up.len())?;
        self.fill(pool, m, ffn, |row| source(&gate_up[row * 2 * ffn..(row + 1) * 2 * ffn]));
        Ok(())
    }

    /// Returns rows `4 * block` to `4 * block + 3`.
    pub(crate) fn block(&self, block: usize) -> Block<'_> {
        debug_assert!(block * BLOCK < self.m);
        let n = self.n_groups() * BLOCK;
        let span = block * n..(block + 1) * n;
        Block {
            quants: &self.quants[block * n * GROUP..(block + 1) * n * GROUP],
            scales: &self.scales[span.clone()],
            offsets: &self.offsets[span.clone()],
            scaled_sums: &self.scaled_sums[span],
            half_sums: &self.half_sums[block * 2 * n..(block + 1) * 2 * n],
        }
    }

    /// Returns one row's values as floats: the kept ones, else what the quants say.
    pub(crate) fn float_row(&self, row: usize, out: &mut [f32]) {
        debug_assert_eq!(out.len(), self.k);
        if let Some(floats) = &self.floats {
            out.copy_from_slice(&floats[row * self.k..(row + 1) * self.k]);
            return;
        }
        let (block, lane) = (self.block(row / BLOCK), row % BLOCK);
        for (column, value) in out.iter_mut().enumerate() {
            let quant = block.quants[(column / 4 * BLOCK + lane) * 4 + column % 4];
            *value = f32::from(quant) * block.scales[column / GROUP * BLOCK + lane];
        }
    }

    /// Returns the groups of a row.
    pub(crate) fn n_groups(&self) -> usize {
        self.k.div_ceil(GROUP)
    }

    fn fill<'s>(
        &mut self,
        pool: &Pool,
        m: usize,
        k: usize,
        source: impl Fn(usize) -> Source<'s> + Sync,
    ) {
        (self.m, self.k) = (m, k);
        // Scales per block; two half sums and 32 quants go with each.
        let n = self.n_groups() * BLOCK;
        let n_blocks = m.div_ceil(BLOCK);
        self.quants.resize(n_blocks * n * GROUP, 0);
        self.scales.resize(n_blocks * n, 0.0);
        self.offsets.resize(n_blocks * n, 0);
        self.half_sums.resize(n_blocks * 2 * n, 0);
        self.scaled_sums.resize(n_blocks * n, 0.0);
        let kept = if let Some(floats) = &mut self.floats {
            floats.resize(m * k, 0.0);
            k
        } else {
            0
        };
        let (quants, scales) = (Shared::new(&mut self.quants), Shared::new(&mut self.scales));
        let (offsets, half_sums) =
            (Shared::new(&mut self.offsets), Shared::new(&mut self.half_sums));
        let scaled_sums = Shared::new(&mut self.scaled_sums);
        let floats = Shared::new(self.floats.as_deref_mut().unwrap_or_default());
        // A row takes about a microsecond: to wake a worker is worth it only for several.
        pool.split(n_blocks, (4096 / k.max(1)).clamp(1, 16), |blocks| {
            for block in blocks {
                // SAFETY: `split` hands out every block once, and blocks do not overlap.
                let mut places = unsafe {
                    BlockMut {
                        quants: quants.part(block * n * GROUP, n * GROUP),
                        scales: scales.part(block * n, n),
                        offsets: offsets.part(block * n, n),
                        half_sums: half_sums.part(block * 2 * n, 2 * n),
                        scaled_sums: scaled_sums.part(block * n, n),
                    }
                };
                for row in block * BLOCK..m.min((block + 1) * BLOCK) {
                    // SAFETY: as above.
                    let floats = unsafe { floats.part(row * kept, kept) };
                    // SAFETY: a pool's instruction set is one that this CPU has.
                    unsafe { fill_row(pool.isa(), source(row), row % BLOCK, &mut places, floats) };
                }
            }
        });
    }
}

per_instruction_set! {
    /// Computes and quantizes one row into its lane of a block.
    unsafe fn fill_row(source: Source<'_>, lane: usize, places: &mut BlockMut<'_>, floats: &mut [f32]) = quantize_row
}

/// Computes and quantizes one row.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn quantize_row<V: Lanes>(
    source: Source<'_>,
    lane: usize,
    places: &mut BlockMut<'_>,
    floats: &mut [f32],
) {
    let k = source.k();
    // SAFETY: the caller's promise.
    let source = unsafe { source.measured::<V>() };
    let mut floats = floats.iter_mut();
    let n = k.div_ceil(GROUP);
    // One check for the whole row instead of one per group.
    debug_assert!(places.quants.len() >= n * GROUP * BLOCK && places.scales.len() >= n * BLOCK);
    let quads = places.quants[..n * GROUP * BLOCK].as_chunks_mut::<{ GROUP * BLOCK }>().0;
    let scales = places.scales[..n * BLOCK].as_chunks_mut::<BLOCK>().0;
    let offsets = places.offsets[..n * BLOCK].as_chunks_mut::<BLOCK>().0;
    let half_sums = places.half_sums[..n * 2 * BLOCK].as_chunks_mut::<{ 2 * BLOCK }>().0;
    let scaled_sums = places.scaled_sums[..n * BLOCK].as_chunks_mut::<BLOCK>().0;
    let groups = quads.iter_mut().zip(scales).zip(offsets).zip(half_sums).zip(scaled_sums);
    for (group, ((((quads, scales), offsets), half_sums), scaled_sums)) in groups.enumerate() {
        // SAFETY: the CPU is the caller's promise.
        let (values, quants, scale, sums) = unsafe {
            let first = source.values_at::<V>(group * GROUP);
            let second = source.values_at::<V>(group * GROUP + LANES);
            let (quants, scale, sums) = quantize_group(first, second);
            ([first, second], quants, scale, sums)
        };
        if floats.len() > 0 {
            for half in values {
                // SAFETY: the CPU is the caller's promise.
                let half = unsafe { to_array(half) };
                // In this order: `zip` asks its first side first, and must not take a place that it then leaves.
                for (value, place) in half.into_iter().zip(floats.by_ref()) {
                    *place = value;
                }
            }
        }
        for quad in 0..GROUP / 4 {
            let at = (quad * BLOCK + lane) * 4;
            quads[at..at + 4].copy_from_slice(&quants[4 * quad..4 * quad + 4]);
        }
        scales[lane] = scale;
        offsets[lane] = -128 * (sums[0] + sums[1]);
        half_sums[lane] = sums[0];
        half_sums[BLOCK + lane] = sums[1];
        scaled_sums[lane] = (sums[0] + sums[1]) as f32 * scale;
    }
}

/// Quantizes 32 values; returns the quants, their scale and the sums of their two halves.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn quantize_group<V: Lanes>(first: V, second: V) -> ([i8; GROUP], f32, [i32; 2]) {
    let mut quants = [0; GROUP];
    // SAFETY: `quants` has two times 16 places; the CPU is the caller's promise.
    unsafe {
        let magnitude = first.abs().max(second.abs()).largest();
        // Also false for NaN.
        let usable = magnitude > TINY && magnitude < f32::INFINITY;
        let (scale, inverse) =
            if usable { (magnitude * (1.0 / 127.0), 127.0 / magnitude) } else { (0.0, 0.0) };
        let mut sums = [0; 2];
        for (half, values) in [first, second].into_iter().enumerate() {
            let scaled = values.mul(V::splat(inverse));
            // Within ±127 whatever the rounding of the inverse, and for NaN.
            let scaled = scaled.min(V::splat(127.0)).max(V::splat(-127.0));
            let rounded = scaled.add(V::splat(ROUND)).sub(V::splat(ROUND));
            rounded.store_i8(quants.as_mut_ptr().add(half * LANES));
            // Exact: integers of less than 2²⁴.
            sums[half] = rounded.sum() as i32;
        }
        (quants, scale, sums)
    }
}
