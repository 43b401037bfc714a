//! Root-mean-square normalisation.

use crate::error::ShapeError;
use crate::isa::Isa;
use crate::lanes::{LANES, Lanes, per_instruction_set};

/// Normalises one row by its root mean square and scales it by `weight`:
/// `out = x / sqrt(mean(x²) + eps) * weight`.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) -> Result<(), ShapeError> {
    ShapeError::exactly("rms norm", "weight", Some(x.len()), weight.len())?;
    ShapeError::exactly("rms norm", "out", Some(x.len()), out.len())?;
    // SAFETY: this CPU supports the set that `detect` returns.
    let scale = unsafe { rms_scale(Isa::detect(), x, eps) };
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
    Ok(())
}

per_instruction_set! {
    /// Returns 1 / sqrt(mean(x²) + eps).
    pub(crate) unsafe fn rms_scale(x: &[f32], eps: f32) -> f32 = inverse_rms
}

/// Returns 1 / sqrt(mean(x²) + eps).
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn inverse_rms<V: Lanes>(x: &[f32], eps: f32) -> f32 {
    let (whole, rest) = x.as_chunks::<LANES>();
    let mut tail = [0.0; LANES];
    tail[..rest.len()].copy_from_slice(rest);
    // SAFETY: every chunk has 16 values; the caller guarantees the CPU.
    let squares = unsafe {
        let mut squares = V::splat(0.0);
        for chunk in whole {
            let chunk = V::load(chunk.as_ptr());
            squares = chunk.fma(chunk, squares);
        }
        let tail = V::load(tail.as_ptr());
        tail.fma(tail, squares).reduce_sum()
    };
    1.0 / (squares / x.len().max(1) as f32 + eps).sqrt()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::reference;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rms_norm_equals_reference(x in prop::collection::vec(-10.0_f32..10.0, 1..200)) {
            let weight: Vec<f32> = (0..x.len()).map(|i| 1.0 + i as f32 / 100.0).collect();
            let mut out = vec![0.0; x.len()];
            rms_norm(&x, &weight, 1e-6, &mut out).unwrap();
            for (out, exact) in out.iter().zip(reference::rms_norm(&x, &weight, 1e-6)) {
                prop_assert!((f64::from(*out) - exact).abs() <= 1e-5 * exact.abs() + 1e-12);
            }
        }
    }

    #[test]
    fn different_lengths_are_errors() {
        assert!(rms_norm(&[1.0; 4], &[1.0; 3], 1e-6, &mut [0.0; 4]).is_err());
        assert!(rms_norm(&[1.0; 4], &[1.0; 4], 1e-6, &mut [0.0; 5]).is_err());
    }
}
