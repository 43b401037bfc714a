//! What is read off a row of logits: the best, the k best, the normaliser.

/// Returns the index of the largest value, the first of equals; NaN never wins. 0 for an empty slice.
pub fn argmax(values: &[f32]) -> usize {
    let best = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    values.iter().position(|value| *value == best).unwrap_or(0)
}

/// Returns ln Σ exp(value), summed in f64 from the largest down; -∞ for an empty slice.
pub fn log_sum_exp(values: &[f32]) -> f32 {
    let largest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !largest.is_finite() {
        return largest;
    }
    let sum: f64 = values.iter().map(|value| f64::from((value - largest).exp())).sum();
    (f64::from(largest) + sum.ln()) as f32
}

/// Returns the `k` largest values with their indices, best first, equals in index order.
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
    fn the_first_of_equals_wins() {
        assert_eq!(argmax(&[1.0, 3.0, 2.0, 3.0]), 1);
        assert_eq!(argmax(&[f32::NAN, -5.0, f32::NAN, -4.0]), 3);
        assert_eq!(argmax(&[]), 0);
        assert_eq!(argmax(&[f32::NEG_INFINITY; 3]), 0);
    }

    #[test]
    fn log_sum_exp_does_not_overflow() {
        assert_eq!(log_sum_exp(&[1000.0]), 1000.0);
        assert!((log_sum_exp(&[1000.0, 1000.0]) - (1000.0 + 2.0_f32.ln())).abs() < 1e-4);
        assert_eq!(log_sum_exp(&[]), f32::NEG_INFINITY);
    }

    proptest! {
        #[test]
        fn top_k_equals_a_stable_sort(values in prop::collection::vec(-4_i8..4, 0..100), k in 0_usize..12) {
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
