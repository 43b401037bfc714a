//! How a row of activations is computed, sixteen values at a time, just before quantization.
//!
//! Norms first need a pass over the row ([`RowSource::with_statistics`]); all other steps work value by
//! value. Each row is computed from that row alone.

use crate::lanes::{LANES, Lanes, exp};
use crate::norm::inverse_rms;
use crate::tanh::gelu;

/// The parameters of a normalisation by mean and variance.
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm<'a> {
    /// Factor of the normalised values, one per column.
    pub weight: &'a [f32],
    /// Added after the multiplication, one per column.
    pub bias: &'a [f32],
    /// Added to the variance under the root.
    pub eps: f32,
}

/// The input of a row and the operation on it.
#[derive(Clone, Copy)]
pub(crate) enum RowSource<'a> {
    /// The unchanged row.
    Plain { x: &'a [f32] },
    /// The row divided by its root mean square, times `weight`.
    RmsNorm { x: &'a [f32], weight: &'a [f32], eps: f32 },
    /// `SiLU` of the row's first half, times its second half.
    SiluMul { gate_up: &'a [f32] },
    /// `GELU` of the row's first half, times its second half.
    GeluMul { gate_up: &'a [f32] },
    /// `GELU` of the row.
    Gelu { x: &'a [f32] },
    /// The row less its mean, divided by its standard deviation, scaled and shifted.
    LayerNorm { x: &'a [f32], norm: LayerNorm<'a> },
}

/// A source with the statistics of the row that its norm needs.
#[derive(Clone, Copy)]
pub(super) struct RowWithStatistics<'a> {
    source: RowSource<'a>,
    mean: f32,
    scale: f32,
}

impl<'a> RowSource<'a> {
    /// Returns the number of computed values.
    pub(super) fn k(self) -> usize {
        match self {
            RowSource::Plain { x }
            | RowSource::RmsNorm { x, .. }
            | RowSource::Gelu { x }
            | RowSource::LayerNorm { x, .. } => x.len(),
            RowSource::SiluMul { gate_up } | RowSource::GeluMul { gate_up } => gate_up.len() / 2,
        }
    }

    /// Makes the pass over the row that its norm needs.
    ///
    /// # Safety
    /// As [`Lanes`].
    #[inline(always)]
    pub(super) unsafe fn with_statistics<V: Lanes>(self) -> RowWithStatistics<'a> {
        let (mean, scale) = match self {
            // SAFETY: guaranteed by the caller.
            RowSource::RmsNorm { x, eps, .. } => (0.0, unsafe { inverse_rms::<V>(x, eps) }),
            // SAFETY: guaranteed by the caller.
            RowSource::LayerNorm { x, norm } => unsafe { mean_and_scale::<V>(x, norm.eps) },
            _ => (0.0, 1.0),
        };
        RowWithStatistics { source: self, mean, scale }
    }
}

impl RowWithStatistics<'_> {
    /// Computes the row's 16 values from `at` on.
    ///
    /// # Safety
    /// As [`Lanes`].
    #[inline(always)]
    pub(super) unsafe fn values_at<V: Lanes>(self, at: usize) -> V {
        // SAFETY: guaranteed by the caller.
        unsafe {
            match self.source {
                RowSource::Plain { x } => lanes_at::<V>(x, at),
                RowSource::RmsNorm { x, weight, .. } => {
                    lanes_at::<V>(x, at).mul(V::splat(self.scale)).mul(lanes_at(weight, at))
                }
                RowSource::SiluMul { gate_up } => {
                    let (gate, up) = gate_up.split_at(gate_up.len() / 2);
                    silu(lanes_at::<V>(gate, at)).mul(lanes_at(up, at))
                }
                RowSource::GeluMul { gate_up } => {
                    let (gate, up) = gate_up.split_at(gate_up.len() / 2);
                    gelu(lanes_at::<V>(gate, at)).mul(lanes_at(up, at))
                }
                RowSource::Gelu { x } => gelu(lanes_at::<V>(x, at)),
                RowSource::LayerNorm { x, norm } => {
                    let centred = lanes_at::<V>(x, at).sub(V::splat(self.mean));
                    let normal = centred.mul(V::splat(self.scale));
                    // Weight and bias are 0 past the end, so the result there is 0 too.
                    normal.mul(lanes_at(norm.weight, at)).add(lanes_at(norm.bias, at))
                }
            }
        }
    }
}

/// Returns the mean and 1 / sqrt(variance + eps). It makes two passes, because a single pass would
/// cancel.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn mean_and_scale<V: Lanes>(x: &[f32], eps: f32) -> (f32, f32) {
    let (whole, rest) = x.as_chunks::<LANES>();
    let n = x.len().max(1) as f32;
    // SAFETY: every chunk has 16 values; the caller guarantees the CPU.
    unsafe {
        let mut sum = V::splat(0.0);
        for chunk in whole {
            sum = sum.add(V::load(chunk.as_ptr()));
        }
        let mean = sum.add(lanes_at(rest, 0)).reduce_sum() / n;
        // The padding of the last lanes must not count.
        let mut tail = [mean; LANES];
        tail[..rest.len()].copy_from_slice(rest);
        let centre = V::splat(mean);
        let last = V::load(tail.as_ptr()).sub(centre);
        let mut squares = last.mul(last);
        for chunk in whole {
            let centred = V::load(chunk.as_ptr()).sub(centre);
            squares = centred.fma(centred, squares);
        }
        (mean, 1.0 / (squares.reduce_sum() / n + eps).sqrt())
    }
}

/// Reads 16 values from `at` on; those past the end are zero.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn lanes_at<V: Lanes>(values: &[f32], at: usize) -> V {
    let rest = values.get(at..).unwrap_or_default();
    if let Some(whole) = rest.first_chunk::<LANES>() {
        // SAFETY: `whole` has 16 values; the caller guarantees the CPU.
        return unsafe { V::load(whole.as_ptr()) };
    }
    let mut filled = [0.0; LANES];
    filled[..rest.len()].copy_from_slice(rest);
    // SAFETY: as above.
    unsafe { V::load(filled.as_ptr()) }
}

/// Returns x · sigmoid(x).
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn silu<V: Lanes>(x: V) -> V {
    // SAFETY: guaranteed by the caller.
    unsafe { x.div(exp(V::splat(0.0).sub(x)).add(V::splat(1.0))) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::activations::QuantizedActivations;
    use crate::isa::Isa;
    use crate::pool::Pool;
    use crate::reference;

    /// Fills a batch on every instruction set, checks that the floats are equal, and returns them.
    fn rows(m: usize, k: usize, fill: impl Fn(&mut QuantizedActivations, &Pool)) -> Vec<f32> {
        let mut first: Option<Vec<f32>> = None;
        for isa in Isa::all_usable() {
            let mut quantized = QuantizedActivations::with_floats();
            fill(&mut quantized, &Pool::with_isa(2, isa));
            let mut floats = vec![0.0; m * k];
            for (row, values) in floats.chunks_exact_mut(k).enumerate() {
                quantized.float_row(row, values);
            }
            assert_eq!(*first.get_or_insert(floats.clone()), floats, "{isa:?}");
        }
        first.unwrap()
    }

    #[test]
    fn layer_norm_equals_reference() {
        for k in [5, 32, 45, 200] {
            let m = 6;
            let x: Vec<f32> = reference::random_floats(m * k, 4).iter().map(|x| x + 3.0).collect();
            let (weight, bias) = (reference::random_floats(k, 5), reference::random_floats(k, 6));
            let norm = LayerNorm { weight: &weight, bias: &bias, eps: 1e-5 };
            let given = rows(m, k, |q, pool| q.layer_norm(pool, &x, norm, m, k).unwrap());
            for (given, x) in given.chunks_exact(k).zip(x.chunks_exact(k)) {
                let wide = || x.iter().map(|x| f64::from(*x));
                let mean = wide().sum::<f64>() / k as f64;
                let variance = wide().map(|x| (x - mean).powi(2)).sum::<f64>() / k as f64;
                for (i, x) in wide().enumerate() {
                    let exact = (x - mean) / (variance + 1e-5).sqrt() * f64::from(weight[i])
                        + f64::from(bias[i]);
                    assert!((f64::from(given[i]) - exact).abs() < 1e-5, "{} {exact}", given[i]);
                }
            }
        }
    }

    #[test]
    fn gated_gelu_multiplies_by_up() {
        let (m, k) = (3, 40);
        let x = reference::random_floats(m * 2 * k, 7);
        let gated = rows(m, k, |q, pool| q.gelu_mul(pool, &x, m, k).unwrap());
        let plain = rows(m, 2 * k, |q, pool| q.gelu(pool, &x, m, 2 * k).unwrap());
        for (row, values) in gated.chunks_exact(k).enumerate() {
            for (i, value) in values.iter().enumerate() {
                let expected = plain[row * 2 * k + i] * x[row * 2 * k + k + i];
                assert!((value - expected).abs() < 1e-6, "{value} {expected}");
            }
        }
    }

    #[test]
    fn wrong_shapes_are_errors() {
        let (pool, mut q) = (Pool::new(1), QuantizedActivations::new());
        let norm = LayerNorm { weight: &[1.0; 4], bias: &[0.0; 3], eps: 1e-5 };
        assert!(q.layer_norm(&pool, &[0.0; 4], norm, 1, 4).is_err());
        assert!(q.gelu_mul(&pool, &[0.0; 6], 1, 4).is_err());
        assert!(q.gelu(&pool, &[0.0; 6], 2, 4).is_err());
    }
}
