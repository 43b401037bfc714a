//! Every architecture by the forward pass for graphics processors, on candle's CPU: the same operations without one.
//!
//! Folders are held against the reference of the fixture, GGUF files against our own kernels, which are held against it
//! too. Warm equals cold within a tolerance here: a product of another batch sums in another order.

use std::cell::Cell;

use lowkey_model::{Accelerator, CausalLm, LogitsMode, ModelFile, Quantization, load_on_device};

use crate::fixture::{self, Fixture, append, cold, folder, names};
use crate::{FLOAT_RMS, FLOAT_TOLERANCE};
use lowkey_test_support::model::{Distance, distance};

/// The largest distance between two passes over the same tokens that were cut otherwise. Keys and values are rounded to
/// half floats, so another order of sums may tip one by 0.0005 of itself.
const CUT_TOLERANCE: f32 = 0.008;
/// The largest distance from our own kernels on float weights: they round the same numbers to the same cache.
/// Measured: at most 0.0003.
const KERNELS_TOLERANCE: f32 = 0.004;
/// The typical distance where activations are rounded to 8 bits, as bf16 or beside `Q8_0`. Measured: at most 0.027.
const ROUNDED_RMS: f32 = 0.05;
/// And where that tips choices of experts. Measured: at most 0.081.
const ROUNDED_RMS_OF_EXPERTS: f32 = 0.2;

fn on_device(file: &ModelFile, accelerator: &Accelerator) -> Box<dyn CausalLm> {
    load_on_device(file, accelerator, &mut |_| {}).unwrap()
}

fn of_folder(name: &str) -> Box<dyn CausalLm> {
    on_device(&ModelFile::open(&folder(name)).unwrap(), &Accelerator::candle_cpu())
}

/// Prints the table of the README.
fn shown(name: &str, kind: &str, found: Distance) -> Distance {
    eprintln!("| {name} | {kind} | {:.5} | {:.5} |", found.max, found.rms);
    found
}

/// Holds a pass with rounded activations near another; more loosely where rounding tips choices of experts.
fn near_within_rounding(name: &str, kind: &str, found: Distance, has_experts: bool) {
    let found = shown(name, kind, found);
    let limit = if has_experts { ROUNDED_RMS_OF_EXPERTS } else { ROUNDED_RMS };
    assert!(found.rms < limit, "{name}: {found:?}");
}

#[test]
fn logits_of_folders_are_those_of_the_reference() {
    for name in names() {
        let fixture = Fixture::read(&name);
        let mut model = of_folder(&name);
        let vocab = model.config().vocab;
        let found = distance(&cold(&mut *model, &fixture.tokens), &fixture.logits, vocab);
        let found = shown(&name, "device, safetensors", found);
        assert!(found.max < FLOAT_TOLERANCE, "{name}: {found:?}");
        assert!(found.rms < FLOAT_RMS, "{name}: {found:?}");
        assert!(found.same_argmax == 1.0, "{name}: {found:?}");
    }
}

#[test]
fn logits_of_gguf_files_are_those_of_our_own_kernels() {
    for name in names() {
        let tokens = Fixture::read(&name).tokens;
        let file = ModelFile::open(&folder(&name).join("model.gguf")).unwrap();
        let mut model = on_device(&file, &Accelerator::candle_cpu());
        let vocab = model.config().vocab;
        let expected = cold(&mut *fixture::gguf(&name, 2), &tokens);
        let found = distance(&cold(&mut *model, &tokens), &expected, vocab);
        let found = shown(&name, "device, GGUF", found);
        assert!(found.max < KERNELS_TOLERANCE, "{name}: {found:?}");
        assert!(found.same_argmax == 1.0, "{name}: {found:?}");
    }
}

#[test]
fn products_in_the_type_of_the_weights_stay_near_the_reference() {
    let accelerator = Accelerator::candle_cpu().with_stored_float_products();
    for name in names() {
        let fixture = Fixture::read(&name);
        let mut model = on_device(&ModelFile::open(&folder(&name)).unwrap(), &accelerator);
        let (vocab, has_experts) = (model.config().vocab, model.config().experts.is_some());
        let found = distance(&cold(&mut *model, &fixture.tokens), &fixture.logits, vocab);
        near_within_rounding(&name, "device, as stored", found, has_experts);
    }
}

#[test]
fn weights_quantized_on_load_are_those_of_our_own_kernels() {
    for name in names() {
        let tokens = Fixture::read(&name).tokens;
        let file = ModelFile::open(&folder(&name)).unwrap();
        let file = file.quantized_on_load(Some(Quantization::Q8_0));
        let mut model = on_device(&file, &Accelerator::candle_cpu());
        let (vocab, has_experts) = (model.config().vocab, model.config().experts.is_some());
        let expected =
            cold(&mut *fixture::safetensors(&name, 2, Some(Quantization::Q8_0)), &tokens);
        let found = distance(&cold(&mut *model, &tokens), &expected, vocab);
        near_within_rounding(&name, "device, Q8_0", found, has_experts);
    }
}

#[test]
fn a_warm_cache_is_a_cold_one_within_rounding() {
    for name in names() {
        let tokens = Fixture::read(&name).tokens;
        let mut model = of_folder(&name);
        let vocab = model.config().vocab;
        let expected = cold(&mut *model, &tokens);
        let near = |found: &[f32], begin: usize, what: &str| {
            let expected = &expected[begin * vocab..begin * vocab + found.len()];
            let found = distance(found, expected, vocab);
            assert!(found.max < CUT_TOLERANCE, "{name}, {what}: {found:?}");
        };

        let mut cache = model.new_cache(tokens.len());
        let mut one_by_one = Vec::new();
        for token in &tokens {
            one_by_one.extend(append(&mut *model, &mut cache, &[*token], LogitsMode::Last));
        }
        near(&one_by_one, 0, "one by one");

        let mut cache = model.new_cache(tokens.len());
        append(&mut *model, &mut cache, &tokens[..9], LogitsMode::None);
        let last = append(&mut *model, &mut cache, &tokens[9..30], LogitsMode::Last);
        near(&last, 29, "the last of several");

        // Other tokens stood in the cache before.
        let mut cache = model.new_cache(tokens.len());
        append(&mut *model, &mut cache, &tokens[5..33], LogitsMode::None);
        cache.truncate(0);
        for (begin, end) in [(0, 3), (3, 20), (20, 21), (21, tokens.len())] {
            append(&mut *model, &mut cache, &tokens[begin..=begin], LogitsMode::None);
            cache.truncate(begin);
            let part = append(&mut *model, &mut cache, &tokens[begin..end], LogitsMode::All);
            near(&part, begin, "truncated");
        }

        // A copy goes its own way, and the original does not notice.
        let mut copy = cache.fork(20, tokens.len());
        append(&mut *model, &mut copy, &tokens[..20], LogitsMode::None);
        copy.truncate(20);
        near(&append(&mut *model, &mut copy, &tokens[20..], LogitsMode::All), 20, "forked");
        cache.truncate(tokens.len() - 1);
        let last = append(&mut *model, &mut cache, &tokens[tokens.len() - 1..], LogitsMode::Last);
        near(&last, tokens.len() - 1, "the original of a fork");
    }
}

#[test]
fn a_pass_stops_between_any_two_layers_and_leaves_the_cache_as_it_was() {
    let tokens = Fixture::read("qwen2").tokens;
    let mut model = of_folder("qwen2");
    let vocab = model.config().vocab;
    let expected = cold(&mut *model, &tokens);
    let mut cache = model.new_cache(tokens.len());
    append(&mut *model, &mut cache, &tokens[..10], LogitsMode::None);
    for layer in 0..model.config().n_layers {
        let n_asked = Cell::new(0);
        let cancelled = || n_asked.replace(n_asked.get() + 1) == layer;
        let mut logits = vec![0.0];
        let done =
            model.forward(&tokens[20..], &mut cache, LogitsMode::All, &mut logits, &cancelled);
        assert!(!done.unwrap());
        assert_eq!((cache.len(), logits.len(), n_asked.get()), (10, 0, layer + 1));
    }
    let rest = append(&mut *model, &mut cache, &tokens[10..], LogitsMode::All);
    let found = distance(&rest, &expected[10 * vocab..], vocab);
    assert!(found.max < CUT_TOLERANCE, "{found:?}");
}
