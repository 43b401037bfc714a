//! The tensors of a model with the files that hold them, from which weights are loaded.

use std::borrow::Cow;
use std::io;
use std::time::SystemTime;

use super::digest::digest;
use super::stored::{StoredBytes, unreadable};
use super::tensors::{TensorSpan, Tensors};
use crate::error::ModelError;

/// The tensors of one model and their bytes.
#[derive(Debug)]
pub(crate) struct TensorSource {
    file: String,
    shards: Vec<Shard>,
    tensors: Tensors,
}

/// One file with tensors.
#[derive(Debug)]
pub(crate) struct Shard {
    /// The whole file.
    pub(crate) bytes: StoredBytes,
    /// The length of its header, before the tensors' data.
    pub(crate) header_bytes: usize,
}

impl TensorSource {
    /// Joins the shards of the model that messages call `file` with the tensors in them.
    pub(crate) fn new(file: String, shards: Vec<Shard>, tensors: Tensors) -> Self {
        Self { file, shards, tensors }
    }

    /// The model's name in messages: its path, or the name of embedded bytes.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The tensors by name.
    pub(crate) fn tensors(&self) -> &Tensors {
        &self.tensors
    }

    /// Reads the stored bytes of a tensor.
    pub(crate) fn data(&self, tensor: &TensorSpan) -> Result<Cow<'_, [u8]>, ModelError> {
        let read = match self.shards.get(tensor.shard) {
            Some(shard) => shard.bytes.read(tensor.span.clone()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        read.map_err(|source| unreadable(&self.file, source))
    }

    /// The length of all shards in bytes.
    pub(crate) fn n_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.bytes.len()).sum()
    }

    /// The digest of each shard's header and data.
    pub(crate) fn digests(&self) -> impl Iterator<Item = String> {
        self.shards.iter().map(|shard| digest(&shard.bytes, shard.header_bytes))
    }

    /// The time at which each shard was last written; `None` for bytes compiled into the program.
    pub(crate) fn modified(&self) -> impl Iterator<Item = Option<SystemTime>> {
        self.shards.iter().map(|shard| shard.bytes.modified())
    }
}
