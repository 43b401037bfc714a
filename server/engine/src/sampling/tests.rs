//! Compares samples with their expected probabilities. All seeds are fixed, so the tests are
//! deterministic.

use proptest::prelude::*;

use super::*;

const LOGITS: [f32; 8] = [1.0, 3.0, -2.0, 2.5, 0.0, 2.5, -8.0, 1.5];

fn drawing() -> Sampling {
    Sampling { temperature: 1.0, ..Sampling::default() }
}

/// Returns the token chosen after `before`.
fn choose(sampling: Sampling, logits: &[f32], before: &[TokenId]) -> TokenId {
    Sampler::new(sampling).choose(logits, None, before)
}

/// Counts each token in 20,000 samples.
fn counts(sample: impl Fn(u64) -> TokenId) -> [f64; LOGITS.len()] {
    let mut counts = [0.0; LOGITS.len()];
    (0..20_000).for_each(|n| counts[sample(n) as usize] += 1.0);
    counts
}

/// Asserts that `counts` are samples with these weights: χ² below the 0.999 quantile of its
/// distribution.
#[track_caller]
fn assert_drawn(counts: [f64; LOGITS.len()], weights: [f64; LOGITS.len()]) {
    let (n, total): (f64, f64) = (counts.iter().sum(), weights.iter().sum());
    let mut chi_square = 0.0;
    for (count, weight) in counts.iter().zip(weights) {
        let expected = n * weight / total;
        if weight == 0.0 {
            assert_eq!(*count, 0.0, "{counts:?}");
        } else {
            chi_square += (count - expected).powi(2) / expected;
        }
    }
    let freedom = weights.iter().filter(|weight| **weight > 0.0).count() - 1;
    let bound = [0.0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32][freedom];
    assert!(chi_square <= bound, "{chi_square} is not within {bound}: {counts:?}");
}

/// Returns the weights of the `remaining` tokens at a temperature.
fn weights(temperature: f64, remaining: &[usize]) -> [f64; LOGITS.len()] {
    std::array::from_fn(|token| {
        if remaining.contains(&token) {
            (f64::from(LOGITS[token]) / temperature).exp()
        } else {
            0.0
        }
    })
}

#[test]
fn samples_follow_the_distribution() {
    for temperature in [0.5, 1.0, 2.0] {
        let sampling = Sampling { temperature, ..drawing() };
        let expected = weights(f64::from(temperature), &[0, 1, 2, 3, 4, 5, 6, 7]);
        assert_drawn(counts(|seed| choose(Sampling { seed, ..sampling }, &LOGITS, &[])), expected);
        assert_drawn(counts(|n| choose(sampling, &LOGITS, &[7, n as TokenId])), expected);
    }
}

#[test]
fn each_limit_keeps_its_tokens() {
    let over_seeds = |sampling| counts(|seed| choose(Sampling { seed, ..sampling }, &LOGITS, &[]));
    // By logit: 1, then 3 and 5 alike, 7, 0, 4, 2, 6.
    assert_drawn(over_seeds(Sampling { top_k: 2, ..drawing() }), weights(1.0, &[1, 3]));
    assert_drawn(over_seeds(Sampling { top_k: 4, ..drawing() }), weights(1.0, &[1, 3, 5, 7]));
    // Token 1 has probability 0.38, 3 and 5 have 0.23 each.
    assert_drawn(over_seeds(Sampling { top_p: 0.3, ..drawing() }), weights(1.0, &[1]));
    assert_drawn(over_seeds(Sampling { top_p: 0.6, ..drawing() }), weights(1.0, &[1, 3]));
    // Relative to the most probable token, 3 and 5 have e^-0.5 = 0.61, and 7 has e^-1.5 = 0.22.
    assert_drawn(over_seeds(Sampling { min_p: 0.6, ..drawing() }), weights(1.0, &[1, 3, 5]));
    assert_drawn(over_seeds(Sampling { min_p: 0.2, ..drawing() }), weights(1.0, &[1, 3, 5, 7]));
    assert_drawn(over_seeds(Sampling { min_p: 1.0, ..drawing() }), weights(1.0, &[1]));
}

#[test]
fn limits_apply_before_temperature() {
    let over_seeds = |sampling| counts(|seed| choose(Sampling { seed, ..sampling }, &LOGITS, &[]));
    let hot = Sampling { temperature: 2.0, ..drawing() };
    assert_drawn(over_seeds(Sampling { min_p: 0.6, ..hot }), weights(2.0, &[1, 3, 5]));
    // Between themselves, 1 and 3 have 0.62 and 0.38.
    assert_drawn(over_seeds(Sampling { top_k: 2, top_p: 0.6, ..hot }), weights(2.0, &[1]));
    assert_drawn(over_seeds(Sampling { top_k: 2, top_p: 0.7, ..hot }), weights(2.0, &[1, 3]));
}

#[test]
fn penalty_applies_once_per_token() {
    let sampling = Sampling { repetition_penalty: 2.0, ..drawing() };
    let before = [1, 1, 2, 1];
    let sample = |seed| choose(Sampling { seed, ..sampling }, &LOGITS, &before);
    let mut expected = weights(1.0, &[0, 1, 2, 3, 4, 5, 6, 7]);
    (expected[1], expected[2]) = (1.5_f64.exp(), (-4.0_f64).exp());
    assert_drawn(counts(sample), expected);
    // Greedy decoding uses the penalty too: 3 comes before 5 because it is the first of equals.
    let greedy = Sampling { temperature: 0.0, ..sampling };
    assert_eq!(choose(greedy, &LOGITS, &before), 3);
    // Tokens more than 64 positions back are ignored.
    let mut long = vec![1];
    long.extend([0; 64]);
    assert_eq!(choose(greedy, &LOGITS, &long), 1);
    assert_eq!(choose(greedy, &LOGITS, &long[..64]), 3);
}

#[test]
fn only_allowed_tokens_are_sampled() {
    let mut sampler = Sampler::new(drawing());
    let sampled =
        |seed| Sampler::new(Sampling { seed, ..drawing() }).choose(&LOGITS, Some(&[0, 4, 6]), &[]);
    assert_drawn(counts(sampled), weights(1.0, &[0, 4, 6]));
    // If healing leaves no token, the most probable one is chosen.
    assert_eq!(sampler.choose(&LOGITS, Some(&[]), &[]), 1);
}

proptest! {
    #[test]
    fn zero_temperature_is_argmax(
        logits in prop::collection::vec(prop_oneof![Just(0.0_f32), Just(1.0), -9.0_f32..9.0], 1..200),
        before in prop::collection::vec(0_u32..200, 0..80),
        (top_k, top_p, min_p, seed) in (0_usize..9, 0.0_f32..1.0, 0.0_f32..1.0, any::<u64>()),
    ) {
        let sampling = Sampling { top_k, top_p, min_p, seed, ..Sampling::default() };
        let best = choose(sampling, &logits, &before);
        prop_assert_eq!(best as usize, argmax(&logits));
        let all: Vec<TokenId> = (0..logits.len() as TokenId).collect();
        prop_assert_eq!(Sampler::new(sampling).choose(&logits, Some(&all), &before), best);
        // The narrowest limits leave the most probable token at any temperature.
        let filter = Sampling { temperature: 2.0, top_k: 1, ..sampling };
        prop_assert_eq!(choose(filter, &logits, &before), best);
    }

    #[test]
    fn sample_depends_on_the_text_alone(
        logits in prop::collection::vec(-4.0_f32..4.0, 2..50),
        text in prop::collection::vec(0_u32..50, 0..40),
        looks in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        seed: u64,
    ) {
        let sampling = Sampling { seed, ..drawing() };
        let cold = choose(sampling, &logits, &text);
        let mut warm = Sampler::new(sampling);
        let mut ends: Vec<usize> = looks.iter().map(|at| at.index(text.len() + 1)).collect();
        ends.sort_unstable();
        for end in ends {
            warm.choose(&logits, None, &text[..end]);
        }
        prop_assert_eq!(warm.choose(&logits, None, &text), cold);
        prop_assert!((cold as usize) < logits.len());
    }

    #[test]
    fn any_logits_give_a_known_token(
        logits in prop::collection::vec(any::<f32>(), 1..40),
        temperature in 0.0_f32..2.0,
        (top_p, min_p, repetition_penalty) in (0.0_f32..=1.0, 0.0_f32..=1.0, 1.0_f32..2.0),
    ) {
        let sampling = Sampling { temperature, top_p, min_p, repetition_penalty, ..Sampling::default() };
        prop_assert!((choose(sampling, &logits, &[0, 1]) as usize) < logits.len());
    }
}
