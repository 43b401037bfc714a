//! A model file: validated, its header read.
//!
//! Opening touches the header only; weights are read when a model is loaded from it, and packed into the kernels' own
//! layout. Drop the file after loading: it keeps the vocabulary in memory and the file open.
//! Invariant: every tensor's span lies inside the bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use candle_core::quantized::gguf_file::{Content, TensorInfo};
use lowkey_kernels::KvType;

use crate::architecture::Architecture;
use crate::gguf::{self, Checked};
use crate::llama_like::Parts;
use crate::stored::{StoredBytes, unreadable};
use crate::tensor_type::TensorType;
use crate::{Config, Metadata, ModelError, digest, hub};

/// A GGUF model or a folder with safetensors, validated.
#[derive(Debug)]
pub struct ModelFile {
    file: String,
    /// The file, or the files that hold a folder's weights.
    shards: Vec<StoredBytes>,
    /// How much of each is its header.
    header_bytes: Vec<usize>,
    tokenizer_json: Option<Vec<u8>>,
    quantization: Option<Quantization>,
    metadata: Metadata,
    tensors: Tensors,
    architecture: &'static Architecture,
    config: Config,
}

impl ModelFile {
    /// Opens and validates the model at `path`: a GGUF file, or a folder with `config.json`, `tokenizer.json` and
    /// safetensors. Reads headers only.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let file = path.display().to_string();
        if path.is_dir() {
            return hub::open(path, &file);
        }
        let bytes = StoredBytes::open(path, &file)?;
        Self::read(file, bytes)
    }

    /// Validates a model that is compiled into the program; `name` stands for the file in messages.
    pub fn from_bytes(name: &str, bytes: &'static [u8]) -> Result<Self, ModelError> {
        Self::read(name.to_owned(), StoredBytes::Static(bytes))
    }

    fn read(file: String, bytes: StoredBytes) -> Result<Self, ModelError> {
        let (header, checked) = find_header(&file, &bytes)?;
        let refused = |problem: String| ModelError::Header { file: file.clone(), problem };
        let content = read_header(&header, &checked).map_err(|error| refused(error.to_string()))?;
        if content.tensor_data_offset != checked.data_start {
            return Err(refused(format!(
                "data begin at {}, not {}",
                content.tensor_data_offset, checked.data_start
            )));
        }
        let tensors = Tensors::locate(&content, &checked)
            .ok_or_else(|| refused("a tensor is too large".to_owned()))?;
        let metadata = Metadata::new(content.metadata);
        reject_parts(&file, &metadata)?;
        let architecture = Architecture::of(&file, &metadata)?;
        let config = Config::read(&file, architecture, architecture.pairing, &metadata, &tensors)?;
        drop(header);
        let (shards, header_bytes) = (vec![bytes], vec![checked.header_bytes as usize]);
        Ok(Self::assemble(file, shards, header_bytes, metadata, tensors, architecture, config))
    }

    /// Puts a model together from what was read of it.
    pub(crate) fn assemble(
        file: String,
        shards: Vec<StoredBytes>,
        header_bytes: Vec<usize>,
        metadata: Metadata,
        tensors: Tensors,
        architecture: &'static Architecture,
        config: Config,
    ) -> Self {
        let (tokenizer_json, quantization) = (None, None);
        Self {
            file,
            shards,
            header_bytes,
            tokenizer_json,
            quantization,
            metadata,
            tensors,
            architecture,
            config,
        }
    }

    /// Adds a folder's tokenizer.
    pub(crate) fn with_tokenizer_json(self, tokenizer_json: Option<Vec<u8>>) -> Self {
        Self { tokenizer_json, ..self }
    }

    /// Asks for float matrices to be quantized when the model is loaded; others stay as they are.
    #[must_use]
    pub fn quantized_on_load(self, quantization: Option<Quantization>) -> Self {
        Self { quantization, ..self }
    }

    /// What float matrices become when the model is loaded.
    pub(crate) fn quantization(&self) -> Option<Quantization> {
        self.quantization
    }

    /// The `tokenizer.json` of a folder that has one; a GGUF file's tokenizer stands in its metadata.
    pub fn tokenizer_json(&self) -> Option<&[u8]> {
        self.tokenizer_json.as_deref()
    }

    /// The file's path, or the name given with embedded bytes.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The architecture, as the file names it (`qwen2`).
    pub fn architecture(&self) -> &str {
        self.architecture.name
    }

    /// The model's name: `general.name`, else the file's name without its extension.
    ///
    /// It ends at the first control character or after 80 characters: it goes to terminals and status lines.
    pub fn name(&self) -> &str {
        let stem = Path::new(&self.file).file_stem().and_then(|stem| stem.to_str());
        let name = self.metadata.string("general.name").or(stem).unwrap_or(&self.file);
        let mut ends = name.char_indices().enumerate();
        match ends.find(|(n, (_, character))| *n == 80 || character.is_control()) {
            Some((_, (end, _))) => &name[..end],
            None => name,
        }
    }

    /// The identity of header and weights as 64 hex digits: a SHA-256 over the length, the header and the tensor data.
    ///
    /// Of data beyond 16 MiB it covers 512 samples of 16 KiB, evenly spread: enough to tell models apart, not to
    /// detect tampering. Computed at each call, in 10 to 50 ms.
    pub fn digest(&self) -> String {
        let parts = self.shards.iter().zip(&self.header_bytes);
        let mut parts: Vec<String> =
            parts.map(|(bytes, header)| digest::digest(bytes, *header)).collect();
        if self.tokenizer_json.is_some() || parts.len() != 1 {
            parts.push(format!("{:?}", self.config));
        }
        let made = StoredBytes::Made;
        parts.extend(self.tokenizer_json.clone().map(|json| digest::digest(&made(json), 0)));
        parts.extend(self.quantization.map(|quantization| format!("{quantization:?}")));
        match parts.as_slice() {
            [one] => one.clone(),
            several => digest::digest(&made(several.join("\n").into_bytes()), 0),
        }
    }

    /// When each of its files was last written; `None` for what is compiled into the program.
    pub(crate) fn modified(&self) -> impl Iterator<Item = Option<SystemTime>> {
        self.shards.iter().map(StoredBytes::modified)
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
        self.shards.iter().map(StoredBytes::len).sum()
    }

    /// The count of the numbers in all its tensors; an embedding that is stored twice counts twice.
    pub fn n_parameters(&self) -> usize {
        self.tensors.all().map(|tensor| tensor.rows.saturating_mul(tensor.columns)).sum()
    }

    /// What its layers are made of.
    pub(crate) fn parts(&self) -> Parts {
        (self.architecture.parts)(self)
    }

    pub(crate) fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    /// Reads the stored bytes of a tensor of this file.
    pub(crate) fn data(&self, tensor: &TensorSpan) -> Result<Cow<'_, [u8]>, ModelError> {
        let read = match self.shards.get(tensor.shard) {
            Some(shard) => shard.read(tensor.span.clone()),
            None => Err(std::io::ErrorKind::UnexpectedEof.into()),
        };
        read.map_err(|source| unreadable(&self.file, source))
    }
}

/// Reads the beginning of a file with its whole header, and checks it.
fn find_header<'b>(
    file: &str,
    bytes: &'b StoredBytes,
) -> Result<(Cow<'b, [u8]>, Checked), ModelError> {
    let [some, most] = gguf::HEADER_READS;
    let n_bytes = bytes.len() as u64;
    let header = bytes.first(some, file)?;
    match gguf::validate(file, &header, n_bytes) {
        // The header may be longer than what was read of it.
        Err(ModelError::CutShort { .. }) if (header.len() as u64) < n_bytes => {
            let header = bytes.first(most, file)?;
            let checked = gguf::validate(file, &header, n_bytes)?;
            Ok((header, checked))
        }
        checked => checked.map(|checked| (header, checked)),
    }
}

/// Reads a header with candle, which is told other types where it does not know ours.
fn read_header(bytes: &[u8], checked: &Checked) -> candle_core::Result<Content> {
    if checked.renamed.is_empty() {
        return Content::read(&mut Cursor::new(bytes));
    }
    // Up to where data begin, because candle looks for that place too.
    let end = usize::try_from(checked.data_start).unwrap_or(usize::MAX).min(bytes.len());
    let mut header = bytes.get(..end).unwrap_or_default().to_vec();
    for renamed in &checked.renamed {
        if let Some(place) = header.get_mut(renamed.at..renamed.at + 4) {
            place.copy_from_slice(&renamed.id.to_le_bytes());
        }
    }
    Content::read(&mut Cursor::new(header))
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

/// Where each tensor stands.
#[derive(Debug)]
pub(crate) struct Tensors {
    spans: HashMap<String, TensorSpan>,
}

/// One tensor in the file.
#[derive(Clone, Debug)]
pub(crate) struct TensorSpan {
    /// How its numbers are stored.
    pub(crate) kind: TensorType,
    /// Its shape, outermost dimension first (rows before columns).
    pub(crate) shape: Vec<usize>,
    /// The product of all dimensions but the innermost.
    pub(crate) rows: usize,
    /// The innermost dimension.
    pub(crate) columns: usize,
    /// Where its data stand in the file.
    pub(crate) span: Range<usize>,
    /// Which of a folder's files it stands in; 0 for a single one.
    pub(crate) shard: usize,
    /// What is added to each number of a vector: some folders store norms less 1.
    pub(crate) shift: f32,
}

/// What float matrices can become when a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// Bytes, with one scale of 16 bits per 32.
    Q8_0,
}

impl Tensors {
    pub(crate) fn new(spans: HashMap<String, TensorSpan>) -> Self {
        Self { spans }
    }

    fn locate(content: &Content, checked: &Checked) -> Option<Self> {
        let locate = |name: &str, info: &TensorInfo| {
            let renamed = checked.renamed.iter().find(|renamed| renamed.name == name);
            let kind = match renamed {
                Some(renamed) => renamed.kind,
                None => TensorType::of(info.ggml_dtype)?,
            };
            let shape = info.shape.dims().to_vec();
            let (columns, outer) = shape.split_last()?;
            let (columns, rows) = (*columns, outer.iter().product::<usize>());
            let begin = usize::try_from(checked.data_start.checked_add(info.offset)?).ok()?;
            let size = kind.kind.row_bytes(columns)?.checked_mul(rows)?;
            let span = begin..begin.checked_add(size)?;
            Some(TensorSpan { kind, shape, rows, columns, span, shard: 0, shift: 0.0 })
        };
        let spans = content
            .tensor_infos
            .iter()
            .map(|(name, info)| Some((name.clone(), locate(name, info)?)));
        Some(Self { spans: spans.collect::<Option<_>>()? })
    }

    /// All tensors, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &TensorSpan> {
        self.spans.values()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.spans.contains_key(name)
    }

    /// Finds a tensor, or says which is missing and what it should be like.
    pub(crate) fn get(
        &self,
        file: &str,
        name: &str,
        expected: &str,
    ) -> Result<&TensorSpan, ModelError> {
        let missing = || ModelError::MissingTensor {
            file: file.to_owned(),
            tensor: name.to_owned(),
            expected: expected.to_owned(),
        };
        self.spans.get(name).ok_or_else(missing)
    }
}
