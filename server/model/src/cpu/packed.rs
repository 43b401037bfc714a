//! Loads a model whose weights an earlier start has packed and kept in a file.
//!
//! Norms and biases are read from the model's own file in either case; they are small.

use std::fs::File;
use std::time::UNIX_EPOCH;

use lowkey_kernels::{KEY_BYTES, MapPolicy, PackedFileError, PackedWeights, Pool, WeightMemory};
use sha2::{Digest, Sha256};

use super::load::load_packed;
use crate::causal_lm::CausalLm;
use crate::error::ModelError;
use crate::load::pack::packed_bytes;
use crate::model_file::ModelFile;

/// The identity of the model that packed weights belong to, as 64 hex digits.
///
/// It is a hash of the model's digest and of the times at which its files were last written. The digest alone
/// distinguishes models, but it samples large files: a damaged file that was pulled again may differ between samples.
/// The instruction set is not part of it: all have one packed form.
#[derive(Clone, PartialEq, Eq)]
pub struct PackingKey([u8; KEY_BYTES]);

/// Packed weights in a file, and how to hold them in memory.
#[derive(Debug, Clone, Copy)]
pub struct SavedWeights<'a> {
    /// The file, which must be the user's alone (see the kernels' `PackedWeights`).
    pub file: &'a File,
    /// How to hold its weights.
    pub map_policy: MapPolicy,
}

/// The origin of a loaded model's weights.
pub enum LoadedWeights {
    /// The file of packed weights.
    FromFile(WeightMemory),
    /// They were packed now; with the reason if there was a file.
    PackedNow(PackedWeights, Option<PackedFileError>),
}

impl PackingKey {
    /// Returns the key of a model whose digest is `digest` (see [`ModelFile::digest`]).
    pub fn new(file: &ModelFile, digest: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(digest);
        for modified in file.modified() {
            let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            hash.update(since.map_or(0, |since| since.as_nanos()).to_le_bytes());
        }
        let mut key = [0; KEY_BYTES];
        for (digits, byte) in key.as_chunks_mut().0.iter_mut().zip(hash.finalize()) {
            *digits = [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
        }
        Self(key)
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the digits' bytes, as the kernels take them.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// Loads a model as [`load`](super::load::load) does, with the weights of `saved` if they are this model's.
pub fn load_with_saved_weights(
    file: &ModelFile,
    threads: usize,
    saved: Option<SavedWeights<'_>>,
    key: &PackingKey,
    progress: &mut dyn FnMut(f32),
) -> Result<(Box<dyn CausalLm>, Option<LoadedWeights>), ModelError> {
    let pool = Pool::new(threads);
    let opened = saved.map(|SavedWeights { file: saved, map_policy }| {
        PackedWeights::open(
            saved,
            packed_bytes(file.source().tensors(), file.quantization()),
            key.bytes(),
            map_policy,
            &pool,
        )
    });
    let (arena, memory, refused) = match opened {
        Some(Ok((arena, memory))) => (Some(arena), Some(memory), None),
        Some(Err(refused)) => (None, None, Some(refused)),
        None => (None, None, None),
    };
    let (model, packed) = load_packed(file, pool, arena, progress)?;
    let weights = match (memory, packed) {
        (Some(memory), _) => Some(LoadedWeights::FromFile(memory)),
        (None, packed) => packed.map(|packed| LoadedWeights::PackedNow(packed, refused)),
    };
    Ok((model, weights))
}
