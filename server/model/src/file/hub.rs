//! A model as a folder of the hub: `config.json`, `tokenizer.json` and weights in safetensors, whole or in shards.
//!
//! What the folder says is turned into what a GGUF file of the same model would say (the keys of its metadata, the
//! names of its tensors), so that everything behind this reads one language. Nothing is converted on disk.
//! Invariant: every length of the folder's files is checked before something is allocated or read by it.

#[path = "hub/config_json.rs"]
mod config_json;
#[path = "hub/names.rs"]
mod names;
#[path = "hub/safetensors.rs"]
mod safetensors;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use candle_core::quantized::gguf_file::Value as Key;
use lowkey_kernels::{BlockType, Pairing};
use serde_json::Value;

use crate::architecture::Architecture;
use crate::error::shorten;
use crate::file::{TensorSpan, Tensors};
use crate::stored::StoredBytes;
use crate::tensor_type::TensorType;
use crate::{Config, Metadata, ModelError, ModelFile};

/// The longest configuration that is read, in bytes. Real ones have a few thousand.
const MAX_JSON_BYTES: u64 = 16 << 20;
/// The longest tokenizer that is read, in bytes. Gemma's has 34 million.
const MAX_TOKENIZER_BYTES: u64 = 256 << 20;
/// The most shards that are believed.
const MAX_SHARDS: usize = 1 << 10;

/// What sets an architecture's folders apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HubFolder {
    /// What `config.json` calls its models in `model_type`.
    pub(crate) model_types: &'static [&'static str],
    /// What it calls the activation, if it says so.
    pub(crate) activations: &'static [&'static str],
    /// Parts of layers that are called otherwise than in most architectures: theirs, ours.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// Norms are stored less 1.
    pub(crate) norms_less_one: bool,
}

/// Opens the folder at `path`, called `file` in messages. Reads headers only.
pub(crate) fn open(path: &Path, file: &str) -> Result<ModelFile, ModelError> {
    let config_json = read_json(&path.join("config.json"), file)?;
    let (architecture, folder) = find(file, &config_json)?;
    let translated = config_json::translate(file, architecture, folder, &config_json)?;
    let mut keys = translated.keys;
    add_ends(path, file, &config_json, &mut keys);
    let tied = config_json.get("tie_word_embeddings").and_then(Value::as_bool) == Some(true);

    let mut shards = Vec::new();
    let mut spans = HashMap::new();
    let mut header_bytes = Vec::new();
    for name in shard_names(path, file)? {
        let shown = format!("{file}/{name}");
        let bytes = StoredBytes::open(&path.join(&name), &shown)?;
        let header = safetensors::read_stored(&shown, &bytes)?;
        for (theirs, stored) in header.tensors {
            let Some(ours) = names::ours(&theirs, folder) else { continue };
            if tied && ours == "output.weight" {
                continue;
            }
            let shift =
                if folder.norms_less_one && ours.ends_with("norm.weight") { 1.0 } else { 0.0 };
            let span = span_of(&shown, &theirs, &stored, shards.len(), shift)?;
            if spans.insert(ours, span).is_some() {
                let problem = format!("tensor {} stands in two of its files", shorten(&theirs));
                return Err(wrong(file, problem));
            }
        }
        header_bytes.push(header.bytes);
        shards.push(bytes);
    }
    for (name, numbers) in translated.vectors {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let kind = TensorType::of_floats(BlockType::F32);
        let (rows, columns) = (1, numbers.len());
        let span = 0..bytes.len();
        let shape = vec![columns];
        let shard = shards.len();
        spans.insert(name, TensorSpan { kind, shape, rows, columns, span, shard, shift: 0.0 });
        header_bytes.push(0);
        shards.push(StoredBytes::Made(bytes));
    }

    let tensors = Tensors::new(spans);
    let metadata = Metadata::new(keys);
    // Rows of queries and keys are permuted by the converter to GGUF only.
    let config = Config::read(file, architecture, Pairing::Halves, &metadata, &tensors)?;
    let tokenizer_json = path.join("tokenizer.json");
    let tokenizer = tokenizer_json
        .exists()
        .then(|| read_limited(&tokenizer_json, file, MAX_TOKENIZER_BYTES))
        .transpose()?;
    let name = file.to_owned();
    Ok(ModelFile::assemble(name, shards, header_bytes, metadata, tensors, architecture, config)
        .with_tokenizer_json(tokenizer))
}

/// The names of the files that hold weights, in order.
fn shard_names(path: &Path, file: &str) -> Result<Vec<String>, ModelError> {
    let index = path.join("model.safetensors.index.json");
    if !index.is_file() {
        if path.join("model.safetensors").is_file() {
            return Ok(vec!["model.safetensors".to_owned()]);
        }
        let problem = "has neither model.safetensors nor model.safetensors.index.json; other formats (.bin, .pt) are \
                       not read";
        return Err(wrong(file, problem.to_owned()));
    }
    let index = read_json(&index, file)?;
    let map = index.get("weight_map").and_then(Value::as_object);
    let Some(map) = map.filter(|map| !map.is_empty()) else {
        return Err(wrong(file, "model.safetensors.index.json has no weight_map".to_owned()));
    };
    let mut names = BTreeSet::new();
    for name in map.values() {
        let is_plain = |name: &&str| {
            !name.is_empty() && !name.contains(['/', '\\', ':']) && !matches!(*name, "." | "..")
        };
        let Some(name) = name.as_str().filter(is_plain) else {
            let problem = "model.safetensors.index.json names a file outside of the folder";
            return Err(wrong(file, problem.to_owned()));
        };
        names.insert(name.to_owned());
    }
    if names.len() > MAX_SHARDS {
        let n = names.len();
        return Err(wrong(file, format!("is in {n} files, the limit is {MAX_SHARDS}")));
    }
    Ok(names.into_iter().collect())
}

fn find<'c>(
    file: &str,
    config: &'c Value,
) -> Result<(&'static Architecture, &'static HubFolder), ModelError> {
    let found: Option<&'c str> = config.get("model_type").and_then(Value::as_str);
    match found {
        Some("phi3small") => Err(wrong(
            file,
            "is a Phi-3-small, whose block-sparse attention is not computed here; choose Phi-3-mini or Phi-3-medium"
                .to_owned(),
        )),
        Some(found) => Architecture::of_folder(file, found),
        None => Err(wrong(file, "has a config.json without model_type".to_owned())),
    }
}

/// What the tokenizer's files say about beginning and end of texts, under the names that GGUF has for it.
fn add_ends(path: &Path, file: &str, config: &Value, keys: &mut HashMap<String, Key>) {
    let id = |name: &str| {
        let value = config.get(name)?;
        // Some list several; the tokenizer's own special tokens end a text too.
        let first = value.as_array().and_then(|ids| ids.first()).unwrap_or(value);
        u32::try_from(first.as_u64()?).ok()
    };
    for (theirs, ours) in [("bos_token_id", "bos"), ("eos_token_id", "eos")] {
        if let Some(id) = id(theirs) {
            keys.insert(format!("tokenizer.ggml.{ours}_token_id"), Key::U32(id));
        }
    }
    let tokenizer = read_json(&path.join("tokenizer_config.json"), file).unwrap_or(Value::Null);
    if let Some(adds) = tokenizer.get("add_bos_token").and_then(Value::as_bool) {
        keys.insert("tokenizer.ggml.add_bos_token".to_owned(), Key::Bool(adds));
    }
    // A file of its own is the newer way, and wins.
    let template = read_limited(&path.join("chat_template.jinja"), file, MAX_JSON_BYTES)
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .ok()
        .or_else(|| chat_template(&tokenizer).map(str::to_owned));
    if let Some(template) = template {
        keys.insert("tokenizer.chat_template".to_owned(), Key::String(template));
    }
}

/// The chat template in a `tokenizer_config.json`: the only one, or of several the one called `default`.
fn chat_template(tokenizer: &Value) -> Option<&str> {
    let template = tokenizer.get("chat_template")?;
    let is_default = |one: &&Value| one.get("name").and_then(Value::as_str) == Some("default");
    let default = template.as_array().and_then(|all| all.iter().find(is_default));
    default.map_or(template, |one| one.get("template").unwrap_or(one)).as_str()
}

fn span_of(
    file: &str,
    name: &str,
    stored: &safetensors::Stored,
    shard: usize,
    shift: f32,
) -> Result<TensorSpan, ModelError> {
    let kind = match stored.kind.as_str() {
        "F32" => BlockType::F32,
        "F16" => BlockType::F16,
        "BF16" => BlockType::BF16,
        other => {
            return Err(ModelError::TensorType {
                file: file.to_owned(),
                tensor: shorten(name),
                offset: stored.span.start as u64,
                found: shorten(other),
                supported: "F32, F16, BF16".to_owned(),
            });
        }
    };
    let kind = TensorType::of_floats(kind);
    let shape = if stored.shape.is_empty() { vec![1] } else { stored.shape.clone() };
    let columns = shape.last().copied().unwrap_or(1);
    // The header's reader has multiplied all of them.
    let rows = shape.iter().product::<usize>() / columns.max(1);
    let place = || format!("tensor {}", shorten(name));
    let bytes = kind.kind.row_bytes(columns).and_then(|row| row.checked_mul(rows));
    if columns == 0 || rows == 0 || bytes != Some(stored.span.len()) {
        let problem = format!(
            "has {} bytes, its shape {shape:?} in {} takes another number",
            stored.span.len(),
            kind.name
        );
        let (file, place, offset) = (file.to_owned(), place(), stored.span.start as u64);
        return Err(ModelError::Malformed { file, place, offset, problem });
    }
    Ok(TensorSpan { kind, shape, rows, columns, span: stored.span.clone(), shard, shift })
}

fn read_json(path: &Path, file: &str) -> Result<Value, ModelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = read_limited(path, file, MAX_JSON_BYTES)?;
    let refused = |problem: String| wrong(file, format!("has a {name} that is no JSON: {problem}"));
    serde_json::from_slice(&bytes).map_err(|error| refused(shorten(&error.to_string())))
}

fn read_limited(path: &Path, file: &str, limit: u64) -> Result<Vec<u8>, ModelError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let about = match std::fs::metadata(path) {
        Ok(about) if about.is_file() => about,
        _ => return Err(wrong(file, format!("has no {name}"))),
    };
    if about.len() > limit {
        let problem = format!("has a {name} of {} bytes, the limit is {limit}", about.len());
        return Err(wrong(file, problem));
    }
    std::fs::read(path).map_err(|source| ModelError::Io { file: format!("{file}/{name}"), source })
}

fn wrong(file: &str, problem: String) -> ModelError {
    ModelError::Folder { file: file.to_owned(), problem }
}
