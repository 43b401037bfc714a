//! The errors of opening, loading and running a model, in words that a user can act on.
//!
//! Each message has the action, the place (file, key or tensor, byte offset), the limit or the supported values, and the
//! next step. Broken model files are ordinary input: only `Kernel` is a bug.

use std::fmt;
use std::io;

use lowkey_kernels::{PackError, ShapeError};

/// Why a model could not be opened, loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Nothing exists at the path.
    #[error(
        "cannot open model {file}: there is no such file; check the path, or see `lowkey models list`"
    )]
    NotFound {
        /// The path as given.
        file: String,
    },
    /// The path leads to a folder, a pipe or a device.
    #[error("cannot open model {file}: it is {kind}, not a file; name a single .gguf file")]
    NotAFile {
        /// The path as given.
        file: String,
        /// The kind of thing at the path, with its article.
        kind: &'static str,
    },
    /// A folder that is no model, or one that cannot be run.
    #[error(
        "cannot load model folder {file}: it {problem}; a folder needs config.json, tokenizer.json and safetensors of \
         one model: download it anew or give a .gguf file"
    )]
    Folder {
        /// The path as given.
        file: String,
        /// The problem, as a clause.
        problem: String,
    },
    /// The operating system refused to open or read the file.
    #[error("cannot read model {file}: {source}; check its permissions and the disk")]
    Io {
        /// The path as given.
        file: String,
        /// The system's error.
        source: io::Error,
    },
    /// The file became shorter while it was read.
    #[error(
        "model {file} became shorter while it was read: something wrote to it; restart lowkey when the file is whole"
    )]
    FileShrank {
        /// The path as given.
        file: String,
    },
    /// The file does not begin as a GGUF file does.
    #[error(
        "{file} is not a GGUF model: it {found}, a model begins with the bytes \"GGUF\"; name a .gguf file"
    )]
    NotGguf {
        /// The file's name.
        file: String,
        /// How the file begins, as a clause ("is empty", "begins with the bytes …").
        found: String,
    },
    /// A GGUF version, byte order or split that this reader does not read.
    #[error("cannot read model {file}: {found}; supported: {supported}; {next}")]
    Version {
        /// The file's name.
        file: String,
        /// The version found, and its byte or key.
        found: String,
        /// The supported versions.
        supported: &'static str,
        /// The next step.
        next: &'static str,
    },
    /// The file ends before what its header announces.
    #[error(
        "model {file} is cut short: {place} at byte {offset} needs {needed_bytes} bytes, but the file ends at byte \
         {file_bytes}; download it again"
    )]
    Truncated {
        /// The file's name.
        file: String,
        /// The field that was read.
        place: String,
        /// The field's offset, in bytes from the start of the file.
        offset: u64,
        /// The bytes that the field takes.
        needed_bytes: u64,
        /// The length of the file.
        file_bytes: u64,
    },
    /// A header field contradicts the format.
    #[error(
        "model {file} is malformed: {place} at byte {offset} {problem}; download it again or convert it anew"
    )]
    Malformed {
        /// The file's name.
        file: String,
        /// The field that was read.
        place: String,
        /// The field's offset, in bytes from the start of the file.
        offset: u64,
        /// The problem, as a clause.
        problem: String,
    },
    /// A header field is larger than any real model's.
    #[error(
        "cannot read model {file}: {place} at byte {offset} announces {value} {unit}, the limit is {limit}; the file is \
         damaged or not a language model: download it again"
    )]
    TooLarge {
        /// The file's name.
        file: String,
        /// The field that was read.
        place: String,
        /// The field's offset, in bytes from the start of the file.
        offset: u64,
        /// The field's value.
        value: u64,
        /// The unit of the value.
        unit: &'static str,
        /// The largest value that is read.
        limit: u64,
    },
    /// A tensor has a type that no kernel multiplies.
    #[error(
        "cannot load model {file}: tensor {tensor} (header byte {offset}) has type {found}; supported: {supported}; \
         choose another quantization of this model, such as Q8_0 or Q4_K_M"
    )]
    TensorType {
        /// The file's name.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The offset of its type, in bytes from the start of the file.
        offset: u64,
        /// The type's name or number.
        found: String,
        /// The types that can be used there.
        supported: String,
    },
    /// No code for this architecture.
    #[error(
        "cannot load model {file}: its architecture ({key}) is {found:?}; supported: {supported}; \
         choose a model of one of these"
    )]
    Architecture {
        /// The file's name.
        file: String,
        /// The key that names it.
        key: &'static str,
        /// The value in the file.
        found: String,
        /// The architectures that can be loaded.
        supported: String,
    },
    /// A metadata key is missing, of the wrong type, or has a value that is not accepted.
    #[error(
        "cannot load model {file}: metadata key {key} {problem}; convert the model anew or choose another"
    )]
    Key {
        /// The file's name.
        file: String,
        /// The key.
        key: String,
        /// The problem and the supported values, as a clause.
        problem: String,
    },
    /// The architecture needs a tensor that the file lacks.
    #[error(
        "cannot load model {file}: tensor {tensor} ({expected}) is missing; the file is incomplete or of another \
         architecture: convert it anew or choose another"
    )]
    MissingTensor {
        /// The file's name.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The shape it should have.
        expected: String,
    },
    /// A tensor's shape contradicts the metadata.
    #[error(
        "cannot load model {file}: tensor {tensor} at byte {offset} is {found}, its metadata ask for {expected}; convert \
         the model anew or choose another"
    )]
    TensorShape {
        /// The file's name.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// The offset of its data, in bytes from the start of the file.
        offset: u64,
        /// Its shape in the file.
        found: String,
        /// The shape that the metadata imply.
        expected: String,
    },
    /// The tokenizer and the embedding table disagree.
    #[error(
        "cannot load model {file}: {key} says {tokens} tokens, tensor token_embd.weight has {rows} rows; both must \
         agree: convert the model anew or choose another"
    )]
    Vocabulary {
        /// The file's name.
        file: String,
        /// The metadata key that disagrees.
        key: String,
        /// The number of tokens it names.
        tokens: usize,
        /// The number of embedding rows.
        rows: usize,
    },
    /// A weight matrix could not be packed into the kernels' layout.
    #[error(
        "cannot load model {file}: {matrix}: {source}; choose another quantization of this model, such as Q8_0"
    )]
    Pack {
        /// The file's name.
        file: String,
        /// The tensors it is made of.
        matrix: String,
        /// The kernels' error.
        source: PackError,
    },
    /// More tokens were given than the cache has room for.
    #[error(
        "cannot run the model over {added} more tokens: the cache holds {held} and has room for {capacity}; shorten the \
         prompt or make a larger cache"
    )]
    Capacity {
        /// Tokens in the cache.
        held: usize,
        /// Tokens to append.
        added: usize,
        /// The cache's capacity in tokens.
        capacity: usize,
    },
    /// A token id outside the vocabulary.
    #[error(
        "cannot run the model: token {position} of the input is id {id}, the vocabulary ends before {vocab}; is the \
         tokenizer this model's?"
    )]
    TokenId {
        /// The id.
        id: u32,
        /// Its index in the input.
        position: usize,
        /// The number of tokens in the vocabulary.
        vocab: usize,
    },
    /// Logits were asked for without a token to compute them from.
    #[error("cannot compute logits from no tokens: give at least one")]
    NoTokens,
    /// A kernel was called with shapes that do not fit; loading should have made this impossible.
    #[error(
        "cannot run the model: {0}; this is a fault of lowkey's, please report it with the model's name"
    )]
    Kernel(#[from] ShapeError),
    /// The device of the settings does not exist, or this build cannot use it.
    #[error("cannot use the device {device}: {problem}, or set device to \"cpu\"")]
    NoDevice {
        /// The device, as the setting names it.
        device: String,
        /// The missing part and how to get it, as a clause.
        problem: String,
    },
    /// A device refused an operation: mostly for lack of memory.
    #[error(
        "cannot run the model on {device}: {problem}; choose a smaller model or quantization, or set device to \"cpu\""
    )]
    OnDevice {
        /// The device's name.
        device: String,
        /// The device's error.
        problem: String,
    },
    /// A cache of another model.
    #[error(
        "cannot run the model on this cache: it is shaped {found}, this model needs {expected}; make a new cache"
    )]
    CacheMismatch {
        /// The cache's shape.
        found: String,
        /// The model's.
        expected: String,
    },
}

/// Joins names with commas, for the "supported" part of a message.
pub(crate) fn list<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

/// Cuts a name from a file for a message: in a damaged file a name may have megabytes.
pub(crate) fn shorten(name: &str) -> String {
    match name.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
