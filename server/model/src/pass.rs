//! What every forward pass shares, on our kernels and on a device: which logits it computes, which input it refuses,
//! and how it cuts the tokens into chunks.

use lowkey_kernels::{Matrix, ShapeError};

use crate::config::Config;
use crate::error::ModelError;
use crate::kv::cache::KvCache;
use crate::kv::shape::KvShape;

/// The positions whose logits a forward pass computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitsMode {
    /// None: the tokens are only appended to the cache.
    None,
    /// The last token: `vocab` numbers.
    Last,
    /// Every token: `tokens.len() × vocab` numbers, to verify a draft.
    All,
}

/// Checks that a model with caches of this `shape` can append `tokens` to `cache`.
pub(crate) fn check_input(
    cache: &KvCache,
    shape: KvShape,
    vocab: usize,
    tokens: &[u32],
    mode: LogitsMode,
) -> Result<(), ModelError> {
    if cache.shape() != shape {
        let (found, expected) = (cache.shape().to_string(), shape.to_string());
        return Err(ModelError::CacheMismatch { found, expected });
    }
    if tokens.is_empty() && mode != LogitsMode::None {
        return Err(ModelError::NoTokens);
    }
    let (held, added, capacity) = (cache.len(), tokens.len(), cache.capacity());
    if added > capacity.saturating_sub(held) {
        return Err(ModelError::Capacity { held, added, capacity });
    }
    match tokens.iter().enumerate().find(|(_, id)| **id as usize >= vocab) {
        Some((position, id)) => Err(ModelError::TokenId { id: *id, position, vocab }),
        None => Ok(()),
    }
}

/// Ends a pass of `n` tokens: the cache keeps their positions if the pass ran to its end, else there are no logits.
pub(crate) fn finish_pass<E>(
    done: Result<bool, E>,
    n: usize,
    cache: &mut KvCache,
    logits: &mut Vec<f32>,
) -> Result<bool, E> {
    match done {
        Ok(true) => cache.advance(n),
        Ok(false) | Err(_) => logits.clear(),
    }
    done
}

/// The number of tokens that go through the layers together. It bounds the buffers and attention's scores; larger chunks
/// do not make the products faster.
const CHUNK_TOKENS: usize = 512;

/// Tokens that go through the layers together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) tokens: &'a [u32],
    /// The number of tokens of the pass before them.
    pub(crate) begin: usize,
    /// Logits are wanted of this many tokens, the last ones.
    pub(crate) n_wanted: usize,
}

impl<'a> Chunk<'a> {
    /// Cuts the tokens of a pass.
    pub(crate) fn split(tokens: &'a [u32], mode: LogitsMode) -> impl Iterator<Item = Self> {
        let mut begin = 0;
        tokens.chunks(CHUNK_TOKENS).map(move |chunk| {
            let end = begin + chunk.len();
            let n_wanted = match mode {
                LogitsMode::All => chunk.len(),
                LogitsMode::Last if end == tokens.len() => 1,
                LogitsMode::Last | LogitsMode::None => 0,
            };
            Self { tokens: chunk, begin: std::mem::replace(&mut begin, end), n_wanted }
        })
    }

    /// The number of rows, the last ones, that are read after a layer: all of them by the next layer, and after the last
    /// layer those whose logits are wanted.
    pub(crate) fn n_rows_after(&self, layer: usize, n_layers: usize) -> usize {
        if layer + 1 < n_layers { self.tokens.len() } else { self.n_wanted }
    }

    /// Looks the tokens up in the embedding table; writes `rows`, (tokens, hidden).
    pub(crate) fn embed(
        &self,
        embedding: &Matrix,
        config: &Config,
        rows: &mut [f32],
    ) -> Result<(), ShapeError> {
        for (row, id) in rows.chunks_exact_mut(config.hidden).zip(self.tokens) {
            embedding.row(*id as usize, &mut *row)?;
            if config.embedding_scale != 1.0 {
                for value in row {
                    *value *= config.embedding_scale;
                }
            }
        }
        Ok(())
    }
}
