//! The hyperbolic tangent over lanes, and the soft caps computed with it.
//!
//! Uses our own exponential, so the bits are the same on every instruction set. Near zero the error
//! is that of the subtraction from 1: 6e-8 for arguments of any size. Soft caps add it to
//! numbers of the cap's size.

use crate::lanes::{LANES, Lanes, exp, per_instruction_set};
use crate::pool::Pool;
use crate::shared::SharedSlice;

/// Applies a soft cap to `values`: `cap * tanh(value / cap)`, which is within ±`cap`.
pub fn soft_cap(pool: &Pool, values: &mut [f32], cap: f32) {
    const RUN_LEN: usize = 64 * LANES;
    let n = values.len();
    let values = SharedSlice::new(values);
    pool.split(n.div_ceil(RUN_LEN), 16, |runs| {
        for run in runs {
            // SAFETY: `split` hands out every run once, and runs do not overlap.
            let part = unsafe { values.part(run * RUN_LEN, RUN_LEN) };
            // SAFETY: this CPU supports a pool's instruction set.
            unsafe { soft_cap_part(pool.isa(), part, cap) };
        }
    });
}

per_instruction_set! {
    /// Caps a slice of any length.
    unsafe fn soft_cap_part(values: &mut [f32], cap: f32) = soft_cap_lanes
}

/// Caps `values` in place.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn soft_cap_lanes<V: Lanes>(values: &mut [f32], cap: f32) {
    let (whole, rest) = values.as_chunks_mut::<LANES>();
    let mut filled = [0.0; LANES];
    filled[..rest.len()].copy_from_slice(rest);
    // SAFETY: every chunk has 16 values; the caller guarantees the CPU.
    unsafe {
        let (cap, inverse) = (V::splat(cap), V::splat(1.0 / cap));
        for chunk in whole {
            tanh(V::load(chunk.as_ptr()).mul(inverse)).mul(cap).store(chunk.as_mut_ptr());
        }
        tanh(V::load(filled.as_ptr()).mul(inverse)).mul(cap).store(filled.as_mut_ptr());
    }
    rest.copy_from_slice(&filled[..rest.len()]);
}

/// Returns tanh(x) = 1 - 2 / (exp(2x) + 1).
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn tanh<V: Lanes>(x: V) -> V {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let one = V::splat(1.0);
        one.sub(V::splat(2.0).div(exp(x.add(x)).add(one)))
    }
}

/// Returns x · Φ(x) by the usual approximation, x · sigmoid(2 · √(2/π) · (x + 0.044715 x³)). It
/// equals `0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))` without the cancellation.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn gelu<V: Lanes>(x: V) -> V {
    const TWO_SQRT_2_OVER_PI: f32 = 1.595_769;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let inner = x.mul(x).fma(V::splat(0.044_715), V::splat(1.0)).mul(x);
        let exponential = exp(inner.mul(V::splat(-TWO_SQRT_2_OVER_PI)));
        x.div(exponential.add(V::splat(1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::lanes::to_array;

    per_instruction_set! {
        unsafe fn gelu_of(x: f32) -> f32 = one_gelu
    }

    /// # Safety
    /// As [`Lanes`].
    #[inline(always)]
    unsafe fn one_gelu<V: Lanes>(x: f32) -> f32 {
        // SAFETY: guaranteed by the caller.
        unsafe { to_array(gelu(V::splat(x)))[0] }
    }

    #[test]
    fn soft_cap_equals_reference() {
        let values: Vec<f32> = (-700..700).map(|i| i as f32 * 0.37).chain([1e30, -1e30]).collect();
        let mut first = None;
        for isa in Isa::all_usable() {
            for threads in 1..=3 {
                let mut capped = values.clone();
                soft_cap(&Pool::with_isa(threads, isa), &mut capped, 30.0);
                for (given, x) in capped.iter().zip(&values) {
                    let exact = 30.0 * (f64::from(*x) / 30.0).tanh();
                    assert!((f64::from(*given) - exact).abs() < 1e-5, "{x}: {given}, not {exact}");
                }
                let bits: Vec<u32> = capped.iter().map(|x| x.to_bits()).collect();
                assert_eq!(*first.get_or_insert(bits.clone()), bits, "{isa:?}");
            }
        }
    }

    #[test]
    fn gelu_equals_reference() {
        for x in (-400..400).map(|i| i as f32 * 0.041) {
            let wide = f64::from(x);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            let exact = 0.5 * wide * (1.0 + inner.tanh());
            for isa in Isa::all_usable() {
                // SAFETY: this CPU supports every set in `all_usable`.
                let given = unsafe { gelu_of(isa, x) };
                assert!((f64::from(given) - exact).abs() < 2e-6, "{x}: {given}, not {exact}");
            }
        }
    }
}
