//! Merging by rank: the pairs that a `tokenizer.json` lists, the first of them first.
//!
//! The `tokenizers` crate merges, over text whose blanks are written `▁`. A `▁` that a document holds is no blank: it
//! becomes its bytes, or the text would not come back.

use super::BLANK;
use crate::TokenId;
use std::collections::HashMap;
use tokenizers::Model;
use tokenizers::models::bpe::BPE;

/// What merges, and what is not merged.
pub(super) struct Ranks {
    pub(super) bpe: BPE,
    /// Ordinary tokens by text, where a text that is one is taken unmerged; blanks written as blanks.
    pub(super) whole: Option<HashMap<String, TokenId>>,
    /// Whether that holds for every piece instead of for the text between literals.
    pub(super) whole_pieces: bool,
}

impl Ranks {
    /// The token that a whole text is, where that counts.
    pub(super) fn whole_text(&self, text: &str) -> Option<TokenId> {
        self.whole.as_ref().filter(|_| !self.whole_pieces)?.get(text).copied()
    }

    /// As [`super::SentencePiece::merge_into`].
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
                // Merging cannot fail without an unknown token; unmerged bytes would still spell the text.
                Err(_) => tokens.extend(part.bytes().filter_map(&byte_token)),
            }
        }
    }
}
