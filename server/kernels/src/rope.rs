//! Rotary position embedding.
//!
//! The angle of position `p` is the angle of `p` rounded down to a multiple of 64, plus the angle
//! of the remainder. Two small tables in f64 hold these angles, and one complex product joins them.
//! A model of 128k positions thus needs no table of 128k rows, and the result is as exact as f32
//! can hold.

use crate::error::ShapeError;
use crate::pool::Pool;
use crate::shared::SharedSlice;

/// Which two values of a head are rotated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeLayout {
    /// `i` and `i + dim / 2`: `NeoX`, Qwen, `StarCoder2`, and every GGUF file of a model that is
    /// not Llama-like.
    NeoX,
    /// `2i` and `2i + 1`: GGUF files of Llama-like models are permuted for this order.
    Interleaved,
}

/// Positions that share one entry of the coarse table.
const STEP: usize = 64;

/// The rotations of every position of one model.
#[derive(Debug, Clone)]
pub struct Rope {
    head_dim: usize,
    layout: RopeLayout,
    /// Rotated pairs per head.
    n_pairs: usize,
    /// (cos, sin) of the positions `0..STEP`: `STEP` × `n_pairs`.
    fine: Vec<(f64, f64)>,
    /// (cos, sin) of every multiple of `STEP`, `n_pairs` each.
    coarse: Vec<(f64, f64)>,
}

impl Rope {
    /// Returns the usual frequencies of heads of `head_dim` values, in radians per position:
    /// `base^(-2i / head_dim)` for pair i.
    pub fn frequencies(head_dim: usize, base: f32) -> Vec<f64> {
        let base = f64::from(base);
        (0..head_dim / 2).map(|i| base.powf(-2.0 * i as f64 / head_dim as f64)).collect()
    }

    /// Prepares positions `0..max_positions` with one frequency (radians per position) per rotated
    /// pair. Values of a head after the pairs are not rotated.
    pub fn with_frequencies(
        head_dim: usize,
        layout: RopeLayout,
        frequencies: &[f64],
        max_positions: usize,
    ) -> Self {
        let n_pairs = frequencies.len().min(head_dim / 2);
        let table = |n_positions: usize, step: usize| {
            let mut table = Vec::with_capacity(n_positions * n_pairs);
            for position in 0..n_positions {
                for frequency in &frequencies[..n_pairs] {
                    let (sin, cos) = ((position * step) as f64 * frequency).sin_cos();
                    table.push((cos, sin));
                }
            }
            table
        };
        let n_coarse = max_positions.div_ceil(STEP).max(1);
        Self { head_dim, layout, n_pairs, fine: table(STEP, 1), coarse: table(n_coarse, STEP) }
    }

    /// Returns the same rotations, with the rotated values scaled by `attn_factor`.
    #[must_use]
    pub fn with_attn_factor(mut self, attn_factor: f32) -> Self {
        // The entries of the two tables are multiplied with each other, so scaling one table is
        // enough.
        for (cos, sin) in &mut self.coarse {
            *cos *= f64::from(attn_factor);
            *sin *= f64::from(attn_factor);
        }
        self
    }

    /// Returns the number of prepared positions, rounded up.
    pub fn max_positions(&self) -> usize {
        self.coarse.len().checked_div(self.n_pairs).map_or(usize::MAX, |n| n * STEP)
    }

    /// Rotates one position's heads in place; `x` is heads × `head_dim`.
    pub fn apply(&self, x: &mut [f32], position: usize) -> Result<(), ShapeError> {
        let heads =
            x.len().checked_div(self.head_dim).and_then(|heads| heads.checked_mul(self.head_dim));
        ShapeError::exactly("rope", "x", heads, x.len())?;
        ShapeError::at_least("rope", "positions", position.checked_add(1), self.max_positions())?;
        self.rotate(x, position);
        Ok(())
    }

    /// Rotates the first `width` values (heads × `head_dim`) of each of `m` rows, which begin
    /// `row_stride` apart. Row `i` has position `position + i`.
    pub fn apply_rows(
        &self,
        pool: &Pool,
        x: &mut [f32],
        row_stride: usize,
        width: usize,
        position: usize,
        m: usize,
    ) -> Result<(), ShapeError> {
        let heads =
            width.checked_div(self.head_dim).and_then(|heads| heads.checked_mul(self.head_dim));
        ShapeError::exactly("rope", "width", heads, width)?;
        ShapeError::at_least("rope", "row stride", Some(width), row_stride)?;
        let needed = m
            .checked_sub(1)
            .map_or(Some(0), |last| last.checked_mul(row_stride)?.checked_add(width));
        ShapeError::at_least("rope", "x", needed, x.len())?;
        ShapeError::at_least("rope", "positions", position.checked_add(m), self.max_positions())?;
        let x = SharedSlice::new(x);
        pool.split(m, 16, |rows| {
            for row in rows {
                // SAFETY: `split` hands out every row once, and rows do not overlap because the
                // stride is at least the width.
                let row_values = unsafe { x.part(row * row_stride, width) };
                self.rotate(row_values, position + row);
            }
        });
        Ok(())
    }

    fn rotate(&self, x: &mut [f32], position: usize) {
        let fine = &self.fine[position % STEP * self.n_pairs..][..self.n_pairs];
        let coarse = &self.coarse[position / STEP * self.n_pairs..][..self.n_pairs];
        // One block of pairs at a time, so that a small array holds the angles for all heads.
        const BLOCK: usize = 64;
        let (mut cos, mut sin) = ([0.0_f32; BLOCK], [0.0_f32; BLOCK]);
        for start in (0..self.n_pairs).step_by(BLOCK) {
            let len = BLOCK.min(self.n_pairs - start);
            for i in 0..len {
                let ((fc, fs), (cc, cs)) = (fine[start + i], coarse[start + i]);
                cos[i] = (fc * cc - fs * cs) as f32;
                sin[i] = (fs * cc + fc * cs) as f32;
            }
            let (cos, sin) = (&cos[..len], &sin[..len]);
            for head in x.chunks_exact_mut(self.head_dim) {
                match self.layout {
                    RopeLayout::NeoX => {
                        let (first, second) = head.split_at_mut(self.n_pairs);
                        let (first, second) =
                            (&mut first[start..start + len], &mut second[start..start + len]);
                        for i in 0..len {
                            let (a, b) = (first[i], second[i]);
                            first[i] = a * cos[i] - b * sin[i];
                            second[i] = b * cos[i] + a * sin[i];
                        }
                    }
                    RopeLayout::Interleaved => {
                        let pairs = &mut head.as_chunks_mut::<2>().0[start..start + len];
                        for (i, [a, b]) in pairs.iter_mut().enumerate() {
                            (*a, *b) = (*a * cos[i] - *b * sin[i], *b * cos[i] + *a * sin[i]);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::reference;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rotation_equals_reference(
            half in 1_usize..80,
            heads in 1_usize..4,
            position in 0_usize..5000,
            adjacent: bool,
        ) {
            let head_dim = 2 * half;
            let layout = if adjacent { RopeLayout::Interleaved } else { RopeLayout::NeoX };
            let frequencies: Vec<f64> = (0..half).map(|i| 1e6_f64.powf(-(i as f64) / half as f64)).collect();
            let rope = Rope::with_frequencies(head_dim, layout, &frequencies, 5000);
            let x: Vec<f32> = (0..heads * head_dim).map(|i| (i as f32 * 0.37).sin()).collect();
            let mut rotated = x.clone();
            rope.apply(&mut rotated, position).unwrap();
            let exact = reference::rope(&x, head_dim, adjacent, &frequencies, position);
            for (rotated, exact) in rotated.iter().zip(exact) {
                prop_assert!((f64::from(*rotated) - exact).abs() < 1e-6);
            }
        }
    }

    fn neox(head_dim: usize, base: f32, max_positions: usize) -> Rope {
        let frequencies = Rope::frequencies(head_dim, base);
        Rope::with_frequencies(head_dim, RopeLayout::NeoX, &frequencies, max_positions)
    }

    #[test]
    fn rows_equal_single_positions() {
        let rope = neox(64, 1e6, 600);
        let (stride, width, m) = (200, 128, 40);
        let x: Vec<f32> = (0..stride * m).map(|i| (i as f32 * 0.11).cos()).collect();
        let mut rows = x.clone();
        rope.apply_rows(&Pool::new(2), &mut rows, stride, width, 500, m).unwrap();
        for row in 0..m {
            let mut one = x[row * stride..row * stride + width].to_vec();
            rope.apply(&mut one, 500 + row).unwrap();
            assert_eq!(rows[row * stride..row * stride + width], one);
            assert_eq!(
                rows[row * stride + width..(row + 1) * stride],
                x[row * stride + width..(row + 1) * stride]
            );
        }
    }

    #[test]
    fn attn_factor_scales_only_rotated_values() {
        let frequencies = &Rope::frequencies(32, 1e4)[..12];
        let plain = Rope::with_frequencies(32, RopeLayout::NeoX, frequencies, 100);
        let x: Vec<f32> = (0..64).map(|i| (i as f32 * 0.3).cos()).collect();
        let (mut rotated, mut scaled) = (x.clone(), x.clone());
        plain.apply(&mut rotated, 70).unwrap();
        plain.with_attn_factor(1.5).apply(&mut scaled, 70).unwrap();
        for (i, (scaled, rotated)) in scaled.iter().zip(rotated).enumerate() {
            let expected = if i % 32 < 24 { 1.5 * rotated } else { x[i] };
            assert!((scaled - expected).abs() < 1e-6, "{i}: {scaled}, not {expected}");
        }
    }

    #[test]
    fn positions_past_the_tables_are_errors() {
        let rope = neox(32, 1e4, 100);
        assert!(rope.apply(&mut [0.0; 64], rope.max_positions()).is_err());
        assert!(rope.apply(&mut [0.0; 63], 0).is_err());
    }
}
