//! The norm before attention, before the feed-forward layer and before the output matrix.

use lowkey_kernels::{LayerNorm, Pool, Quantized, ShapeError};

/// A norm's weights, one per column.
pub(crate) enum Norm {
    /// Divides by the root mean square.
    Rms(Vec<f32>),
    /// Subtracts the mean, divides by the standard deviation, and adds a bias after the weight.
    Mean { weight: Vec<f32>, bias: Vec<f32> },
}

impl Norm {
    /// Normalises `m` rows of `k` values into `out`, as a matrix product takes them.
    pub(crate) fn quantize(
        &self,
        pool: &Pool,
        x: &[f32],
        eps: f32,
        m: usize,
        out: &mut Quantized,
    ) -> Result<(), ShapeError> {
        match self {
            Self::Rms(weight) => out.rms_norm(pool, x, weight, eps, m, weight.len()),
            Self::Mean { weight, bias } => {
                let norm = LayerNorm { weight, bias, eps };
                out.layer_norm(pool, x, norm, m, weight.len())
            }
        }
    }

    /// Multiplies what comes out by a number.
    pub(crate) fn scale(&mut self, factor: f32) {
        let values = match self {
            Self::Rms(weight) => weight.iter_mut().chain(&mut []),
            Self::Mean { weight, bias } => weight.iter_mut().chain(bias.as_mut_slice()),
        };
        values.for_each(|value| *value *= factor);
    }
}
