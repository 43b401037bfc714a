//! The forward pass for graphics processors on candle's CPU: storage types, limits, and caches that are saved.

use candle_core::quantized::{GgmlDType, QTensor};
use lowkey_model::{
    Accelerator, CausalLm, KvType, LogitsMode, ModelError, ModelFile, load_on_device,
};

use crate::{append, bits, cold, file, model};
use lowkey_test_support::model::{TinyModel, Xorshift64, distance, write_gguf};

fn on_device(file: &ModelFile) -> Box<dyn CausalLm> {
    load_on_device(file, &Accelerator::candle_cpu(), &mut |_| {}).unwrap()
}

/// Wide enough for the types with blocks of 256.
fn wide(dtype: GgmlDType) -> TinyModel {
    TinyModel { hidden: 256, intermediate_size: 256, n_layers: 1, ..TinyModel::new(dtype) }
}

#[test]
fn every_type_of_blocks_gives_the_logits_of_our_own_kernels() {
    use GgmlDType::{BF16, F16, Q2K, Q3K, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
    for dtype in [F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2K, Q3K, Q4K, Q5K, Q6K] {
        let tiny = wide(dtype);
        let tokens = Xorshift64(11).tokens(8, tiny.vocab);
        let expected = cold(&mut *model(&tiny, 2), &tokens);
        let found = cold(&mut *on_device(&file(&tiny)), &tokens);
        let found = distance(&found, &expected, tiny.vocab);
        // Both quantize activations, candle in groups of 256 for the K types and we in groups of 32.
        let limit = if matches!(dtype, F16 | BF16) { 0.001 } else { 0.08 };
        assert!(found.rms < limit, "{dtype:?}: {found:?}");
    }
}

#[test]
fn a_type_that_candle_does_not_know_is_spread_out() {
    let bytes =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/iq4_nl.gguf")).unwrap();
    let file = ModelFile::from_bytes("iq4_nl", bytes.leak()).unwrap();
    let tokens = Xorshift64(12).tokens(30, file.config().vocab);
    let mut own = lowkey_model::load(&file, 2, &mut |_| {}).unwrap();
    let vocab = own.config().vocab;
    let found = distance(&cold(&mut *on_device(&file), &tokens), &cold(&mut *own, &tokens), vocab);
    // Activations are quantized by our kernels and not by the device.
    assert!(found.rms < 0.08, "{found:?}");
}

#[test]
fn tensors_of_one_matrix_may_be_of_several_types() {
    let tiny = wide(GgmlDType::Q4K);
    let mut tensors = tiny.tensors();
    for (name, tensor) in &mut tensors {
        // As in the mixture Q4_K_M.
        if name.ends_with("attn_v.weight") || name.ends_with("ffn_up.weight") {
            let floats = tensor.dequantize(&candle_core::Device::Cpu).unwrap();
            *tensor = QTensor::quantize(&floats, GgmlDType::Q6K).unwrap();
        }
    }
    let bytes: &'static [u8] = write_gguf(&tiny.metadata(), &tensors).leak();
    let file = ModelFile::from_bytes("mixed", bytes).unwrap();
    let tokens = Xorshift64(13).tokens(8, tiny.vocab);
    let expected = cold(&mut *lowkey_model::load(&file, 2, &mut |_| {}).unwrap(), &tokens);
    let found = distance(&cold(&mut *on_device(&file), &tokens), &expected, tiny.vocab);
    assert!(found.rms < 0.08, "{found:?}");
}

#[test]
fn what_follows_a_restored_cache_is_what_follows_the_original() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let mut model = on_device(&file(&tiny));
    let tokens = Xorshift64(14).tokens(40, tiny.vocab);
    let mut original = model.new_cache(40);
    append(&mut *model, &mut original, &tokens[..30], LogitsMode::None);
    let mut saved = Vec::new();
    original
        .save(&mut |layer| {
            saved.extend_from_slice(layer);
            Ok(())
        })
        .unwrap();
    assert_eq!(saved.len(), original.saved_bytes(30));
    assert_eq!(saved.len(), 30 * model.cache_bytes_per_token());
    // Another capacity, and something else in it before.
    let mut restored = model.new_cache(100);
    append(&mut *model, &mut restored, &tokens[10..40], LogitsMode::None);
    let mut source = saved.as_slice();
    restored.restore(30, &mut |buffer| std::io::Read::read_exact(&mut source, buffer)).unwrap();
    assert!(source.is_empty());
    // The same batch on the same numbers: the same bits.
    let found = append(&mut *model, &mut restored, &tokens[30..], LogitsMode::All);
    let expected = append(&mut *model, &mut original, &tokens[30..], LogitsMode::All);
    assert_eq!(bits(&found), bits(&expected));
    let cut = restored.restore(30, &mut |buffer| {
        std::io::Read::read_exact(&mut &saved[..saved.len().min(buffer.len() - 1)], buffer)
    });
    assert!(cut.is_err() && restored.is_empty());
}

#[test]
fn caches_of_kernels_and_of_devices_are_not_mixed_up() {
    let tiny = TinyModel::new(GgmlDType::Q8_0);
    let file = file(&tiny).with_kv_type(KvType::Int8);
    let (mut own, mut device) = (model(&tiny, 1), on_device(&file));
    // Half floats, also if another type was asked for.
    assert_eq!(device.cache_bytes_per_token(), own.cache_bytes_per_token());
    let mut logits = Vec::new();
    let (of_device, of_own) = (device.new_cache(8), own.new_cache(8));
    for (model, mut cache) in [(&mut own, of_device), (&mut device, of_own)] {
        let done = model.forward(&[1], &mut cache, LogitsMode::Last, &mut logits, &|| false);
        assert!(matches!(done, Err(ModelError::CacheMismatch { .. })), "{done:?}");
    }
    let mut cache = device.new_cache(2);
    let message = |done: Result<bool, ModelError>| done.unwrap_err().to_string();
    let forward = device.forward(&[1, 2, 3], &mut cache, LogitsMode::Last, &mut logits, &|| false);
    assert!(message(forward).contains("room for 2"));
    let forward = device.forward(&[1, 999], &mut cache, LogitsMode::Last, &mut logits, &|| false);
    assert!(message(forward).contains("id 999"));
    assert_eq!(cache.len(), 0);
}

#[test]
fn long_prompts_go_through_in_chunks() {
    let tiny = TinyModel::new(GgmlDType::F16);
    let tokens = Xorshift64(15).tokens(700, tiny.vocab);
    let expected = cold(&mut *model(&tiny, 2), &tokens);
    let found = cold(&mut *on_device(&file(&tiny)), &tokens);
    let found = distance(&found, &expected, tiny.vocab);
    assert!(found.rms < 0.002, "{found:?}");
}

#[test]
fn loading_reports_growing_progress_from_nothing_to_all() {
    let mut shares = Vec::new();
    let file = file(&TinyModel::new(GgmlDType::Q8_0));
    load_on_device(&file, &Accelerator::candle_cpu(), &mut |share| shares.push(share)).unwrap();
    assert_eq!((shares.first(), shares.last()), (Some(&0.0), Some(&1.0)));
    assert!(shares.is_sorted(), "{shares:?}");
}
