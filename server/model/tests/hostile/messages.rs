//! The message for each kind of wrong file: the problem, the place, the supported values, and the next step.

use std::path::Path;

use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use lowkey_model::{ModelFile, load};

use crate::Scratch;
use lowkey_test_support::model::{TinyModel, write_gguf};

/// Opens and loads; the message without the file's folder.
fn message(name: &str, bytes: &[u8]) -> String {
    let scratch = Scratch::new(name, bytes);
    let error = ModelFile::open(&scratch.path)
        .and_then(|file| load(&file, 1, &mut |_| {}).map(drop))
        .unwrap_err();
    error.to_string().replace(&scratch.path.display().to_string(), "FILE")
}

fn tiny() -> TinyModel {
    TinyModel::new(GgmlDType::Q8_0)
}

/// The message for a tiny model whose metadata were changed.
fn with_metadata(name: &str, change: impl FnOnce(&mut Vec<(String, Value)>)) -> String {
    let mut metadata = tiny().metadata();
    change(&mut metadata);
    message(name, &write_gguf(&metadata, &tiny().tensors()))
}

fn with_key(key: &str, value: Value) -> String {
    with_metadata(key, |metadata| {
        metadata.retain(|(other, _)| other != key);
        metadata.push((key.to_owned(), value));
    })
}

/// The message for a tiny model whose tensors were changed.
fn with_tensors(name: &str, change: impl FnOnce(&mut Vec<(String, QTensor)>)) -> String {
    let mut tensors = tiny().tensors();
    change(&mut tensors);
    message(name, &write_gguf(&tiny().metadata(), &tensors))
}

fn check(message: &str, expected: &str) {
    assert_eq!(message, expected);
}

fn zeros(shape: &[usize], dtype: GgmlDType) -> QTensor {
    QTensor::quantize(&Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap(), dtype)
        .unwrap()
}

#[test]
fn a_file_that_shrinks_between_opening_and_loading_is_one_message() {
    let bytes = write_gguf(&tiny().metadata(), &tiny().tensors());
    for left in [0, bytes.len() / 2, bytes.len() - 1] {
        let scratch = Scratch::new("shrinks", &bytes);
        let file = ModelFile::open(&scratch.path).unwrap();
        let cut = std::fs::File::options().write(true).open(&scratch.path).unwrap();
        cut.set_len(left as u64).unwrap();
        assert_eq!(file.digest().len(), 64);
        let error = load(&file, 1, &mut |_| {}).map(drop).unwrap_err().to_string();
        let message = error.replace(&scratch.path.display().to_string(), "FILE");
        check(
            &message,
            "model FILE became shorter while it was read: something wrote to it; restart lowkey when the file is whole",
        );
    }
}

#[test]
fn a_missing_file_is_called_missing() {
    let error = ModelFile::open(Path::new("nowhere/model.gguf")).unwrap_err().to_string();
    check(
        &error,
        "cannot open model nowhere/model.gguf: there is no such file; check the path, or see `lowkey models list`",
    );
}

#[test]
fn a_folder_without_a_model_is_called_one() {
    let error = ModelFile::open(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap_err().to_string();
    assert!(error.contains(": it has no config.json; a folder needs config.json,"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read() {
    let error = ModelFile::open(Path::new("/dev/zero")).unwrap_err().to_string();
    check(
        &error,
        "cannot open model /dev/zero: it is a pipe or a device, not a file; name a single .gguf file",
    );
}

#[test]
fn what_is_no_gguf_file_is_called_so() {
    check(
        &message("empty", b""),
        "FILE is not a GGUF model: it is empty, a model begins with the bytes \"GGUF\"; name a .gguf file",
    );
    check(
        &message("text", b"# README"),
        "FILE is not a GGUF model: it begins with the bytes [23, 20, 52, 45], a model begins with the bytes \"GGUF\"; \
         name a .gguf file",
    );
}

#[test]
fn versions_and_byte_orders_that_are_not_read_are_named() {
    let mut bytes = tiny().gguf();
    bytes[4] = 1;
    check(
        &message("version", &bytes),
        "cannot read model FILE: byte 4 says GGUF version 1; supported: versions 2 and 3, little-endian; convert the \
         model anew or download a newer file",
    );
    bytes[4..8].copy_from_slice(&3_u32.to_be_bytes());
    check(
        &message("order", &bytes),
        "cannot read model FILE: byte 4 says GGUF version 3 in big-endian order; supported: versions 2 and 3, \
         little-endian; convert the model anew or download a newer file",
    );
}

#[test]
fn a_cut_file_says_what_is_missing() {
    let bytes = tiny().gguf();
    let text = message("cut-message", &bytes[..bytes.len() - 100]);
    assert!(
        text.contains("is cut short: the data of tensor blk.1.ffn_down.weight at byte"),
        "{text}"
    );
    assert!(text.ends_with("; download it again"), "{text}");
    check(
        &message("cut-early", &bytes[..20]),
        "model FILE is cut short: the number of metadata keys at byte 16 needs 8 bytes, but the file ends at byte 20; \
         download it again",
    );
}

#[test]
fn absurd_counts_name_the_limit() {
    let mut bytes = tiny().gguf();
    bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    check(
        &message("tensor-count", &bytes),
        "cannot read model FILE: the number of tensors at byte 8 announces 18446744073709551615 tensors, the limit is \
         65536; the file is damaged or not a language model: download it again",
    );
    bytes[8..16].copy_from_slice(&0_u64.to_le_bytes());
    assert!(message("no-tensors", &bytes).contains("the number of tensors at byte 8 is 0"));
}

#[test]
fn an_unknown_architecture_lists_those_that_are_known() {
    check(
        &with_key("general.architecture", Value::String("mamba".to_owned())),
        "cannot load model FILE: its architecture (key general.architecture) is \"mamba\"; supported: qwen2, qwen3, \
         qwen3moe, llama, granite, starcoder2, phi3, gemma, gemma2; choose a \
         model of one of these",
    );
    let long = with_key("general.architecture", Value::String("x".repeat(100_000)));
    assert!(long.len() < 300, "{} bytes", long.len());
    check(
        &with_metadata("no-architecture", |metadata| {
            metadata.retain(|(key, _)| key != "general.architecture");
        }),
        "cannot load model FILE: metadata key general.architecture is missing or not a string; convert the model anew \
         or choose another",
    );
}

#[test]
fn absurd_shapes_name_key_and_limit() {
    check(
        &with_key("qwen2.context_length", Value::U32(u32::MAX)),
        "cannot load model FILE: metadata key qwen2.context_length is 4294967295, supported are 1 to 1048576; convert \
         the model anew or choose another",
    );
    for (key, value, expected) in [
        ("qwen2.block_count", Value::U32(0), "is 0, supported are 1 to 1024"),
        (
            "qwen2.block_count",
            Value::String("2".to_owned()),
            "is not a whole number from 1 to 1024",
        ),
        (
            "qwen2.attention.head_count_kv",
            Value::U32(3),
            "is 3, it must divide the 4 of attention.head_count",
        ),
        (
            "qwen2.attention.head_count",
            Value::U32(64),
            "gives heads of 1 (width 64), they must be even and not empty",
        ),
        (
            "qwen2.attention.head_count",
            Value::U32(6),
            "is 6, it must divide the 64 of embedding_length",
        ),
        ("qwen2.attention.value_length", Value::U32(8), "is 8, supported is the head width 16"),
        (
            "qwen2.rope.dimension_count",
            Value::U32(18),
            "is 18, it must be even and at most the head width 16",
        ),
        (
            "qwen2.rope.scaling.type",
            Value::String("dynamic".to_owned()),
            "is \"dynamic\", supported are none, linear, yarn, longrope and llama3",
        ),
        ("qwen2.rope.scaling.factor", Value::F32(0.5), "is 0.5, supported are 1e0 to 1.024e3"),
        ("qwen2.expert_count", Value::U32(5000), "is 5000, supported are 1 to 1024"),
        ("qwen2.rope.freq_base", Value::F32(f32::NAN), "is NaN, supported are 1e0 to 1e12"),
        ("qwen2.attention.layer_norm_rms_epsilon", Value::F32(-1.0), "is -1, supported are"),
    ] {
        let text = with_key(key, value);
        assert!(text.contains(&format!("metadata key {key} {expected}")), "{text}");
    }
    let missing = with_metadata("missing", |metadata| {
        metadata.retain(|(key, _)| key != "qwen2.feed_forward_length");
    });
    assert!(
        missing.contains("qwen2.feed_forward_length is missing (a whole number from 1 to 262144)"),
        "{missing}"
    );
}

#[test]
fn a_bad_alignment_is_refused() {
    for value in [Value::U32(0), Value::U32(33), Value::U64(32), Value::Bool(true)] {
        let text = with_key("general.alignment", value);
        assert!(text.contains("metadata key general.alignment at byte"), "{text}");
        assert!(text.contains("is not a power of two of type u32"), "{text}");
    }
}

#[test]
fn arrays_that_would_fill_the_memory_are_refused() {
    // Written by hand: candle's writer would need the memory that the reader is to save.
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    for number in [1_u64, 1, 4] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"many\x09\0\0\0\0\0\0\0");
    bytes.extend(((1_u64 << 21) + 1).to_le_bytes());
    bytes.resize(bytes.len() + (3 << 20), 0);
    let text = message("many", &bytes);
    assert!(text.contains("metadata values so far, the limit is 2097152"), "{text}");
    let nested = (0..5).fold(Value::U8(1), |inner, _| Value::Array(vec![inner]));
    let text = with_key("nested", nested);
    assert!(text.contains("5 levels of nested arrays, the limit is 4"), "{text}");
}

#[test]
fn keys_and_tensors_stand_only_once() {
    let text = with_metadata("key-twice", |metadata| {
        metadata.push(("general.name".to_owned(), Value::U8(0)));
    });
    assert!(text.contains("metadata key general.name at byte"), "{text}");
    assert!(text.contains("stands in the header twice"), "{text}");
    let text = with_tensors("tensor-twice", |tensors| {
        tensors.push(("output_norm.weight".to_owned(), zeros(&[64], GgmlDType::F32)));
    });
    assert!(text.contains("the entry of tensor output_norm.weight at byte"), "{text}");
}

#[test]
fn long_names_do_not_make_long_messages() {
    let text = with_metadata("long", |metadata| {
        metadata.extend([("k".repeat(60_000), Value::U8(1)), ("k".repeat(60_000), Value::U8(1))]);
    });
    assert!(text.contains("kkk… at byte") && text.contains("stands in the header twice"), "{text}");
    assert!(text.len() < 400, "{} bytes", text.len());
}

#[test]
fn an_unsupported_type_is_named_with_its_tensor() {
    let mut bytes = tiny().gguf();
    let name = b"blk.1.ffn_up.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // After the name follow the dimension count, two dimensions, and the type.
    let offset = at + 4 + 16;
    bytes[offset..offset + 4].copy_from_slice(&23_u32.to_le_bytes());
    check(
        &message("type", &bytes),
        &format!(
            "cannot load model FILE: tensor blk.1.ffn_up.weight (header byte {offset}) has type IQ4_XS; supported: F32, \
             F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL; choose another \
             quantization of this model, such as Q8_0 or Q4_K_M"
        ),
    );
}

#[test]
fn a_quantized_norm_is_refused() {
    let text = with_tensors("norm", |tensors| tensors[1].1 = zeros(&[64], GgmlDType::Q8_0));
    assert!(text.contains("tensor output_norm.weight"), "{text}");
    assert!(
        text.contains(
            "has type Q8_0, which norms and biases cannot have; supported: F32, F16, BF16"
        ),
        "{text}"
    );
}

#[test]
fn a_missing_tensor_is_named_with_its_shape() {
    check(
        &with_tensors("lacks", |tensors| tensors.retain(|(name, _)| name != "blk.1.attn_k.bias")),
        "cannot load model FILE: tensor blk.1.attn_k.bias (32) is missing; the file is incomplete or of another \
         architecture: convert it anew or choose another",
    );
}

#[test]
fn a_wrong_shape_is_named_with_the_right_one() {
    let text = with_tensors("shape", |tensors| {
        for (name, tensor) in tensors {
            if name == "blk.0.ffn_down.weight" {
                // Transposed: the same number of elements.
                *tensor = zeros(&[128, 64], GgmlDType::Q8_0);
            }
        }
    });
    assert!(text.contains("tensor blk.0.ffn_down.weight at byte"), "{text}");
    assert!(text.contains("is 128 × 64, its metadata ask for 64 × 128"), "{text}");
}

#[test]
fn a_vocabulary_of_another_model_is_refused() {
    let tokens = Value::Array((0..255).map(|id| Value::String(id.to_string())).collect());
    check(
        &with_key("tokenizer.ggml.tokens", tokens),
        "cannot load model FILE: tokenizer.ggml.tokens says 255 tokens, tensor token_embd.weight has 256 rows; both must \
         agree: convert the model anew or choose another",
    );
}

#[test]
fn a_part_of_a_split_model_is_refused() {
    let text = with_key("split.count", Value::U16(3));
    assert!(
        text.contains(
            "key split.count says that it is one of 3 parts; supported: models in one file"
        ),
        "{text}"
    );
}

#[test]
fn overlapping_tensors_are_refused() {
    let mut bytes = tiny().gguf();
    let name = b"output_norm.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // After the name follow the dimension count, one dimension, the type, and the offset.
    let offset = at + 4 + 8 + 4;
    bytes[offset..offset + 8].copy_from_slice(&32_u64.to_le_bytes());
    let text = message("overlap", &bytes);
    assert!(text.contains("the data of tensor output_norm.weight at byte"), "{text}");
    assert!(text.contains("overlap those of tensor token_embd.weight"), "{text}");
}
