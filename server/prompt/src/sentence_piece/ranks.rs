//! Merging by rank: the pairs listed in a `tokenizer.json`, lowest rank first.
//!
//! The `tokenizers` crate merges text with blanks written as `▁`. A `▁` in a document is not a
//! blank: it becomes its bytes, because decoding would otherwise return a blank.

use super::BLANK;
use crate::TokenId;
use std::collections::HashMap;
use tokenizers::Model;
use tokenizers::models::bpe::BPE;

/// The merges, and the texts that are not merged.
pub(super) struct Ranks {
    pub(super) bpe: BPE,
    /// Ordinary tokens by text (with plain blanks), if a text that is a token is used unmerged.
    pub(super) whole: Option<HashMap<String, TokenId>>,
    /// Whether that applies to every piece instead of to the text between literals.
    pub(super) whole_pieces: bool,
}

impl Ranks {
    /// Returns the token of a whole text, if whole texts are used unmerged.
    pub(super) fn whole_text(&self, text: &str) -> Option<TokenId> {
        self.whole.as_ref().filter(|_| !self.whole_pieces)?.get(text).copied()
    }

    /// Like [`super::SentencePiece::merge_into`].
    pub(super) fn merge_into(
        &self,
        piece: &str,
        byte_token: impl Fn(u8) -> Option<TokenId>,
        tokens: &mut Vec<TokenId>,
    ) {
        let whole = self.whole.as_ref().filter(|_| self.whole_pieces);
        if let Some(&id) = whole.and_then(|texts| texts.get(piece)) {
            return tokens.push(id);
        }
        let mut written = String::new();
        for (n, part) in piece.split(BLANK).enumerate() {
            if n > 0 {
                tokens.extend("▁".bytes().filter_map(&byte_token));
            }
            written.clear();
            written.extend(part.chars().map(|c| if c == ' ' { BLANK } else { c }));
            match self.bpe.tokenize(&written) {
                Ok(merged) => tokens.extend(merged.iter().map(|token| token.id)),
                // Merging cannot fail without an unknown token; as a fallback, unmerged bytes still
                // spell the text.
                Err(_) => tokens.extend(part.bytes().filter_map(&byte_token)),
            }
        }
    }
}
