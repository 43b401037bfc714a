//! Merging by score: the best-scored neighbours merge first, as GGUF files have it.
//!
//! Source: llama.cpp's form of `SentencePiece`'s BPE (`llm_tokenizer_spm`). Any two neighbours that make a token may
//! merge, however they came about.

use crate::TokenId;
use crate::merging::Merging;
use std::cmp::Ordering;
use std::collections::HashMap;

/// The tokens of a vocabulary with what they are worth.
pub(super) struct Scores {
    /// Ids by text, blanks written as blanks.
    pub(super) ids: HashMap<String, TokenId>,
    /// By id.
    pub(super) scores: Vec<f32>,
}

/// What a token is worth.
#[derive(Clone, Copy)]
struct Score(f32);

impl Scores {
    /// Merges one piece and appends its tokens; a character without a token goes through `byte_token`.
    pub(super) fn merge_into(
        &self,
        piece: &str,
        byte_token: impl Fn(u8) -> Option<TokenId>,
        tokens: &mut Vec<TokenId>,
    ) {
        let id_of = |text: &str| self.ids.get(text).copied();
        let characters = piece.char_indices().map(|(start, c)| {
            let n_bytes = c.len_utf8();
            (n_bytes, piece.get(start..start + n_bytes).and_then(id_of))
        });
        let mut merging = Merging::new();
        let merged = merging.merge(characters, |left, right| {
            let id = id_of(piece.get(left.start..right.end)?)?;
            let score = self.scores.get(id as usize).copied().unwrap_or_default();
            Some((Score(score), id))
        });
        for symbol in merged {
            let text = piece.get(symbol.start..symbol.end).unwrap_or_default();
            match symbol.token {
                Some(id) => tokens.push(id),
                None => tokens.extend(text.bytes().filter_map(&byte_token)),
            }
        }
    }
}

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Score {}
