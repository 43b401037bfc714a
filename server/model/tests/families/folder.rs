//! Folders that are damaged, incomplete or of another kind: one clear message each.

use std::fs;
use std::path::{Path, PathBuf};

use lowkey_model::{ModelFile, Quantization, load};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture::{cold, folder, names};

/// A copy of a fixture's folder that goes away with the test.
struct Copy {
    path: PathBuf,
}

impl Copy {
    fn of(fixture: &str, name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("folder-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for entry in fs::read_dir(folder(fixture)).unwrap() {
            let from = entry.unwrap().path();
            let bytes = fs::read(&from).unwrap();
            fs::write(path.join(from.file_name().unwrap()), bytes).unwrap();
        }
        Self { path }
    }

    /// Replaces text in a file.
    fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// What opening and loading says.
    fn message(&self) -> String {
        let loaded = ModelFile::open(&self.path).and_then(|file| load(&file, 1, &mut |_| {}));
        loaded.err().unwrap().to_string()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[test]
fn what_a_configuration_asks_for_and_we_do_not_compute_is_refused_by_name() {
    for (i, (fixture, from, to, expected)) in [
        (
            "llama",
            "\"model_type\": \"llama\"",
            "\"model_type\": \"phi3small\"",
            "block-sparse attention is not",
        ),
        (
            "llama",
            "\"model_type\": \"llama\"",
            "\"model_type\": \"mamba\"",
            "(model_type of config.json) is \"mamba\"",
        ),
        (
            "llama",
            "\"hidden_act\": \"silu\"",
            "\"hidden_act\": \"relu\"",
            "hidden_act is \"relu\", supported is silu",
        ),
        (
            "llama-linear",
            "\"linear\"",
            "\"dynamic\"",
            "rope_type is \"dynamic\", supported are default",
        ),
        (
            "qwen3moe",
            "\"decoder_sparse_step\": 1",
            "\"decoder_sparse_step\": 2",
            "layers without experts",
        ),
        ("gemma2", "\"full_attention\"", "\"sliding_attention\"", "layer_types do not alternate"),
        (
            "qwen2-yarn",
            "\"factor\": 4.0",
            "\"factor\": 4.0, \"beta_fast\": 16",
            "beta_fast is not 32",
        ),
        (
            "llama",
            "\"hidden_size\": 32",
            "\"hidden_size\": -3",
            "hidden_size is no whole number of 32 bits",
        ),
        (
            "llama",
            "\"hidden_size\": 32",
            "\"hidden_size\": 4000000000",
            "is 4000000000, supported are 1 to",
        ),
        ("llama", "\"vocab_size\": 64", "\"vocab_size\": 65", "says 65 tokens"),
        (
            "llama",
            "\"intermediate_size\": 64",
            "\"intermediate_size\": 96",
            "its metadata ask for 96 × 32",
        ),
        ("llama", "{", "[", "config.json that is no JSON"),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = Copy::of(fixture, &format!("config-{i}"));
        copy.change("config.json", from, to);
        let message = copy.message();
        assert!(message.contains(expected), "{from} → {to}: {message}");
    }
}

#[test]
fn what_is_missing_from_a_folder_is_named() {
    for (i, (file, expected)) in [
        ("config.json", "has no config.json"),
        (
            "model-00002-of-00003.safetensors",
            "model-00002-of-00003.safetensors: there is no such file",
        ),
        ("model.safetensors.index.json", "has neither model.safetensors nor"),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = Copy::of("mistral", &format!("missing-{i}"));
        fs::remove_file(copy.path.join(file)).unwrap();
        let message = copy.message();
        assert!(message.contains(expected), "{file}: {message}");
    }
}

#[test]
fn an_index_leads_nowhere_outside_of_its_folder() {
    for (i, name) in ["../x.safetensors", "/x", "", ".."].into_iter().enumerate() {
        let copy = Copy::of("mistral", &format!("index-{i}"));
        copy.change("model.safetensors.index.json", "model-00001-of-00003.safetensors", name);
        let message = copy.message();
        assert!(message.contains("names a file outside of the folder"), "{name}: {message}");
    }
}

#[test]
fn weights_that_end_early_or_are_of_another_type_are_named() {
    let copy = Copy::of("llama", "short");
    let weights = copy.path.join("model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() - 5]).unwrap();
    assert!(copy.message().contains("is cut short: the entry of tensor"), "{}", copy.message());
    let text = String::from_utf8_lossy(&bytes[8..]).into_owned();
    let at = 8 + text.find("\"F32\"").unwrap();
    let mut other = bytes.clone();
    other[at..at + 5].copy_from_slice(b"\"I32\"");
    fs::write(&weights, other).unwrap();
    assert!(
        copy.message().contains("has type I32; supported: F32, F16, BF16"),
        "{}",
        copy.message()
    );
}

#[test]
fn the_digest_of_a_folder_follows_its_weights_and_what_becomes_of_them() {
    let copy = Copy::of("mistral", "digest");
    let digest = |quantization| {
        ModelFile::open(&copy.path).unwrap().quantized_on_load(quantization).digest()
    };
    let before = digest(None);
    assert_eq!(before.len(), 64);
    assert_eq!(digest(None), before);
    assert_ne!(digest(Some(Quantization::Q8_0)), before);
    copy.change("config.json", "10000.0", "20000.0");
    assert_ne!(digest(None), before, "another base of the frequencies");
    copy.change("config.json", "20000.0", "10000.0");
    assert_eq!(digest(None), before);
    let shard = copy.path.join("model-00003-of-00003.safetensors");
    let mut bytes = fs::read(&shard).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&shard, bytes).unwrap();
    assert_ne!(digest(None), before);
}

/// Values that no configuration should have, and some that it may.
fn strange() -> impl Strategy<Value = Value> {
    let numbers = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_i64..70).prop_map(Value::from),
        (0_u32..40).prop_map(|bits| Value::from(1_u64 << bits)),
    ];
    let others = prop::sample::select(vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(""),
        json!("yarn"),
        json!([]),
        json!([1.5, 0, -2]),
        json!({"rope_type": "longrope", "short_factor": [0, 1e300], "rope_theta": -1}),
        json!({"rope_type": "llama3", "factor": 1e-300, "low_freq_factor": 1, "high_freq_factor": 1}),
    ]);
    prop_oneof![numbers, others]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_in_a_configuration_gives_a_message_or_a_model_that_runs(
        fixture in any::<prop::sample::Index>(),
        key in any::<prop::sample::Index>(),
        value in strange(),
    ) {
        let names = names();
        let name = fixture.get(&names);
        let copy = Copy::of(name, &format!("strange-{name}"));
        let path = copy.path.join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let keys: Vec<String> = config.as_object().unwrap().keys().cloned().collect();
        config[key.get(&keys)] = value;
        fs::write(&path, config.to_string()).unwrap();
        let loaded = ModelFile::open(&copy.path).and_then(|file| load(&file, 1, &mut |_| {}));
        match loaded {
            Ok(mut model) => prop_assert_eq!(cold(&mut *model, &[1]).len(), model.config().vocab),
            Err(error) => prop_assert!(error.to_string().len() < 1000, "{}", error),
        }
    }
}
