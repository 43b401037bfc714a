//! What the model refuses, and what its caches and its loading promise.

use candle_core::quantized::GgmlDType;
use candle_core::quantized::gguf_file::Value;
use lowkey_model::{LogitsMode, ModelError, ModelFile, load};

use crate::{append, bits, model};
use lowkey_test_support::model::{TinyModel, Xorshift64, write_gguf};

fn tiny() -> TinyModel {
    TinyModel::new(GgmlDType::Q8_0)
}

#[test]
fn more_tokens_than_room_are_refused_and_change_nothing() {
    let mut model = model(&tiny(), 1);
    let mut cache = model.new_cache(10);
    let tokens = Xorshift64(1).tokens(11, 256);
    let mut logits = Vec::new();
    append(&mut *model, &mut cache, &tokens[..7], LogitsMode::None);
    let error = model
        .forward(&tokens[7..], &mut cache, LogitsMode::Last, &mut logits, &|| false)
        .unwrap_err();
    assert!(matches!(error, ModelError::Capacity { held: 7, added: 4, capacity: 10 }), "{error}");
    assert_eq!(cache.len(), 7);
    append(&mut *model, &mut cache, &tokens[7..10], LogitsMode::None);
    assert_eq!(cache.len(), cache.capacity());
}

#[test]
fn ids_outside_the_vocabulary_are_refused() {
    let mut model = model(&tiny(), 1);
    let mut cache = model.new_cache(10);
    for id in [256, u32::MAX] {
        let error = model
            .forward(&[3, id], &mut cache, LogitsMode::Last, &mut Vec::new(), &|| false)
            .unwrap_err();
        assert!(matches!(error, ModelError::TokenId { position: 1, vocab: 256, .. }), "{error}");
    }
    assert!(cache.is_empty());
    append(&mut *model, &mut cache, &[255], LogitsMode::Last);
}

#[test]
fn logits_need_a_token() {
    let mut model = model(&tiny(), 1);
    let mut cache = model.new_cache(10);
    let error =
        model.forward(&[], &mut cache, LogitsMode::Last, &mut Vec::new(), &|| false).unwrap_err();
    assert!(matches!(error, ModelError::NoTokens), "{error}");
    assert!(append(&mut *model, &mut cache, &[], LogitsMode::None).is_empty());
}

#[test]
fn a_cache_of_another_model_is_refused() {
    let mut model = model(&tiny(), 1);
    let mut cache = crate::model(&TinyModel { n_layers: 3, ..tiny() }, 1).new_cache(10);
    let error =
        model.forward(&[1], &mut cache, LogitsMode::Last, &mut Vec::new(), &|| false).unwrap_err();
    assert!(matches!(error, ModelError::CacheMismatch { .. }), "{error}");
}

#[test]
fn a_cache_is_no_larger_than_the_context() {
    let model = model(&tiny(), 1);
    assert_eq!(model.new_cache(usize::MAX).capacity(), 1500);
    assert_eq!(model.new_cache(0).capacity(), 1);
    assert_eq!(model.new_cache(10).fork(0, usize::MAX).capacity(), 1500);
}

#[test]
fn a_cache_takes_what_it_says() {
    let model = model(&tiny(), 1);
    for capacity in [1, 100, 1000] {
        let (bytes, expected) =
            (model.new_cache(capacity).bytes(), capacity * model.cache_bytes_per_token());
        // Tiles of positions may be filled up.
        assert!(
            (expected..=expected + 64 * model.cache_bytes_per_token()).contains(&bytes),
            "{capacity}: {bytes}"
        );
    }
}

#[test]
fn truncating_never_lengthens() {
    let mut model = model(&tiny(), 1);
    let mut cache = model.new_cache(10);
    append(&mut *model, &mut cache, &[1, 2, 3], LogitsMode::None);
    cache.truncate(8);
    assert_eq!(cache.len(), 3);
    assert_eq!(cache.fork(8, 2).len(), 3);
    assert_eq!(cache.fork(8, 2).capacity(), 3);
    cache.truncate(0);
    assert!(cache.is_empty());
}

#[test]
fn loading_reports_growing_progress_from_nothing_to_all() {
    let file = ModelFile::from_bytes("tiny", tiny().gguf().leak()).unwrap();
    let mut shares = Vec::new();
    load(&file, 1, &mut |share| shares.push(share)).unwrap();
    assert_eq!(shares.first(), Some(&0.0));
    assert_eq!(shares.last(), Some(&1.0));
    assert!(shares.is_sorted(), "{shares:?}");
    assert!(shares.len() > 10, "{shares:?}");
}

#[test]
fn a_file_tells_its_name_shape_and_vocabulary() {
    let file = ModelFile::from_bytes("embedded", tiny().gguf().leak()).unwrap();
    assert_eq!((file.file(), file.name(), file.architecture()), ("embedded", "tiny", "qwen2"));
    let config = file.config();
    assert_eq!((config.hidden, config.n_layers, config.n_heads, config.n_kv_heads), (64, 2, 4, 2));
    assert_eq!(
        (config.head_dim, config.intermediate_size, config.vocab, config.context_length),
        (16, 128, 256, 1500)
    );
    assert!(config.tied_embeddings);
    let metadata = file.metadata();
    assert_eq!(metadata.strings("tokenizer.ggml.tokens").unwrap()[255], "t255");
    assert_eq!(metadata.ints("tokenizer.ggml.token_type").unwrap(), [1; 256]);
    assert_eq!(metadata.u32("tokenizer.ggml.eos_token_id"), Some(0));
    assert_eq!(metadata.bool("tokenizer.ggml.add_bos_token"), Some(false));
}

#[test]
fn a_name_is_fit_for_a_terminal() {
    for (name, expected) in
        [("a\u{1b}[2Jb", "a"), ("é €", "é €"), (&*"é".repeat(500), &*"é".repeat(80))]
    {
        let mut metadata = tiny().metadata();
        metadata.retain(|(key, _)| key != "general.name");
        metadata.push(("general.name".to_owned(), Value::String(name.to_owned())));
        let gguf = write_gguf(&metadata, &tiny().tensors()).leak();
        assert_eq!(ModelFile::from_bytes("file", gguf).unwrap().name(), expected);
    }
}

#[test]
fn models_and_caches_go_to_another_thread() {
    let mut model = crate::model(&tiny(), 1);
    let mut cache = model.new_cache(4);
    let moved = std::thread::spawn(move || append(&mut *model, &mut cache, &[5], LogitsMode::Last));
    let mut here = crate::model(&tiny(), 1);
    let mut cache = here.new_cache(4);
    assert_eq!(
        bits(&moved.join().unwrap()),
        bits(&append(&mut *here, &mut cache, &[5], LogitsMode::Last))
    );
}

#[test]
fn the_digest_follows_the_weights_and_not_the_name() {
    let digest =
        |name: &str, bytes: Vec<u8>| ModelFile::from_bytes(name, bytes.leak()).unwrap().digest();
    let reference = digest("a", tiny().gguf());
    assert_eq!(digest("b", tiny().gguf()), reference);
    let mut changed = tiny().gguf();
    *changed.iter_mut().rev().nth(40).unwrap() ^= 1;
    assert_ne!(digest("a", changed), reference);
}

#[test]
fn buffers_left_over_from_a_longer_pass_do_not_show() {
    let mut model = model(&tiny(), 1);
    let tokens = Xorshift64(9).tokens(300, 256);
    let mut cache = model.new_cache(300);
    let fresh = append(&mut *model, &mut cache, &tokens[..5], LogitsMode::All);
    cache.truncate(0);
    append(&mut *model, &mut cache, &tokens, LogitsMode::All);
    cache.truncate(0);
    assert_eq!(bits(&append(&mut *model, &mut cache, &tokens[..5], LogitsMode::All)), bits(&fresh));
}
