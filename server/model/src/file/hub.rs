//! A model as a folder of the hub: `config.json`, `tokenizer.json` and weights in safetensors, whole or in shards.
//!
//! The folder's configuration becomes the metadata that a GGUF file of the same model has, and its tensors get the
//! names that llama.cpp's converter gives them, so that every later step reads one format. Nothing is converted on disk.
//! Invariant: every length of the folder's files is checked before something is allocated or read by it.

mod config_json;
mod json;
mod names;
mod safetensors;
pub(crate) mod spec;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use lowkey_kernels::BlockType;
use serde_json::Value as Json;

use crate::error::{ModelError, shorten};
use crate::file::metadata::{Metadata, Value};
use crate::file::source::{Shard, TensorSource};
use crate::file::stored::StoredBytes;
use crate::file::tensor_type::TensorType;
use crate::file::tensors::{TensorSpan, Tensors};
use json::{MAX_JSON_BYTES, folder_error, parse_json, read_json, read_limited};
use safetensors::Stored;
use spec::FolderSpec;

/// The longest tokenizer that is read, in bytes. Gemma's has 34 million.
const MAX_TOKENIZER_BYTES: u64 = 256 << 20;
/// The upper bound accepted for the number of shards.
const MAX_SHARDS: usize = 1 << 10;

/// A folder whose `config.json` has been read.
pub(crate) struct HubFolder<'a> {
    path: &'a Path,
    /// Its name in messages.
    file: &'a str,
    config_json: Json,
    /// The text of its `config.json`, for its digest.
    config_bytes: Vec<u8>,
}

impl<'a> HubFolder<'a> {
    /// Reads the configuration of the folder at `path`, which messages call `file`.
    pub(crate) fn open(path: &'a Path, file: &'a str) -> Result<Self, ModelError> {
        let config_path = path.join("config.json");
        let config_bytes = read_limited(&config_path, file, MAX_JSON_BYTES)?;
        let config_json = parse_json(&config_bytes, &config_path, file)?;
        Ok(Self { path, file, config_json, config_bytes })
    }

    /// The `model_type` of its configuration, by which the caller finds the architecture.
    pub(crate) fn model_type(&self) -> Result<&str, ModelError> {
        match self.config_json.get("model_type").and_then(Json::as_str) {
            Some("phi3small") => Err(folder_error(
                self.file,
                "is a Phi-3-small, whose block-sparse attention is not computed here; choose Phi-3-mini or Phi-3-medium"
                    .to_owned(),
            )),
            Some(found) => Ok(found),
            None => Err(folder_error(self.file, "has a config.json without model_type".to_owned())),
        }
    }

    /// Reads the headers of its weights, and translates its configuration to the metadata of `architecture`.
    pub(crate) fn read(
        &self,
        architecture: &str,
        spec: &FolderSpec,
    ) -> Result<(Metadata, TensorSource), ModelError> {
        let Self { path, file, ref config_json, .. } = *self;
        let translated = config_json::translate(file, architecture, spec, config_json)?;
        let mut values = translated.values;
        add_tokenizer_keys(path, file, config_json, &mut values);
        let tied = config_json.get("tie_word_embeddings").and_then(Json::as_bool) == Some(true);

        let mut shards = Vec::new();
        let mut spans = HashMap::new();
        for name in shard_names(path, file)? {
            let shown = format!("{file}/{name}");
            let bytes = StoredBytes::open(&path.join(&name), &shown)?;
            let header = safetensors::read_header(&shown, &bytes)?;
            for (hf_name, stored) in header.tensors {
                let Some(gguf_name) = names::gguf_name(&hf_name, spec) else { continue };
                if tied && gguf_name == "output.weight" {
                    continue;
                }
                let is_shifted = spec.norms_less_one && gguf_name.ends_with("norm.weight");
                let shift = if is_shifted { 1.0 } else { 0.0 };
                let span = span_of(&shown, &hf_name, &stored, shards.len(), shift)?;
                if spans.insert(gguf_name, span).is_some() {
                    let problem =
                        format!("tensor {} stands in two of its files", shorten(&hf_name));
                    return Err(folder_error(file, problem));
                }
            }
            shards.push(Shard { bytes, header_bytes: header.bytes });
        }
        for (name, numbers) in translated.vectors {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            let kind = TensorType::of_floats(BlockType::F32);
            let (rows, columns) = (1, numbers.len());
            let span = 0..bytes.len();
            let shape = vec![columns];
            let shard = shards.len();
            spans.insert(name, TensorSpan { kind, shape, rows, columns, span, shard, shift: 0.0 });
            shards.push(Shard { bytes: StoredBytes::Owned(bytes), header_bytes: 0 });
        }
        let source = TensorSource::new(file.to_owned(), shards, Tensors::new(spans));
        Ok((Metadata::new(values), source))
    }

    /// Returns the text of its `config.json`.
    pub(crate) fn into_config_bytes(self) -> Vec<u8> {
        self.config_bytes
    }

    /// Reads its `tokenizer.json`, if it has one.
    pub(crate) fn tokenizer_json(&self) -> Result<Option<Vec<u8>>, ModelError> {
        let path = self.path.join("tokenizer.json");
        path.exists().then(|| read_limited(&path, self.file, MAX_TOKENIZER_BYTES)).transpose()
    }
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
        return Err(folder_error(file, problem.to_owned()));
    }
    let index = read_json(&index, file)?;
    let map = index.get("weight_map").and_then(Json::as_object);
    let Some(map) = map.filter(|map| !map.is_empty()) else {
        return Err(folder_error(
            file,
            "model.safetensors.index.json has no weight_map".to_owned(),
        ));
    };
    let mut names = BTreeSet::new();
    for name in map.values() {
        let is_plain = |name: &&str| {
            !name.is_empty() && !name.contains(['/', '\\', ':']) && !matches!(*name, "." | "..")
        };
        let Some(name) = name.as_str().filter(is_plain) else {
            let problem = "model.safetensors.index.json names a file outside of the folder";
            return Err(folder_error(file, problem.to_owned()));
        };
        names.insert(name.to_owned());
    }
    if names.len() > MAX_SHARDS {
        let n = names.len();
        return Err(folder_error(file, format!("is in {n} files, the limit is {MAX_SHARDS}")));
    }
    Ok(names.into_iter().collect())
}

/// Adds the ids of the tokens that begin and end a text, and the chat template, under GGUF's keys.
fn add_tokenizer_keys(path: &Path, file: &str, config: &Json, values: &mut HashMap<String, Value>) {
    let id = |name: &str| {
        let value = config.get(name)?;
        // Some have a list; the tokenizer's other special tokens end a text too.
        let first = value.as_array().and_then(|ids| ids.first()).unwrap_or(value);
        u32::try_from(first.as_u64()?).ok()
    };
    for (hf_name, gguf_name) in [("bos_token_id", "bos"), ("eos_token_id", "eos")] {
        if let Some(id) = id(hf_name) {
            values.insert(format!("tokenizer.ggml.{gguf_name}_token_id"), Value::Whole(id.into()));
        }
    }
    let tokenizer = read_json(&path.join("tokenizer_config.json"), file).unwrap_or(Json::Null);
    if let Some(adds) = tokenizer.get("add_bos_token").and_then(Json::as_bool) {
        values.insert("tokenizer.ggml.add_bos_token".to_owned(), Value::Bool(adds));
    }
    // The newer place, which takes precedence.
    let template = read_limited(&path.join("chat_template.jinja"), file, MAX_JSON_BYTES)
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .ok()
        .or_else(|| chat_template(&tokenizer).map(str::to_owned));
    if let Some(template) = template {
        values.insert("tokenizer.chat_template".to_owned(), Value::Text(template));
    }
}

/// The chat template in a `tokenizer_config.json`: the only one, or of several the one called `default`.
fn chat_template(tokenizer: &Json) -> Option<&str> {
    let template = tokenizer.get("chat_template")?;
    let is_default = |one: &&Json| one.get("name").and_then(Json::as_str) == Some("default");
    let default = template.as_array().and_then(|all| all.iter().find(is_default));
    default.map_or(template, |one| one.get("template").unwrap_or(one)).as_str()
}

fn span_of(
    file: &str,
    name: &str,
    stored: &Stored,
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
