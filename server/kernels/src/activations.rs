//! The activations of matrix products: int8 in groups of 32, each group with its own scale.
//!
//! Quantizing is fused with the operation that produces the row (norm, `SiLU` · up). Each row is
//! quantized separately, so the result depends only on the row.
//!
//! A group's scale is its largest magnitude / 127. Values round to nearest, ties to even, so they
//! stay within ±127. The AVX2 kernels need this bound (−128 would saturate).

mod quantize;
mod source;

pub use source::LayerNorm;
pub(crate) use source::RowSource;

use std::ops::Range;

use quantize::{fill_block, write_floats};

use crate::error::ShapeError;
use crate::isa::Isa;
use crate::layout::GROUP;
use crate::pool::Pool;
use crate::shared::SharedSlice;

/// A batch of quantized activation rows; the buffers are reused by later calls.
///
/// Rows are stored in blocks of four, a quad of columns of each row next to each other: a kernel
/// then walks one stream instead of four.
#[derive(Default)]
pub struct QuantizedActivations {
    m: usize,
    k: usize,
    /// All rows, in blocks of four.
    blocks: Buffers,
    /// A second copy of the row if it is the only one, without the space for three others. It takes
    /// a quarter of the cache lines, which matters while the weights of one product after another
    /// pass through the cache.
    single: Buffers,
    /// The rows before quantization (`m` × `k`), if float weights need them.
    floats: Option<Vec<f32>>,
}

/// Rows that are interleaved in one block.
pub(crate) const BLOCK: usize = 4;

/// Quantized rows in blocks of one or four rows.
#[derive(Default)]
struct Buffers {
    /// `[blocks][k / 4][width][4 columns]`; columns from `k` on are 0, rows from `m` on are
    /// unspecified.
    quants: Vec<i8>,
    /// `[blocks][k / 32][width]`.
    scales: Vec<f32>,
    /// -128 times each group's sum of quants, in the order of the scales. This cancels what the
    /// stored weights' offset of 128 adds to a dot product.
    offsets: Vec<i32>,
    /// Sums of quants per 16 columns, `[blocks][k / 32][2][width]`.
    half_sums: Vec<i32>,
    /// Each group's sum of quants times its scale, in the order of the scales; the factor of a
    /// block's minimum.
    scaled_sums: Vec<f32>,
}

impl Buffers {
    /// Resizes to `n` scales: one per row and group, with its two half sums and 32 quants.
    fn resize(&mut self, n: usize) {
        self.quants.resize(n * GROUP, 0);
        self.scales.resize(n, 0.0);
        self.offsets.resize(n, 0);
        self.half_sums.resize(2 * n, 0);
        self.scaled_sums.resize(n, 0.0);
    }

    /// Returns block number `index`, where each block has `n` scales.
    #[inline(always)]
    fn block(&self, index: usize, n: usize) -> Block<'_> {
        let span = index * n..(index + 1) * n;
        Block {
            quants: &self.quants[index * n * GROUP..(index + 1) * n * GROUP],
            scales: &self.scales[span.clone()],
            offsets: &self.offsets[span.clone()],
            scaled_sums: &self.scaled_sums[span],
            half_sums: &self.half_sums[index * 2 * n..(index + 1) * 2 * n],
        }
    }

    fn shared(&mut self) -> SharedBuffers<'_> {
        SharedBuffers {
            quants: SharedSlice::new(&mut self.quants),
            scales: SharedSlice::new(&mut self.scales),
            offsets: SharedSlice::new(&mut self.offsets),
            half_sums: SharedSlice::new(&mut self.half_sums),
            scaled_sums: SharedSlice::new(&mut self.scaled_sums),
        }
    }
}

/// Buffers that several threads fill.
#[derive(Clone, Copy)]
struct SharedBuffers<'a> {
    quants: SharedSlice<'a, i8>,
    scales: SharedSlice<'a, f32>,
    offsets: SharedSlice<'a, i32>,
    half_sums: SharedSlice<'a, i32>,
    scaled_sums: SharedSlice<'a, f32>,
}

impl<'a> SharedBuffers<'a> {
    /// Returns the slots of `n` scales from number `at` on, and of the values that belong to them.
    ///
    /// # Safety
    /// As [`SharedSlice::part`].
    unsafe fn part(&self, at: usize, n: usize) -> BlockMut<'a> {
        // SAFETY: guaranteed by the caller.
        unsafe {
            BlockMut {
                quants: self.quants.part(at * GROUP, n * GROUP),
                scales: self.scales.part(at, n),
                offsets: self.offsets.part(at, n),
                half_sums: self.half_sums.part(2 * at, 2 * n),
                scaled_sums: self.scaled_sums.part(at, n),
            }
        }
    }
}

/// One block of rows, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    /// `[k / 4][4 rows][4 columns]`
    pub(crate) quants: &'a [i8],
    /// `[k / 32][4 rows]`
    pub(crate) scales: &'a [f32],
    /// `[k / 32][4 rows]`
    #[cfg_attr(
        not(any(target_arch = "x86_64", test)),
        expect(dead_code, reason = "portable products subtract the offset from each weight")
    )]
    pub(crate) offsets: &'a [i32],
    /// `[k / 32][2][4 rows]`
    pub(crate) half_sums: &'a [i32],
    /// `[k / 32][4 rows]`
    pub(crate) scaled_sums: &'a [f32],
}

/// The slots of one block, or of some of its groups.
struct BlockMut<'a> {
    quants: &'a mut [i8],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
    half_sums: &'a mut [i32],
    scaled_sums: &'a mut [f32],
}

impl BlockMut<'_> {
    /// Copies the first row of a block to a block of one row.
    fn copy_first_row(&self, row: &mut BlockMut<'_>) {
        let quads = self.quants.as_chunks::<4>().0.iter().step_by(BLOCK);
        for (to, from) in row.quants.as_chunks_mut::<4>().0.iter_mut().zip(quads) {
            *to = *from;
        }
        copy_every_fourth(self.scales, row.scales);
        copy_every_fourth(self.offsets, row.offsets);
        copy_every_fourth(self.half_sums, row.half_sums);
        copy_every_fourth(self.scaled_sums, row.scaled_sums);
    }
}

fn copy_every_fourth<T: Copy>(from: &[T], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from.iter().step_by(BLOCK)) {
        *to = *from;
    }
}

impl QuantizedActivations {
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty batch that also keeps the rows' floats, so that float weights are
    /// multiplied with unquantized activations.
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
    pub fn quantize(
        &mut self,
        pool: &Pool,
        x: &[f32],
        m: usize,
        k: usize,
    ) -> Result<(), ShapeError> {
        ShapeError::exactly("quantize", "x", m.checked_mul(k), x.len())?;
        self.fill(pool, m, k, |row| RowSource::Plain { x: &x[row * k..(row + 1) * k] });
        Ok(())
    }

    /// Normalises `m` rows of `k` values by their root mean square, scales them by `weight`, and
    /// quantizes.
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
        self.fill(pool, m, k, |row| RowSource::RmsNorm {
            x: &x[row * k..(row + 1) * k],
            weight,
            eps,
        });
        Ok(())
    }

    /// Computes `silu(gate) * up` for `m` rows, each
    /// `intermediate_size` gate values followed by as many up values, and quantizes.
    pub fn silu_mul(
        &mut self,
        pool: &Pool,
        gate_up: &[f32],
        m: usize,
        intermediate_size: usize,
    ) -> Result<(), ShapeError> {
        self.gated("silu", pool, gate_up, m, intermediate_size, |gate_up| RowSource::SiluMul {
            gate_up,
        })
    }

    /// Computes `gelu(gate) * up` for `m` rows, each
    /// `intermediate_size` gate values followed by as many up values, and quantizes.
    pub fn gelu_mul(
        &mut self,
        pool: &Pool,
        gate_up: &[f32],
        m: usize,
        intermediate_size: usize,
    ) -> Result<(), ShapeError> {
        self.gated("gelu", pool, gate_up, m, intermediate_size, |gate_up| RowSource::GeluMul {
            gate_up,
        })
    }

    /// Computes `gelu` of `m` rows of `k` values, and quantizes.
    pub fn gelu(&mut self, pool: &Pool, x: &[f32], m: usize, k: usize) -> Result<(), ShapeError> {
        ShapeError::exactly("gelu", "x", m.checked_mul(k), x.len())?;
        self.fill(pool, m, k, |row| RowSource::Gelu { x: &x[row * k..(row + 1) * k] });
        Ok(())
    }

    /// Normalises `m` rows of `k` values by mean and variance, scales and shifts them, and
    /// quantizes.
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
        self.fill(pool, m, k, |row| RowSource::LayerNorm { x: &x[row * k..(row + 1) * k], norm });
        Ok(())
    }

    /// Quantizes what `source` computes from `m` rows, each `intermediate_size` gate
    /// values followed by as many up values.
    fn gated<'s>(
        &mut self,
        operation: &'static str,
        pool: &Pool,
        gate_up: &'s [f32],
        m: usize,
        intermediate_size: usize,
        source: impl Fn(&'s [f32]) -> RowSource<'s> + Sync,
    ) -> Result<(), ShapeError> {
        let needed = m.checked_mul(intermediate_size).and_then(|n| n.checked_mul(2));
        ShapeError::exactly(operation, "gate_up", needed, gate_up.len())?;
        self.fill(pool, m, intermediate_size, |row| {
            source(&gate_up[row * 2 * intermediate_size..(row + 1) * 2 * intermediate_size])
        });
        Ok(())
    }

    /// Whether all values that a product reads are bit-equal.
    #[cfg(test)]
    pub(crate) fn equals(&self, other: &Self) -> bool {
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let floats = |of: &Self| of.floats.as_deref().map(bits);
        let row = |of: &Self, row: usize| {
            let (block, lane) = (of.block(row / BLOCK), row % BLOCK);
            let of_lane = |values: &[i32]| -> Vec<i32> {
                values.iter().skip(lane).step_by(BLOCK).copied().collect()
            };
            let quants: Vec<[i8; 4]> =
                block.quants.as_chunks().0.iter().skip(lane).step_by(BLOCK).copied().collect();
            let (scales, sums) = (bits(block.scales), bits(block.scaled_sums));
            let of_lane_bits =
                |bits: Vec<u32>| bits.into_iter().skip(lane).step_by(BLOCK).collect::<Vec<_>>();
            let whole = (of_lane(block.offsets), of_lane(block.half_sums));
            (quants, of_lane_bits(scales), of_lane_bits(sums), whole)
        };
        (self.m, self.k, floats(self)) == (other.m, other.k, floats(other))
            && (0..self.m).all(|index| row(self, index) == row(other, index))
    }

    /// Returns rows `4 * block` to `4 * block + 3`.
    #[inline(always)]
    pub(crate) fn block(&self, block: usize) -> Block<'_> {
        debug_assert!(block * BLOCK < self.m);
        self.blocks.block(block, self.n_groups() * BLOCK)
    }

    /// Returns the only row as a block of one. The batch must have one row.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn single(&self) -> Block<'_> {
        debug_assert!(self.m == 1);
        self.single.block(0, self.n_groups())
    }

    /// Writes one row's values as floats: the kept ones, else the dequantized ones.
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

    /// Returns the number of groups of a row.
    pub(crate) fn n_groups(&self) -> usize {
        self.k.div_ceil(GROUP)
    }

    /// Resizes to `m` rows of `k` values and returns their slots.
    pub(crate) fn reshape(&mut self, m: usize, k: usize) -> Slots<'_> {
        (self.m, self.k) = (m, k);
        let n_groups = self.n_groups();
        self.blocks.resize(m.div_ceil(BLOCK) * n_groups * BLOCK);
        self.single.resize(if m == 1 { n_groups } else { 0 });
        if let Some(floats) = &mut self.floats {
            floats.resize(m * k, 0.0);
        }
        Slots {
            m,
            n_groups,
            blocks: self.blocks.shared(),
            single: self.single.shared(),
            floats_per_row: if self.floats.is_some() { k } else { 0 },
            floats: SharedSlice::new(self.floats.as_deref_mut().unwrap_or_default()),
        }
    }

    fn fill<'s>(
        &mut self,
        pool: &Pool,
        m: usize,
        k: usize,
        source: impl Fn(usize) -> RowSource<'s> + Sync,
    ) {
        let slots = self.reshape(m, k);
        let n_groups = slots.n_groups;
        // A row takes about a microsecond, so waking a worker is worth it only for several rows.
        pool.split(m.div_ceil(BLOCK), (4096 / k.max(1)).clamp(1, 16), |blocks| {
            for block in blocks {
                // SAFETY: `split` hands out every block once; this CPU supports a pool's
                // instruction set.
                unsafe { slots.fill(pool.isa(), block, 0..n_groups, &source) };
            }
        });
    }
}

/// The slots of a batch's rows, for threads that fill different parts of them.
#[derive(Clone, Copy)]
pub(crate) struct Slots<'a> {
    m: usize,
    n_groups: usize,
    blocks: SharedBuffers<'a>,
    single: SharedBuffers<'a>,
    /// Floats kept per row: all or none.
    floats_per_row: usize,
    floats: SharedSlice<'a, f32>,
}

impl Slots<'_> {
    /// Fills the columns of `groups` in the rows of a block. `source` returns only those columns.
    ///
    /// # Safety
    /// No other thread may fill the same groups of the same block. The CPU must support `isa`.
    pub(crate) unsafe fn fill<'s>(
        &self,
        isa: Isa,
        block: usize,
        groups: Range<usize>,
        source: impl Fn(usize) -> RowSource<'s>,
    ) {
        let first_row = block * BLOCK;
        let n_rows = BLOCK.min(self.m - first_row);
        let sources: [RowSource<'s>; BLOCK] =
            std::array::from_fn(|lane| source(first_row + lane.min(n_rows - 1)));
        // SAFETY: guaranteed by the caller.
        unsafe {
            let at = block * self.n_groups + groups.start;
            let mut block = self.blocks.part(at * BLOCK, groups.len() * BLOCK);
            fill_block(isa, &sources[..n_rows], &mut block);
            if self.m == 1 {
                block.copy_first_row(&mut self.single.part(groups.start, groups.len()));
            }
            if self.floats_per_row > 0 {
                let column = groups.start * GROUP;
                let width = (groups.len() * GROUP).min(self.floats_per_row - column);
                for (lane, source) in sources[..n_rows].iter().enumerate() {
                    let row = (first_row + lane) * self.floats_per_row;
                    write_floats(isa, *source, self.floats.part(row + column, width));
                }
            }
        }
    }
}
