//! A model whose weights came packed from a file is the model that packed them, to the bit.

use std::fs::File;
use std::path::PathBuf;

use candle_core::quantized::GgmlDType;
use lowkey_kernels::PACKING_VERSION;
use lowkey_model::{
    CausalLm, LoadedWeights, MapPolicy, ModelFile, PackedWeights, PackingKey, Quantization,
    SavedWeights, load_with_saved_weights,
};

use crate::{bits, cold, file};
use lowkey_test_support::model::{TinyModel, Xorshift64};

/// A file of a test's own, gone when the test ends.
struct TestFile(PathBuf);

impl TestFile {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("lowkey-packing-{name}-{}", std::process::id())))
    }

    fn write(&self, bytes: &[u8]) -> File {
        std::fs::write(&self.0, bytes).unwrap();
        File::open(&self.0).unwrap()
    }
}

impl Drop for TestFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn key(file: &ModelFile) -> PackingKey {
    PackingKey::new(file, &file.digest())
}

/// Loads a model and packs it; returns what a file of it has.
fn packed(file: &ModelFile) -> (Box<dyn CausalLm>, Vec<u8>) {
    let (model, weights) = load_with_saved_weights(file, 2, None, &key(file), &mut |_| {}).unwrap();
    let Some(LoadedWeights::PackedNow(packed, None)) = weights else { panic!("nothing to keep") };
    (model, saved(&packed, &key(file)))
}

fn saved(packed: &PackedWeights, key: &PackingKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    packed
        .save(key.bytes(), &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    bytes
}

fn models() -> Vec<TinyModel> {
    let tiny = |dtype| TinyModel { hidden: 256, intermediate_size: 256, ..TinyModel::new(dtype) };
    [GgmlDType::Q8_0, GgmlDType::Q4K, GgmlDType::Q5_0, GgmlDType::F16].map(tiny).into()
}

#[test]
fn kept_weights_give_the_logits_of_those_that_were_packed_now() {
    for (index, tiny) in models().iter().enumerate() {
        for quantization in [None, Some(Quantization::Q8_0)] {
            let file = file(tiny).quantized_on_load(quantization);
            let (mut fresh, bytes) = packed(&file);
            let test = TestFile::new(&format!("logits-{index}"));
            let kept = test.write(&bytes);
            let tokens = Xorshift64(7).tokens(30, tiny.vocab);
            let expected = bits(&cold(&mut *fresh, &tokens));
            for map_policy in [MapPolicy::Auto, MapPolicy::Always, MapPolicy::Never] {
                let kept = SavedWeights { file: &kept, map_policy };
                let (mut model, weights) =
                    load_with_saved_weights(&file, 2, Some(kept), &key(&file), &mut |_| {})
                        .unwrap();
                assert!(matches!(weights, Some(LoadedWeights::FromFile(_))), "{map_policy:?}");
                assert_eq!(
                    bits(&cold(&mut *model, &tokens)),
                    expected,
                    "model {index}, {map_policy:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_this_models_is_packed_anew_and_says_why() {
    let [tiny, other, ..] = &models()[..] else { panic!("two models") };
    let (file, other) = (file(tiny), file(other));
    let (mut fresh, bytes) = packed(&file);
    let test = TestFile::new("refused");
    let tokens = Xorshift64(8).tokens(20, tiny.vocab);
    let expected = bits(&cold(&mut *fresh, &tokens));
    let mut flipped = bytes.clone();
    flipped[1000] ^= 1;
    let others = packed(&other).1;
    for (what, bytes) in [("damaged", flipped), ("another model's", others), ("damaged", vec![])] {
        let kept = test.write(&bytes);
        let kept = SavedWeights { file: &kept, map_policy: MapPolicy::Auto };
        let (mut model, weights) =
            load_with_saved_weights(&file, 2, Some(kept), &key(&file), &mut |_| {}).unwrap();
        let Some(LoadedWeights::PackedNow(_, Some(refused))) = weights else { panic!("{what}") };
        assert!(refused.to_string().contains(what), "{refused}, not {what}");
        assert_eq!(bits(&cold(&mut *model, &tokens)), expected, "{what}");
    }
}

#[test]
fn the_key_follows_the_model_and_the_time_its_file_was_written() {
    let [tiny, other, ..] = &models()[..] else { panic!("two models") };
    let embedded = file(tiny);
    assert_ne!(key(&embedded).as_str(), key(&file(other)).as_str());
    assert_eq!(key(&embedded).as_str().len(), 64);
    let as_q8 = file(tiny).quantized_on_load(Some(Quantization::Q8_0));
    assert_ne!(key(&embedded).as_str(), key(&as_q8).as_str());
    // Damage between the samples of a large file does not change its digest; pulled again, it is another file.
    let test = TestFile::new("key.gguf");
    let mut keys = [1_u64, 2, 1].map(|seconds| {
        let since = std::time::Duration::from_secs(1_000_000 + seconds);
        std::fs::write(&test.0, tiny.gguf()).unwrap();
        let written = File::options().write(true).open(&test.0).unwrap();
        written.set_modified(std::time::UNIX_EPOCH + since).unwrap();
        key(&ModelFile::open(&test.0).unwrap()).as_str().to_owned()
    });
    assert_eq!(keys[0], keys[2]);
    keys.sort();
    assert_ne!(keys[0], keys[2]);
}

/// When this fails, matrices are packed into memory in another order, or otherwise: raise `lowkey_kernels::PACKING_VERSION`, so
/// that files of earlier builds are not read as what they are not, and note the new digest.
#[test]
fn the_packed_weights_of_a_model_are_those_of_this_packing() {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for tiny in models() {
        for byte in packed(&file(&tiny)).1 {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    assert_eq!((PACKING_VERSION, hash), (1, 9_103_066_033_416_471_881));
}
