//! Loading a model whose weights an earlier start packed and kept in a file.
//!
//! Norms and biases are read from the model's own file in either case; they are small.

use std::fs::File;
use std::time::UNIX_EPOCH;

use lowkey_kernels::{Held, Hold, KEY_BYTES, Packed, Pool, Refused};
use sha2::{Digest, Sha256};

use crate::weights::packed_bytes;
use crate::{CausalLm, ModelError, ModelFile, load_packed};

/// What packed weights must have been packed from to serve a model, as 64 hex digits.
///
/// It is made of the model's digest and of the time at which its files were last written. The digest alone would do for
/// models that differ as models do; but it samples large files, and one that was damaged and pulled again may differ
/// from before between two samples. The instruction set is not part of it: all have one packed form.
#[derive(Clone, PartialEq, Eq)]
pub struct PackingKey([u8; KEY_BYTES]);

/// Packed weights in a file, and how they are to be held.
#[derive(Debug, Clone, Copy)]
pub struct KeptWeights<'a> {
    /// The file, which must be the user's alone (see the kernels' `Packed`).
    pub file: &'a File,
    /// How its weights are to be held.
    pub hold: Hold,
}

/// Where a model's weights came from.
pub enum Weights {
    /// From the file.
    Kept(Held),
    /// They were packed now; with the reason where there was a file.
    Packed(Packed, Option<Refused>),
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

    /// Returns the digits' bytes, as the kernels want them.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// Loads a model as [`load`](crate::load) does, with the weights of `kept` where they are this model's.
pub fn load_kept(
    file: &ModelFile,
    threads: usize,
    kept: Option<KeptWeights<'_>>,
    key: &PackingKey,
    progress: &mut dyn FnMut(f32),
) -> Result<(Box<dyn CausalLm>, Option<Weights>), ModelError> {
    let pool = Pool::new(threads);
    let opened = kept.map(|KeptWeights { file: kept, hold }| {
        Packed::open(kept, packed_bytes(file), key.bytes(), hold, &pool)
    });
    let (reserve, held, refused) = match opened {
        Some(Ok((reserve, held))) => (Some(reserve), Some(held), None),
        Some(Err(refused)) => (None, None, Some(refused)),
        None => (None, None, None),
    };
    let (model, packed) = load_packed(file, pool, reserve, progress)?;
    let weights = match (held, packed) {
        (Some(held), _) => Some(Weights::Kept(held)),
        (None, packed) => packed.map(|packed| Weights::Packed(packed, refused)),
    };
    Ok((model, weights))
}
