//! Rotations of queries and keys by their positions, from a table in a device's memory.
//!
//! The table is computed in f64 from the frequencies that our own kernels use, and grows with the positions in use.

use candle_core::{Device, Result, Tensor};
use candle_nn::rotary_emb::{rope, rope_i};
use lowkey_kernels::RopeLayout;

use crate::config::rope::RopeConfig;

/// The positions of a table to begin with.
const FIRST_POSITIONS: usize = 512;

/// The rotations of all positions in use.
pub(super) struct RotaryEmbedding {
    layout: RopeLayout,
    frequencies: Vec<f64>,
    attn_factor: f64,
    /// (positions, pairs)
    cos: Tensor,
    sin: Tensor,
}

/// The rotations of one pass: (m, pairs) each.
pub(super) struct Rotations {
    layout: RopeLayout,
    cos: Tensor,
    sin: Tensor,
}

impl RotaryEmbedding {
    /// Prepares rotations by a model's frequencies.
    pub(super) fn new(
        rope: &RopeConfig,
        divisors: Option<&[f32]>,
        device: &Device,
    ) -> Result<Self> {
        let (frequencies, attn_factor) = rope.frequencies(divisors);
        Self::with_frequencies(rope.layout, frequencies, f64::from(attn_factor), device)
    }

    fn with_frequencies(
        layout: RopeLayout,
        frequencies: Vec<f64>,
        attn_factor: f64,
        device: &Device,
    ) -> Result<Self> {
        let (cos, sin) = table(&frequencies, attn_factor, FIRST_POSITIONS, device)?;
        Ok(Self { layout, frequencies, attn_factor, cos, sin })
    }

    /// The rotations of `m` tokens from `position` on.
    pub(super) fn at(&mut self, position: usize, m: usize) -> Result<Rotations> {
        let n = position + m;
        if n > self.cos.dim(0)? {
            let device = self.cos.device().clone();
            let n = n.next_power_of_two();
            (self.cos, self.sin) = table(&self.frequencies, self.attn_factor, n, &device)?;
        }
        let rows = |table: &Tensor| table.narrow(0, position, m);
        Ok(Rotations { layout: self.layout, cos: rows(&self.cos)?, sin: rows(&self.sin)? })
    }
}

/// Cosines and sines of the first `n` positions: (n, pairs) each.
fn table(
    frequencies: &[f64],
    attn_factor: f64,
    n: usize,
    device: &Device,
) -> Result<(Tensor, Tensor)> {
    let n_pairs = frequencies.len();
    let (mut cos, mut sin) = (Vec::with_capacity(n * n_pairs), Vec::with_capacity(n * n_pairs));
    for position in 0..n {
        for frequency in frequencies {
            let (s, c) = (position as f64 * frequency).sin_cos();
            cos.push((c * attn_factor) as f32);
            sin.push((s * attn_factor) as f32);
        }
    }
    let upload = |numbers| Tensor::from_vec(numbers, (n, n_pairs), device);
    Ok((upload(cos)?, upload(sin)?))
}

impl Rotations {
    /// Rotates `heads`, (heads, m, `head_dim`); values beyond the pairs stay as they are.
    pub(super) fn apply(&self, heads: &Tensor) -> Result<Tensor> {
        let (n_heads, m, head_dim) = heads.dims3()?;
        let rotated_dim = 2 * self.cos.dim(1)?;
        if rotated_dim == head_dim {
            return self.rotate(&heads.contiguous()?);
        }
        if rotated_dim == 0 {
            return heads.contiguous();
        }
        let rotated = self.rotate(&heads.narrow(2, 0, rotated_dim)?.contiguous()?)?;
        let rest = heads.narrow(2, rotated_dim, head_dim - rotated_dim)?;
        Tensor::cat(&[&rotated, &rest], 2)?.reshape((n_heads, m, head_dim))
    }

    fn rotate(&self, heads: &Tensor) -> Result<Tensor> {
        let heads = heads.unsqueeze(0)?;
        match self.layout {
            RopeLayout::NeoX => rope(&heads, &self.cos, &self.sin)?.squeeze(0),
            RopeLayout::Interleaved => rope_i(&heads, &self.cos, &self.sin)?.squeeze(0),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use lowkey_kernels::Rope;

    use super::*;

    #[test]
    fn rotations_equal_those_of_the_kernels() {
        let frequencies = Rope::frequencies(8, 1e4);
        for layout in [RopeLayout::NeoX, RopeLayout::Interleaved] {
            // Whole heads, and the first 8 of 12 numbers.
            for head_dim in [8, 12] {
                let own = Rope::with_frequencies(head_dim, layout, &frequencies, 700);
                let frequencies = frequencies.clone();
                let rotary =
                    RotaryEmbedding::with_frequencies(layout, frequencies, 1.0, &Device::Cpu);
                let mut rotary = rotary.unwrap();
                // The table grows from the first to the second.
                for position in [3, 600] {
                    let values: Vec<f32> = (0..2 * head_dim).map(|i| (i as f32).sin()).collect();
                    let heads = Tensor::from_vec(values.clone(), (2, 1, head_dim), &Device::Cpu);
                    let rotated = rotary.at(position, 1).unwrap().apply(&heads.unwrap()).unwrap();
                    let rotated = rotated.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                    let mut expected = values;
                    own.apply(&mut expected, position).unwrap();
                    for (found, expected) in rotated.iter().zip(&expected) {
                        assert!((found - expected).abs() < 1e-5, "{layout:?}, {position}");
                    }
                }
            }
        }
    }
}
