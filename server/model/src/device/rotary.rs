//! Rotations of queries and keys by their positions, from a table in a device's memory.
//!
//! The table is computed in f64 from the frequencies that our own kernels use, and grows with the positions in use.

use candle_core::{Device, Result, Tensor};
use candle_nn::rotary_emb::{rope, rope_i};
use lowkey_kernels::Pairing;

use crate::Config;
use crate::rotation::frequencies;

/// The positions of a table to begin with.
const FIRST_POSITIONS: usize = 512;

/// How positions turn heads.
pub(super) struct Turns {
    pairing: Pairing,
    frequencies: Vec<f64>,
    amplitude: f64,
    /// (positions, pairs)
    cos: Tensor,
    sin: Tensor,
}

/// The rotations of one pass: (m, pairs) each.
pub(super) struct Turn {
    pairing: Pairing,
    cos: Tensor,
    sin: Tensor,
}

impl Turns {
    /// Prepares rotations by a model's frequencies.
    pub(super) fn new(config: &Config, divisors: Option<&[f32]>, device: &Device) -> Result<Self> {
        let (frequencies, amplitude) = frequencies(config, divisors);
        Self::with_frequencies(config.rope_pairing, frequencies, f64::from(amplitude), device)
    }

    fn with_frequencies(
        pairing: Pairing,
        frequencies: Vec<f64>,
        amplitude: f64,
        device: &Device,
    ) -> Result<Self> {
        let (cos, sin) = table(&frequencies, amplitude, FIRST_POSITIONS, device)?;
        Ok(Self { pairing, frequencies, amplitude, cos, sin })
    }

    /// The rotations of `m` tokens from `position` on.
    pub(super) fn at(&mut self, position: usize, m: usize) -> Result<Turn> {
        let n = position + m;
        if n > self.cos.dim(0)? {
            let device = self.cos.device().clone();
            let n = n.next_power_of_two();
            (self.cos, self.sin) = table(&self.frequencies, self.amplitude, n, &device)?;
        }
        let rows = |table: &Tensor| table.narrow(0, position, m);
        Ok(Turn { pairing: self.pairing, cos: rows(&self.cos)?, sin: rows(&self.sin)? })
    }
}

/// Cosines and sines of the first `n` positions: (n, pairs) each.
fn table(
    frequencies: &[f64],
    amplitude: f64,
    n: usize,
    device: &Device,
) -> Result<(Tensor, Tensor)> {
    let n_pairs = frequencies.len();
    let (mut cos, mut sin) = (Vec::with_capacity(n * n_pairs), Vec::with_capacity(n * n_pairs));
    for position in 0..n {
        for frequency in frequencies {
            let (s, c) = (position as f64 * frequency).sin_cos();
            cos.push((c * amplitude) as f32);
            sin.push((s * amplitude) as f32);
        }
    }
    let upload = |numbers| Tensor::from_vec(numbers, (n, n_pairs), device);
    Ok((upload(cos)?, upload(sin)?))
}

impl Turn {
    /// Turns `heads`, (heads, m, `head_dim`); what is wider than the pairs stays as it is.
    pub(super) fn apply(&self, heads: &Tensor) -> Result<Tensor> {
        let (n_heads, m, head_dim) = heads.dims3()?;
        let turned_dim = 2 * self.cos.dim(1)?;
        if turned_dim == head_dim {
            return self.turn(&heads.contiguous()?);
        }
        if turned_dim == 0 {
            return heads.contiguous();
        }
        let turned = self.turn(&heads.narrow(2, 0, turned_dim)?.contiguous()?)?;
        let rest = heads.narrow(2, turned_dim, head_dim - turned_dim)?;
        Tensor::cat(&[&turned, &rest], 2)?.reshape((n_heads, m, head_dim))
    }

    fn turn(&self, heads: &Tensor) -> Result<Tensor> {
        let heads = heads.unsqueeze(0)?;
        match self.pairing {
            Pairing::Halves => rope(&heads, &self.cos, &self.sin)?.squeeze(0),
            Pairing::Adjacent => rope_i(&heads, &self.cos, &self.sin)?.squeeze(0),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use lowkey_kernels::Rope;

    use super::*;

    #[test]
    fn heads_turn_as_our_own_kernels_turn_them() {
        let frequencies = Rope::frequencies(8, 1e4);
        for pairing in [Pairing::Halves, Pairing::Adjacent] {
            // Whole heads, and the first 8 of 12 numbers.
            for head_dim in [8, 12] {
                let own = Rope::with_frequencies(head_dim, pairing, &frequencies, 700);
                let frequencies = frequencies.clone();
                let turns = Turns::with_frequencies(pairing, frequencies, 1.0, &Device::Cpu);
                let mut turns = turns.unwrap();
                // The table grows from the first to the second.
                for position in [3, 600] {
                    let values: Vec<f32> = (0..2 * head_dim).map(|i| (i as f32).sin()).collect();
                    let heads = Tensor::from_vec(values.clone(), (2, 1, head_dim), &Device::Cpu);
                    let turned = turns.at(position, 1).unwrap().apply(&heads.unwrap()).unwrap();
                    let turned = turned.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                    let mut expected = values;
                    own.apply(&mut expected, position).unwrap();
                    for (found, expected) in turned.iter().zip(&expected) {
                        assert!((found - expected).abs() < 1e-5, "{pairing:?}, {position}");
                    }
                }
            }
        }
    }
}
