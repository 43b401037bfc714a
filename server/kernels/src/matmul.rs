//! The matrix product: quantized activations times packed weights.
//!
//! Threads take panels of neighbouring tiles. Within a panel, all rows of activations pass over the
//! same weights while these are in the cache.
//!
//! Invariant: an output is the sum over its groups of 32 columns in order; each group's exact
//! integer dot product enters by one fused multiply-add. Then the bias is added, then the previous
//! value of `out`. None of this depends on the panel, the batch or the thread.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod float;
mod gated;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

pub use gated::{Activation, gated};

use crate::activations::QuantizedActivations;
use crate::error::ShapeError;
use crate::isa::Isa;
use crate::layout::{TILE, with_layout};
use crate::matrix::{Matrix, Part};
use crate::pool::Pool;
use crate::shared::SharedSlice;

/// One product as its kernels see it. `matmul` has checked that the shapes match.
#[derive(Clone, Copy)]
struct Product<'a> {
    w: &'a Matrix,
    a: &'a QuantizedActivations,
    /// The activations as floats, `m` × `k`, if `w` has float parts.
    floats: &'a [f32],
    bias: Option<&'a [f32]>,
    add: bool,
    /// The rows of `a` to compute: `begin..end`.
    begin: usize,
    end: usize,
    /// The products, `stride` apart.
    out: SharedSlice<'a, f32>,
    stride: usize,
}

/// Neighbouring tiles of one part.
#[derive(Clone, Copy)]
struct Panel {
    part: Part,
    first_tile: usize,
    n_tiles: usize,
    /// Column of the output where the first tile's values begin.
    column: usize,
}

/// Computes `out = a · wᵀ`, `m` × `n`. Adds `bias` to each row if there is one, and adds the
/// previous values of `out` if `add` is set.
pub fn matmul(
    pool: &Pool,
    w: &Matrix,
    a: &QuantizedActivations,
    bias: Option<&[f32]>,
    add: bool,
    out: &mut [f32],
) -> Result<(), ShapeError> {
    ShapeError::exactly("matmul", "activations", Some(w.k()), a.k())?;
    ShapeError::exactly("matmul", "out", a.m().checked_mul(w.n()), out.len())?;
    if let Some(bias) = bias {
        ShapeError::exactly("matmul", "bias", Some(w.n()), bias.len())?;
    }
    let mut floats = Vec::new();
    if w.has_floats() {
        floats.resize(a.m() * a.k(), 0.0);
        for (row, values) in floats.chunks_exact_mut(a.k()).enumerate() {
            a.float_row(row, values);
        }
    }
    let (end, out) = (a.m(), SharedSlice::new(out));
    let product = Product { w, a, floats: &floats, bias, add, begin: 0, end, out, stride: w.n() };
    // A large batch passes over a panel many times. A wider panel, still within the L2 cache,
    // starts over less often.
    let tiles_per_panel = if a.m() > 8 { 8 } else { 4 };
    let n_tiles: usize = w.parts().iter().map(Part::n_tiles).sum();
    // A product of a microsecond or two is done before another thread has woken, so one thread
    // takes it all. Otherwise the runs are neighbouring tiles, so that prefetched memory is the
    // memory used next. A pair of tiles is the smallest run that suits all kernels.
    let run = if is_small(w, a.m()) { n_tiles } else { 2 };
    pool.split_guided(n_tiles, run, |range| {
        let mut first_of_part = 0;
        for part in w.parts() {
            let end = range.end.saturating_sub(first_of_part).min(part.n_tiles());
            let start = range.start.saturating_sub(first_of_part);
            for first_tile in (start..end).step_by(tiles_per_panel) {
                let n_tiles = tiles_per_panel.min(end - first_tile);
                let column = part.first_row + first_tile * TILE;
                let panel = Panel { part: *part, first_tile, n_tiles, column };
                run_panel(pool.isa(), &product, &panel);
            }
            first_of_part += part.n_tiles();
        }
    });
    Ok(())
}

/// Whether a product with `m` rows takes at most a microsecond or two: less than waking a
/// thread.
fn is_small(w: &Matrix, m: usize) -> bool {
    m.saturating_mul(w.n()).saturating_mul(w.k()) <= 1 << 16
}

/// Computes one panel, which no other thread may compute; `isa` is the pool's.
fn run_panel(isa: Isa, product: &Product<'_>, panel: &Panel) {
    // SAFETY: this CPU supports a pool's instruction set.
    unsafe {
        with_layout!(
            panel.part.format,
            L => match isa {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512Vnni => avx512::panel::<L>(product, panel),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2Vnni => avx2::vnni_panel::<L>(product, panel),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2::panel::<L>(product, panel),
                #[cfg(target_arch = "aarch64")]
                Isa::NeonDotprod => neon::panel::<L>(product, panel),
                _ => portable::panel::<L>(product, panel),
            },
            float => float::panel(isa, product, panel)
        );
    }
}

impl Product<'_> {
    /// Writes the sums of several activation rows, from `row` on, for the rows of `N` tiles, or of
    /// as many as the panel has. Adds the bias and the previous output. Sums after the last row are
    /// ignored.
    ///
    /// # Safety
    /// No other thread may write the same tiles.
    #[inline(always)]
    unsafe fn store_tile<const N: usize>(
        &self,
        panel: &Panel,
        tile: usize,
        row: usize,
        sums: &[[[f32; TILE]; N]],
    ) {
        let part = &panel.part;
        let end = (panel.first_tile + panel.n_tiles) * TILE;
        let len = (end.min(part.n) - tile * TILE).min(N * TILE);
        let first = part.first_row + tile * TILE;
        let column = panel.column + (tile - panel.first_tile) * TILE;
        let bias = self.bias.map(|bias| &bias[first..first + len]);
        for (r, sums) in sums.iter().enumerate().take(self.end - row) {
            // SAFETY: guaranteed by the caller.
            let out = unsafe { self.out.part((row + r - self.begin) * self.stride + column, len) };
            // Nearly all tiles are whole. With a number of lanes known at compile time, a tile is
            // one vector.
            if out.len() == N * TILE {
                for (index, out) in out.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
                    let bias = bias.and_then(|bias| bias.as_chunks::<TILE>().0.get(index));
                    store_sums(&sums[index], bias, self.add, out);
                }
            } else {
                for (index, out) in out.iter_mut().enumerate() {
                    let bias = bias.map(|bias| [bias[index]]);
                    let sum = sums[index / TILE][index % TILE];
                    store_sums(&[sum], bias.as_ref(), self.add, std::array::from_mut(out));
                }
            }
        }
    }
}

/// Stores sums, after adding the bias and then the previous values.
#[inline(always)]
fn store_sums<const M: usize>(
    sums: &[f32; M],
    bias: Option<&[f32; M]>,
    add: bool,
    out: &mut [f32; M],
) {
    let mut values = *sums;
    if let Some(bias) = bias {
        for (value, bias) in values.iter_mut().zip(bias) {
            *value += bias;
        }
    }
    if add {
        for (value, out) in values.iter_mut().zip(&*out) {
            *value += out;
        }
    }
    *out = values;
}

#[cfg(test)]
mod tests;
