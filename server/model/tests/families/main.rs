//! Every architecture against its reference, on the committed fixtures (`../../fixtures`, written by `make.py` there).
//!
//! Each is a tiny random model as a folder of the hub and as a GGUF file by llama.cpp's converter, with the logits that
//! Hugging Face transformers gives in f32 for the same numbers, at every position.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod device;
mod fixture;
mod folder;
mod types;

use fixture::{Fixture, append, bits, cold};
use lowkey_model::{CausalLm, LogitsMode, Quantization};
use lowkey_test_support::model::distance;

/// The largest distance from the reference, in standard deviations of its logits, that rounding explains.
///
/// Weights are floats in every fixture and their products take unquantized activations, so what rounds is the cache of
/// f16 (a share of 0.0005 of each key and value) and the order of sums. Measured: at most 0.0075, typically 0.001.
const FLOAT_TOLERANCE: f32 = 0.012;
/// The same for the root of the mean square distance.
const FLOAT_RMS: f32 = 0.0015;

/// The same with weights quantized to `Q8_0` at load, and activations with them: 8 bits, one scale per 32 of each.
const Q8_0_RMS: f32 = 0.06;
/// And where experts are chosen: rounding tips some of the choices, and another expert is another answer.
const Q8_0_RMS_OF_EXPERTS: f32 = 0.2;

/// Holds the logits of the first `n` positions against the reference's; prints the table in the README.
fn near_reference(name: &str, kind: &str, model: &mut dyn CausalLm, n: usize) {
    let fixture = Fixture::read(name);
    let vocab = model.config().vocab;
    let logits = cold(model, &fixture.tokens[..n]);
    let found = distance(&logits, &fixture.logits[..n * vocab], vocab);
    eprintln!("| {name} | {kind} | {n} | {:.5} | {:.5} |", found.max, found.rms);
    assert!(found.max < FLOAT_TOLERANCE, "{name}, {kind}: {found:?}");
    assert!(found.rms < FLOAT_RMS, "{name}, {kind}: {found:?}");
    assert!(found.same_argmax == 1.0, "{name}, {kind}: {found:?}");
}

/// The bits do not depend on how tokens are split over calls, nor on what was truncated in between.
fn appending_changes_nothing(name: &str, model: &mut dyn CausalLm) {
    let tokens = Fixture::read(name).tokens;
    let vocab = model.config().vocab;
    let expected = cold(model, &tokens);
    let mut cache = model.new_cache(tokens.len());
    let mut one_by_one = Vec::new();
    for token in &tokens {
        one_by_one.extend(append(model, &mut cache, &[*token], LogitsMode::All));
    }
    assert_eq!(bits(&one_by_one), bits(&expected), "{name}, one by one");
    // After the last layer only the wanted rows are computed.
    let mut cache = model.new_cache(tokens.len());
    let last = append(model, &mut cache, &tokens, LogitsMode::Last);
    let expected_last = &expected[(tokens.len() - 1) * vocab..];
    assert_eq!(bits(&last), bits(expected_last), "{name}, the last alone");
    // Other tokens were in the cache before.
    let mut cache = model.new_cache(tokens.len());
    append(model, &mut cache, &tokens[5..33], LogitsMode::None);
    cache.truncate(0);
    for (begin, end) in [(0, 3), (3, 20), (20, 21), (21, tokens.len())] {
        append(model, &mut cache, &tokens[begin..=begin], LogitsMode::None);
        cache.truncate(begin);
        let part = append(model, &mut cache, &tokens[begin..end], LogitsMode::All);
        assert_eq!(bits(&part), bits(&expected[begin * vocab..end * vocab]), "{name}, {begin}");
    }
}

macro_rules! fixtures {
    ($($test:ident: $name:literal $(, gguf sees the first $n:literal)?;)*) => {
        $(mod $test {
            use super::*;

            #[test]
            fn gguf_logits_are_those_of_the_reference() {
                let n = [$($n,)? Fixture::read($name).tokens.len()][0];
                near_reference($name, "GGUF", &mut *fixture::gguf($name, 2), n);
            }

            #[test]
            fn safetensors_logits_are_those_of_the_reference() {
                let n = Fixture::read($name).tokens.len();
                let mut model = fixture::safetensors($name, 2, None);
                near_reference($name, "safetensors", &mut *model, n);
            }

            #[test]
            fn weights_quantized_on_load_stay_near_the_reference() {
                let fixture = Fixture::read($name);
                let mut model = fixture::safetensors($name, 2, Some(Quantization::Q8_0));
                let logits = cold(&mut *model, &fixture.tokens);
                let found = distance(&logits, &fixture.logits, model.config().vocab);
                eprintln!("| {} | Q8_0 | {:.5} | {:.5} |", $name, found.max, found.rms);
                let has_experts = model.config().experts.is_some();
                let limit = if has_experts { Q8_0_RMS_OF_EXPERTS } else { Q8_0_RMS };
                assert!(found.rms < limit, "{}: {found:?}", $name);
                // It is another model than the one of floats.
                assert!(found.rms > FLOAT_RMS, "{}: {found:?}", $name);
                appending_changes_nothing($name, &mut *model);
            }

            #[test]
            fn a_warm_cache_is_a_cold_one_and_batches_are_single_tokens() {
                appending_changes_nothing($name, &mut *fixture::gguf($name, 2));
                appending_changes_nothing($name, &mut *fixture::safetensors($name, 1, None));
                appending_changes_nothing($name, &mut *fixture::byte_cached($name));
            }
        })*

        #[test]
        fn every_fixture_is_tested() {
            let mut tested = vec![$($name),*];
            tested.sort_unstable();
            assert_eq!(tested, fixture::names());
        }
    };
}

// Where the converter leaves the sliding window out, files and reference agree only up to its width.
fixtures! {
    llama: "llama";
    llama_with_linear_scaling: "llama-linear";
    llama_with_llama3_rotations: "llama3-rope";
    llama_with_biases: "llama-biases";
    mistral: "mistral", gguf sees the first 12;
    mixtral: "mixtral";
    qwen2: "qwen2";
    qwen2_with_yarn: "qwen2-yarn";
    qwen2_with_a_tokenizer: "qwen2-tokenizer";
    qwen3: "qwen3";
    qwen3moe: "qwen3moe";
    phi3: "phi3";
    phi3_with_long_rope: "phi3-long";
    gemma: "gemma";
    gemma2: "gemma2";
    starcoder2: "starcoder2", gguf sees the first 12;
    granite: "granite";
}
