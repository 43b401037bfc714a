//! Reuse is invisible: the logits after a sequence are the same to the bit, however it was put into a cache.

use candle_core::quantized::GgmlDType;
use lowkey_model::{CausalLm, KvType, LogitsMode, load};
use proptest::prelude::*;

use crate::{append, bits, cold, file, model};
use lowkey_test_support::model::{TinyModel, Xorshift64};

const TYPES: [GgmlDType; 3] = [GgmlDType::Q8_0, GgmlDType::F16, GgmlDType::F32];

/// Appends `tokens` in chunks of the given sizes (then one last chunk); returns all logits.
fn warm(model: &mut dyn CausalLm, tokens: &[u32], chunks: &[usize]) -> Vec<f32> {
    let mut cache = model.new_cache(tokens.len() + 5);
    let mut logits = Vec::new();
    let mut rest = tokens;
    for size in chunks.iter().chain([&tokens.len()]) {
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        if !chunk.is_empty() {
            logits.extend(append(model, &mut cache, chunk, LogitsMode::All));
        }
        rest = after;
    }
    assert_eq!(cache.len(), tokens.len());
    logits
}

#[test]
fn one_by_one_equals_at_once() {
    for dtype in TYPES {
        let tiny = TinyModel::new(dtype);
        let mut model = model(&tiny, 2);
        let tokens = Xorshift64(1).tokens(70, tiny.vocab);
        let at_once = cold(&mut *model, &tokens);
        assert_eq!(bits(&warm(&mut *model, &tokens, &[1; 70])), bits(&at_once), "{dtype:?}");
    }
}

#[test]
fn a_cache_of_bytes_reuses_as_exactly_and_answers_almost_alike() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let mut half_cached = model(&tiny, 2);
    let mut byte_cached = load(&file(&tiny).with_kv_type(KvType::Int8), 2, &mut |_| {}).unwrap();
    assert!(byte_cached.cache_bytes_per_token() < half_cached.cache_bytes_per_token() * 3 / 4);
    let tokens = Xorshift64(1).tokens(70, tiny.vocab);
    let at_once = cold(&mut *byte_cached, &tokens);
    assert_eq!(bits(&warm(&mut *byte_cached, &tokens, &[1; 70])), bits(&at_once));
    let halves = cold(&mut *half_cached, &tokens);
    assert_ne!(bits(&halves), bits(&at_once));
    let size = halves.iter().fold(0.0_f32, |max, logit| max.max(logit.abs()));
    for (half, byte) in halves.iter().zip(&at_once) {
        assert!((half - byte).abs() < 0.02 * size, "{half} and {byte} of {size}");
    }
    // Caches of the two are not each other's.
    let mut logits = Vec::new();
    let mut foreign = half_cached.new_cache(8);
    assert!(
        byte_cached.forward(&[1], &mut foreign, LogitsMode::Last, &mut logits, &|| false).is_err()
    );
}

#[test]
fn chunks_inside_the_model_do_not_show() {
    let tiny = TinyModel { vocab: 32, ..TinyModel::new(GgmlDType::Q8_0) };
    let mut model = model(&tiny, 2);
    let tokens = Xorshift64(2).tokens(1100, tiny.vocab);
    let at_once = cold(&mut *model, &tokens);
    assert_eq!(bits(&warm(&mut *model, &tokens, &[3, 700])), bits(&at_once));
}

#[test]
fn the_last_token_s_logits_are_the_same_alone() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let mut model = model(&tiny, 2);
    for n in [1, 2, 17, 600] {
        let tokens = Xorshift64(n as u64).tokens(n, tiny.vocab);
        let all = cold(&mut *model, &tokens);
        let mut cache = model.new_cache(n);
        let last = append(&mut *model, &mut cache, &tokens, LogitsMode::Last);
        assert_eq!(last.len(), tiny.vocab);
        assert_eq!(bits(&last), bits(&all[(n - 1) * tiny.vocab..]), "{n} tokens");
        let mut cache = model.new_cache(n);
        assert!(append(&mut *model, &mut cache, &tokens[..n - 1], LogitsMode::None).is_empty());
        assert_eq!(cache.len(), n - 1);
        let next = append(&mut *model, &mut cache, &tokens[n - 1..], LogitsMode::Last);
        assert_eq!(bits(&next), bits(&last), "{n} tokens, the others before and for nothing");
    }
}

#[test]
fn the_number_of_threads_does_not_show() {
    for dtype in TYPES {
        let tiny = TinyModel::new(dtype);
        // Enough to be shared between threads: few tokens of a small model stay on one.
        let tokens = Xorshift64(3).tokens(300, tiny.vocab);
        let alone = cold(&mut *model(&tiny, 1), &tokens);
        for threads in [2, 3, 5] {
            assert_eq!(
                bits(&cold(&mut *model(&tiny, threads), &tokens)),
                bits(&alone),
                "{dtype:?}, {threads} threads"
            );
        }
    }
}

#[test]
fn a_fork_continues_as_its_original_and_leaves_it_alone() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let mut model = model(&tiny, 2);
    let tokens = Xorshift64(4).tokens(60, tiny.vocab);
    let other = Xorshift64(5).tokens(20, tiny.vocab);
    let expected = cold(&mut *model, &tokens);
    let mut original = model.new_cache(60);
    append(&mut *model, &mut original, &tokens[..45], LogitsMode::None);
    for n in [1, 15, 16, 17, 33, 45] {
        let mut fork = original.fork(n, n + 20);
        assert_eq!((fork.len(), fork.capacity()), (n, n + 20));
        let mut branch: Vec<u32> = tokens[..n].to_vec();
        branch.extend(&other);
        let forked = append(&mut *model, &mut fork, &other, LogitsMode::All);
        let cold_branch = cold(&mut *model, &branch);
        assert_eq!(bits(&forked), bits(&cold_branch[n * tiny.vocab..]), "fork at {n}");
    }
    let rest = append(&mut *model, &mut original, &tokens[45..], LogitsMode::All);
    assert_eq!(bits(&rest), bits(&expected[45 * tiny.vocab..]));
}

#[test]
fn a_cancelled_pass_leaves_the_cache_as_it_was() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let mut model = model(&tiny, 2);
    let tokens = Xorshift64(6).tokens(40, tiny.vocab);
    let expected = cold(&mut *model, &tokens);
    let mut cache = model.new_cache(40);
    append(&mut *model, &mut cache, &tokens[..25], LogitsMode::None);
    for allowed in 0..tiny.n_layers {
        let asked = std::cell::Cell::new(0);
        let cancelled = || asked.replace(asked.get() + 1) >= allowed;
        let garbage = Xorshift64(8).tokens(10, tiny.vocab);
        let mut logits = vec![1.0];
        assert!(
            !model.forward(&garbage, &mut cache, LogitsMode::All, &mut logits, &cancelled).unwrap()
        );
        assert_eq!(asked.get(), allowed + 1);
        assert_eq!(cache.len(), 25);
        assert!(logits.is_empty());
    }
    let rest = append(&mut *model, &mut cache, &tokens[25..], LogitsMode::All);
    assert_eq!(bits(&rest), bits(&expected[25 * tiny.vocab..]));
}

/// What happens to a cache in an editor.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u32>),
    Truncate(usize),
    Fork(usize),
    Cancel(Vec<u32>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few different tokens and lengths around the cache's tiles, so that histories collide.
    let tokens = || prop::collection::vec(0_u32..64, 1..40);
    let step = prop_oneof![
        4 => tokens().prop_map(Step::Append),
        2 => (0_usize..120).prop_map(Step::Truncate),
        1 => (0_usize..120).prop_map(Step::Fork),
        1 => tokens().prop_map(Step::Cancel),
    ];
    prop::collection::vec(step, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_equals_a_cold_pass(steps in steps(), dtype in 0..TYPES.len(), threads in 1_usize..4) {
        let tiny = TinyModel { vocab: 64, ..TinyModel::new(TYPES[dtype]) };
        let mut model = model(&tiny, threads);
        let mut cache = model.new_cache(150);
        let mut held: Vec<u32> = Vec::new();
        for step in steps {
            match step {
                Step::Append(tokens) if held.len() + tokens.len() <= 150 => {
                    let warm = append(&mut *model, &mut cache, &tokens, LogitsMode::All);
                    held.extend(tokens.iter().copied());
                    let cold = cold(&mut *model, &held);
                    let skipped = (held.len() - tokens.len()) * tiny.vocab;
                    prop_assert_eq!(bits(&warm), bits(&cold[skipped..]));
                }
                Step::Append(_) => {}
                Step::Truncate(n) => {
                    cache.truncate(n);
                    held.truncate(n);
                }
                Step::Fork(n) => {
                    cache = cache.fork(n, 150);
                    held.truncate(n);
                }
                Step::Cancel(tokens) => {
                    let asked = std::cell::Cell::new(false);
                    let cancelled = || asked.replace(true);
                    if held.len() + tokens.len() <= 150 {
                        let done = model.forward(&tokens, &mut cache, LogitsMode::None, &mut Vec::new(), &cancelled).unwrap();
                        prop_assert!(!done);
                    }
                }
            }
            prop_assert_eq!(cache.len(), held.len());
        }
    }
}
