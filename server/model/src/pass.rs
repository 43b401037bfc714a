//! How a pass goes through its tokens: chunk by chunk, and which rows somebody reads.
//!
//! The same for our own kernels and on a device.

use lowkey_kernels::{Matrix, ShapeError};

use crate::{Config, Want};

/// How many tokens go through the layers together. Bounds the buffers and attention's scores; more would not make the
/// products faster.
const CHUNK_TOKENS: usize = 512;

/// Tokens that go through the layers together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) tokens: &'a [u32],
    /// How many tokens of the pass stand before them.
    pub(crate) begin: usize,
    /// How many of the last ones' logits are wanted.
    pub(crate) n_wanted: usize,
}

impl<'a> Chunk<'a> {
    /// Cuts the tokens of a pass.
    pub(crate) fn all(tokens: &'a [u32], want: Want) -> impl Iterator<Item = Self> {
        let mut begin = 0;
        tokens.chunks(CHUNK_TOKENS).map(move |chunk| {
            let end = begin + chunk.len();
            let n_wanted = match want {
                Want::All => chunk.len(),
                Want::Last if end == tokens.len() => 1,
                Want::Last | Want::None => 0,
            };
            Self { tokens: chunk, begin: std::mem::replace(&mut begin, end), n_wanted }
        })
    }

    /// How many of the last rows somebody reads behind a layer: the next layer all, and behind the last one only those
    /// whose logits are wanted.
    pub(crate) fn n_read_behind(&self, layer: usize, n_layers: usize) -> usize {
        if layer + 1 < n_layers { self.tokens.len() } else { self.n_wanted }
    }

    /// Looks the tokens up in the embedding table and puts their rows into `rows`, (tokens, hidden).
    pub(crate) fn look_up(
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
