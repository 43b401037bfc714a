//! A model file: validated, its header read.
//!
//! Opening touches headers only; weights are read when a model is loaded from it, and packed into the kernels' own
//! layout. Drop the file after loading: it keeps the vocabulary in memory and the file open.

use std::path::Path;
use std::time::SystemTime;

use lowkey_kernels::{KvType, RopeLayout};

use crate::architectures;
use crate::architectures::spec::{Architecture, LayerSpec};
use crate::config::keys::Keys;
use crate::config::{Config, Quantization};
use crate::error::ModelError;
use crate::file::digest::digest;
use crate::file::gguf;
use crate::file::hub::HubFolder;
use crate::file::metadata::Metadata;
use crate::file::source::{Shard, TensorSource};
use crate::file::stored::StoredBytes;

/// A GGUF model or a folder with safetensors, validated.
#[derive(Debug)]
pub struct ModelFile {
    source: TensorSource,
    metadata: Metadata,
    /// The text of a folder's `config.json`; `None` for a GGUF file.
    config_json: Option<Vec<u8>>,
    tokenizer_json: Option<Vec<u8>>,
    architecture: &'static Architecture,
    config: Config,
    quantization: Option<Quantization>,
}

impl ModelFile {
    /// Opens and validates the model at `path`: a GGUF file, or a folder with `config.json`, `tokenizer.json` and
    /// safetensors. Reads headers only.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let file = path.display().to_string();
        if path.is_dir() {
            return Self::read_folder(path, &file);
        }
        let bytes = StoredBytes::open(path, &file)?;
        Self::read_gguf(file, bytes)
    }

    /// Validates a model that is compiled into the program; messages call it `name`.
    pub fn from_bytes(name: &str, bytes: &'static [u8]) -> Result<Self, ModelError> {
        Self::read_gguf(name.to_owned(), StoredBytes::Static(bytes))
    }

    fn read_gguf(file: String, bytes: StoredBytes) -> Result<Self, ModelError> {
        let gguf::Header { n_bytes, metadata, tensors } = gguf::read_header(&file, &bytes)?;
        reject_parts(&file, &metadata)?;
        let architecture = architectures::of_file(&file, &metadata)?;
        let shards = vec![Shard { bytes, header_bytes: n_bytes }];
        let source = TensorSource::new(file, shards, tensors);
        Self::new(source, metadata, architecture, architecture.rope_layout)
    }

    fn read_folder(path: &Path, file: &str) -> Result<Self, ModelError> {
        let folder = HubFolder::open(path, file)?;
        let architecture = architectures::of_folder(file, folder.model_type()?)?;
        let (metadata, source) = folder.read(architecture.name, &architecture.folder)?;
        // Only the converter to GGUF permutes rows of queries and keys.
        let model = Self::new(source, metadata, architecture, RopeLayout::NeoX)?;
        let tokenizer_json = folder.tokenizer_json()?;
        Ok(Self { config_json: Some(folder.into_config_bytes()), tokenizer_json, ..model })
    }

    fn new(
        source: TensorSource,
        metadata: Metadata,
        architecture: &'static Architecture,
        rope_layout: RopeLayout,
    ) -> Result<Self, ModelError> {
        let keys =
            Keys { file: source.file(), architecture: architecture.name, metadata: &metadata };
        let mut config = Config::read(&keys, rope_layout, source.tensors())?;
        (architecture.apply)(&keys, &mut config)?;
        Ok(Self {
            source,
            metadata,
            config_json: None,
            tokenizer_json: None,
            architecture,
            config,
            quantization: None,
        })
    }

    /// Asks for float matrices to be quantized when the model is loaded; others stay as they are.
    #[must_use]
    pub fn quantized_on_load(self, quantization: Option<Quantization>) -> Self {
        Self { quantization, ..self }
    }

    /// The type that float matrices get when the model is loaded.
    pub(crate) fn quantization(&self) -> Option<Quantization> {
        self.quantization
    }

    /// The `tokenizer.json` of a folder that has one; a GGUF file's tokenizer is in its metadata.
    pub fn tokenizer_json(&self) -> Option<&[u8]> {
        self.tokenizer_json.as_deref()
    }

    /// The file's path, or the name given with embedded bytes.
    pub fn file(&self) -> &str {
        self.source.file()
    }

    /// The architecture, as the file names it (`qwen2`).
    pub fn architecture(&self) -> &str {
        self.architecture.name
    }

    /// The model's name: `general.name`, else the file's name without its extension.
    ///
    /// It ends at the first control character or after 80 characters: it goes to terminals and status lines.
    pub fn name(&self) -> &str {
        let stem = Path::new(self.file()).file_stem().and_then(|stem| stem.to_str());
        let name = self.metadata.string("general.name").or(stem).unwrap_or(self.file());
        let mut ends = name.char_indices().enumerate();
        match ends.find(|(n, (_, character))| *n == 80 || character.is_control()) {
            Some((_, (end, _))) => &name[..end],
            None => name,
        }
    }

    /// The identity of header and weights as 64 hex digits: a SHA-256 over the length, the header and the tensor data.
    /// Of a folder, it also covers the bytes of `config.json` and `tokenizer.json`.
    ///
    /// Of data beyond 16 MiB it covers 512 samples of 16 KiB, evenly spread: enough to distinguish models, not to
    /// detect tampering. Computed at each call, in 10 to 50 ms.
    pub fn digest(&self) -> String {
        let mut parts: Vec<String> = self.source.digests().collect();
        let owned = StoredBytes::Owned;
        let texts = [&self.config_json, &self.tokenizer_json].into_iter().flatten();
        parts.extend(texts.map(|text| digest(&owned(text.clone()), 0)));
        parts.extend(self.quantization.map(|quantization| quantization.name().to_owned()));
        match parts.as_slice() {
            [one] => one.clone(),
            several => digest(&owned(several.join("\n").into_bytes()), 0),
        }
    }

    /// The time at which each of its files was last written; `None` for a model compiled into the program.
    pub(crate) fn modified(&self) -> impl Iterator<Item = Option<SystemTime>> {
        self.source.modified()
    }

    /// The header's key–value pairs.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Chooses how caches of the model store keys and values.
    #[must_use]
    pub fn with_kv_type(mut self, kind: KvType) -> Self {
        self.config.kv_type = kind;
        self
    }

    /// The model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The length of the file, or of all files with weights, in bytes.
    pub fn n_bytes(&self) -> usize {
        self.source.n_bytes()
    }

    /// The count of the numbers in all its tensors; an embedding that is stored twice counts twice.
    pub fn n_parameters(&self) -> usize {
        self.source.tensors().all().map(|tensor| tensor.rows.saturating_mul(tensor.columns)).sum()
    }

    /// The parts of its layers.
    pub(crate) fn layer_spec(&self) -> LayerSpec {
        (self.architecture.layers)(&self.config, self.source.tensors())
    }

    /// Its tensors, to load weights from.
    pub(crate) fn source(&self) -> &TensorSource {
        &self.source
    }
}

/// One part of a model that is split over several files has its keys but not its tensors.
fn reject_parts(file: &str, metadata: &Metadata) -> Result<(), ModelError> {
    match metadata.u32("split.count") {
        Some(parts) if parts > 1 => Err(ModelError::Version {
            file: file.to_owned(),
            found: format!("key split.count says that it is one of {parts} parts"),
            supported: "models in one file",
            next: "join the parts (`llama-gguf-split --merge`) or download the model in one file",
        }),
        _ => Ok(()),
    }
}
