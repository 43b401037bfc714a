//! Reductions over a row of logits: the best, the k best, and the normaliser.

use crate::isa::Isa;
use crate::lanes::{LANES, Lanes, exp, per_instruction_set};

/// Returns the index of the largest value, the first of equal ones. NaN is never chosen. Returns 0
/// for an empty slice.
pub fn argmax(values: &[f32]) -> usize {
    // SAFETY: this CPU supports the set that `detect` returns.
    let best = unsafe { max_value(Isa::detect(), values) };
    values.iter().position(|value| *value == best).unwrap_or(0)
}

/// Returns ln Σ exp(value), or -∞ for an empty slice.
pub fn log_sum_exp(values: &[f32]) -> f32 {
    let isa = Isa::detect();
    // SAFETY: this CPU supports the set that `detect` returns.
    let best = unsafe { max_value(isa, values) };
    if !best.is_finite() {
        return best;
    }
    // SAFETY: as above.
    best + unsafe { exp_sum(isa, values, best) }.ln() as f32
}

per_instruction_set! {
    /// Returns the largest value, or -∞ if there is none except NaN.
    unsafe fn max_value(values: &[f32]) -> f32 = max_value_lanes
}

per_instruction_set! {
    /// Returns Σ exp(value - best).
    unsafe fn exp_sum(values: &[f32], best: f32) -> f64 = exp_sum_lanes
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn max_value_lanes<V: Lanes>(values: &[f32]) -> f32 {
    let (whole, rest) = values.as_chunks::<LANES>();
    // SAFETY: every chunk has 16 values; the caller guarantees the CPU.
    let mut best = unsafe {
        let mut best = V::splat(f32::NEG_INFINITY);
        for chunk in whole {
            // In this order of operands a NaN leaves the previous best value in place.
            best = V::load(chunk.as_ptr()).max(best);
        }
        best.reduce_max()
    };
    for value in rest {
        best = best.max(*value);
    }
    best
}

/// # Safety
/// As [`Lanes`].
#[inline(always)]
unsafe fn exp_sum_lanes<V: Lanes>(values: &[f32], best: f32) -> f64 {
    let mut total = 0.0;
    // Short runs are summed in f32 and their sums in f64, because a vocabulary's many small terms
    // would otherwise be lost to rounding.
    for run in values.chunks(64 * LANES) {
        let (whole, rest) = run.as_chunks::<LANES>();
        let mut tail = [f32::NEG_INFINITY; LANES];
        tail[..rest.len()].copy_from_slice(rest);
        // SAFETY: every chunk has 16 values; the caller guarantees the CPU.
        total += unsafe {
            let mut sum = V::splat(0.0);
            for chunk in whole {
                sum = sum.add(exp(V::load(chunk.as_ptr()).sub(V::splat(best))));
            }
            if !rest.is_empty() {
                sum = sum.add(exp(V::load(tail.as_ptr()).sub(V::splat(best))));
            }
            f64::from(sum.reduce_sum())
        };
    }
    total
}

/// Returns the `k` largest values with their indices, best first, equal values in index order.
pub fn top_k(values: &[f32], k: usize) -> Vec<(usize, f32)> {
    let mut best: Vec<(usize, f32)> = Vec::with_capacity(k.min(values.len()) + 1);
    if k == 0 {
        return best;
    }
    for (idx, &value) in values.iter().enumerate() {
        if value.is_nan() || (best.len() >= k && best.last().is_some_and(|last| value <= last.1)) {
            continue;
        }
        let at = best.partition_point(|other| other.1 >= value);
        best.insert(at, (idx, value));
        best.truncate(k);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn first_of_equal_maxima_wins() {
        assert_eq!(argmax(&[1.0, 3.0, 2.0, 3.0]), 1);
        assert_eq!(argmax(&[f32::NAN, -5.0, f32::NAN, -4.0]), 3);
        assert_eq!(argmax(&[]), 0);
        let mut long = vec![f32::NAN; 1000];
        (long[700], long[701], long[999]) = (2.0, 2.0, 1.0);
        assert_eq!(argmax(&long), 700);
        assert_eq!(argmax(&[f32::NEG_INFINITY; 3]), 0);
    }

    #[test]
    fn log_sum_exp_is_exact_to_f32() {
        let values = crate::reference::random_floats(151_937, 3);
        let exact = values.iter().map(|value| f64::from(*value).exp()).sum::<f64>().ln();
        assert!((f64::from(log_sum_exp(&values)) - exact).abs() < 1e-5);
    }

    #[test]
    fn log_sum_exp_does_not_overflow() {
        assert_eq!(log_sum_exp(&[1000.0]), 1000.0);
        assert!((log_sum_exp(&[1000.0, 1000.0]) - (1000.0 + 2.0_f32.ln())).abs() < 1e-4);
        assert_eq!(log_sum_exp(&[]), f32::NEG_INFINITY);
    }

    proptest! {
        #[test]
        fn top_k_equals_stable_sort(values in prop::collection::vec(-4_i8..4, 0..100), k in 0_usize..12) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let mut sorted: Vec<(usize, f32)> = values.iter().copied().enumerate().collect();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1));
            sorted.truncate(k);
            prop_assert_eq!(top_k(&values, k), sorted.clone());
            if let Some(first) = sorted.first() {
                prop_assert_eq!(argmax(&values), first.0);
            }
        }
    }
}
