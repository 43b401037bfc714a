//! Our logits beside candle-transformers' on the same weights.
//!
//! Distances are in standard deviations of the reference's logits. With weights in floats the only roundings are the
//! f16 cache and the order of sums. Quantized weights meet activations of 8 bits with one scale per 32: each product
//! then errs by about 0.3 % of its size, and a random-weight model passes that on without damping. Measured: typically
//! 0.0004 for floats and 0.017 for every quantization, the limits below are about 1.5 to 2 times that.

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};

use crate::{bits, cold, model};
use lowkey_model::{ModelFile, load};
use lowkey_test_support::model::{
    Distance, TinyModel, Xorshift64, distance, reference_logits, write_gguf,
};

fn compare(tiny: &TinyModel, n_tokens: usize) -> Distance {
    let tokens = Xorshift64(7).tokens(n_tokens, tiny.vocab);
    let logits = cold(&mut *model(tiny, 2), &tokens);
    distance(&logits, &reference_logits(&tiny.gguf(), &tokens), tiny.vocab)
}

fn check_float(tiny: &TinyModel) {
    let found = compare(tiny, 90);
    assert!(found.max < 0.008 && found.rms < 0.001, "{tiny:?}: {found:?}");
    assert!(found.same_argmax == 1.0, "{tiny:?}: {found:?}");
}

fn check_quantized(tiny: &TinyModel) {
    let found = compare(tiny, 90);
    assert!(found.max < 0.25 && found.rms < 0.025, "{tiny:?}: {found:?}");
    assert!(found.same_argmax > 0.95, "{tiny:?}: {found:?}");
}

#[test]
fn float_weights_give_the_reference_s_logits() {
    for dtype in [GgmlDType::F32, GgmlDType::F16, GgmlDType::BF16] {
        check_float(&TinyModel::new(dtype));
    }
}

#[test]
fn a_model_that_differs_a_little_is_told_apart() {
    // What the limits are worth: rotations slower by 1 %, or one bias left out, must not pass for rounding.
    let tiny = TinyModel::new(GgmlDType::F32);
    let tokens = Xorshift64(7).tokens(90, tiny.vocab);
    let logits = cold(&mut *model(&tiny, 2), &tokens);
    let mut slower = tiny.metadata();
    slower.retain(|(key, _)| key != "qwen2.rope.freq_base");
    slower.push(("qwen2.rope.freq_base".to_owned(), Value::F32(10_300.0)));
    let mut unbiased = tiny.tensors();
    for (name, tensor) in &mut unbiased {
        if name == "blk.1.attn_v.bias" {
            let zeros = Tensor::zeros(tensor.shape(), DType::F32, &Device::Cpu).unwrap();
            *tensor = QTensor::quantize(&zeros, GgmlDType::F32).unwrap();
        }
    }
    for other in [write_gguf(&slower, &tiny.tensors()), write_gguf(&tiny.metadata(), &unbiased)] {
        let found = distance(&logits, &reference_logits(&other, &tokens), tiny.vocab);
        assert!(found.max > 0.02 && found.rms > 0.002, "{found:?}");
    }
}

#[test]
fn llama_gives_the_reference_s_logits_whatever_its_weights_are_stored_in() {
    let llama = |dtype| TinyModel { architecture: "llama", tied: false, ..TinyModel::new(dtype) };
    check_float(&llama(GgmlDType::F32));
    check_float(&TinyModel { n_kv_heads: 4, ..llama(GgmlDType::F16) });
    check_quantized(&llama(GgmlDType::Q8_0));
    check_quantized(&llama(GgmlDType::Q4_0));
}

#[test]
fn qwen3_gives_the_reference_s_logits_with_heads_of_any_width() {
    let qwen3 = |dtype| TinyModel { architecture: "qwen3", ..TinyModel::new(dtype) };
    check_float(&qwen3(GgmlDType::F32));
    check_float(&TinyModel { head_dim: 32, tied: false, ..qwen3(GgmlDType::F32) });
    check_quantized(&TinyModel { head_dim: 32, ..qwen3(GgmlDType::Q8_0) });
    check_quantized(&qwen3(GgmlDType::Q4_0));
}

#[test]
fn stretched_positions_are_those_of_slower_rotations() {
    // A factor of 4 is position p where position 4p was: tokens far apart then turn as near ones do.
    let tiny = TinyModel { architecture: "llama", tied: false, ..TinyModel::new(GgmlDType::F32) };
    let tokens = Xorshift64(9).tokens(40, tiny.vocab);
    let logits = |keys: &[(&str, Value)], more: Option<(&str, QTensor)>| {
        let mut metadata = tiny.metadata();
        metadata.extend(keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let mut tensors = tiny.tensors();
        tensors.extend(more.map(|(name, tensor)| (name.to_owned(), tensor)));
        let bytes: &'static [u8] = write_gguf(&metadata, &tensors).leak();
        let file = ModelFile::from_bytes("stretched", bytes).unwrap();
        cold(&mut *load(&file, 1, &mut |_| {}).unwrap(), &tokens)
    };
    let plain = logits(&[], None);
    let linear = logits(
        &[
            ("llama.rope.scaling.type", Value::String("linear".into())),
            ("llama.rope.scaling.factor", Value::F32(4.0)),
        ],
        None,
    );
    // The same stretching, written as one divisor for each pair.
    let fours = Tensor::from_vec(vec![4_f32; 8], &[8], &Device::Cpu).unwrap();
    let fours = QTensor::quantize(&fours, GgmlDType::F32).unwrap();
    let by_pairs = logits(&[], Some(("rope_freqs.weight", fours)));
    assert_eq!(bits(&linear), bits(&by_pairs));
    assert_ne!(bits(&linear), bits(&plain));
    // The first token has nothing to turn against.
    assert_eq!(bits(&linear[..tiny.vocab]), bits(&plain[..tiny.vocab]));
}

#[test]
fn an_output_matrix_of_its_own_is_used() {
    check_float(&TinyModel { tied: false, ..TinyModel::new(GgmlDType::F32) });
    check_quantized(&TinyModel { tied: false, ..TinyModel::new(GgmlDType::Q8_0) });
}

#[test]
fn head_counts_and_widths_may_be_odd() {
    let odd = TinyModel {
        n_layers: 3,
        hidden: 96,
        n_heads: 6,
        n_kv_heads: 2,
        intermediate_size: 160,
        vocab: 203,
        ..TinyModel::new(GgmlDType::F32)
    };
    check_float(&odd);
    check_float(&TinyModel { n_kv_heads: 6, ..odd });
    check_float(&TinyModel { n_heads: 3, n_kv_heads: 1, ..odd });
}

#[test]
fn quantized_weights_stay_near_the_reference() {
    for dtype in
        [GgmlDType::Q8_0, GgmlDType::Q5_0, GgmlDType::Q5_1, GgmlDType::Q4_0, GgmlDType::Q4_1]
    {
        check_quantized(&TinyModel::new(dtype));
    }
}

#[test]
fn super_blocks_stay_near_the_reference() {
    for dtype in [GgmlDType::Q2K, GgmlDType::Q3K, GgmlDType::Q4K, GgmlDType::Q5K, GgmlDType::Q6K] {
        check_quantized(&TinyModel {
            hidden: 256,
            n_heads: 8,
            n_kv_heads: 4,
            intermediate_size: 512,
            ..TinyModel::new(dtype)
        });
    }
}

#[test]
fn long_inputs_match_beyond_one_chunk() {
    let found = compare(&TinyModel { vocab: 64, ..TinyModel::new(GgmlDType::F32) }, 1200);
    assert!(found.max < 0.008 && found.rms < 0.001, "{found:?}");
}
