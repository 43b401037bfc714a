//! The tokenizer: text to token ids and back, without loss.
//!
//! This crate splits text (`pre_tokenizer`) and merges it, except for a `tokenizer.json` in the
//! style of `SentencePiece`, which the `tokenizers` crate merges. The added-token machinery of that
//! crate is not used on purpose: the text of a sentinel in a document is ordinary text and must
//! never control the prompt.
//! Invariant: the concatenated bytes of the encoded tokens are the text's bytes.

use crate::TokenId;
use crate::byte_pairs::BytePairs;
use crate::error::TokenizerError;
use crate::gguf::GgufVocab;
use crate::json::{JsonVocab, Style};
use crate::merging::Merging;
use crate::pre_tokenizer::Splitter;
use crate::sentence_piece::{Piece, PieceRules, SentencePiece};
use crate::vocabulary::Vocabulary;
use std::fmt;
use std::sync::Arc;

/// Converts text to token ids, and ids to bytes.
pub struct Tokenizer {
    pub(crate) vocabulary: Arc<Vocabulary>,
    encoder: Encoder,
}

/// How pieces are found and merged.
enum Encoder {
    ByteLevel { pairs: BytePairs, splitter: Splitter },
    SentencePiece(SentencePiece),
}

/// Tokens of a text whose last piece is still open, because the user is typing at its end.
pub(crate) struct OpenEnded {
    pub(crate) tokens: Vec<TokenId>,
    /// How many of `tokens` belong to the last piece.
    pub(crate) n_last_piece: usize,
}

impl Tokenizer {
    /// Builds a tokenizer from the bytes of a `tokenizer.json`: byte-level BPE with one of the
    /// known pre-tokenizers, or BPE in the style of `SentencePiece`.
    pub fn from_json(bytes: &[u8]) -> Result<Tokenizer, TokenizerError> {
        let JsonVocab { entries, merges, style, whole_pieces } = JsonVocab::read(bytes)?;
        let (vocabulary, encoder) = match style {
            Style::ByteLevel(patterns) => {
                let splitter = Splitter::by_patterns(&patterns)?;
                let merges = merges.iter().map(|(left, right)| (&**left, &**right));
                let (vocabulary, pairs) = Vocabulary::build(&entries, merges, whole_pieces)?;
                (vocabulary, Encoder::ByteLevel { pairs, splitter })
            }
            Style::SentencePiece { cuts, literals } => {
                let rules = PieceRules { cuts, literals, whole_texts: whole_pieces };
                let built = Vocabulary::build_ranked_pieces(&entries, merges, rules)?;
                (built.0, Encoder::SentencePiece(built.1))
            }
        };
        Ok(Tokenizer { vocabulary: Arc::new(vocabulary), encoder })
    }

    /// Builds a tokenizer from GGUF metadata: model `gpt2` (byte-level BPE) with one of the
    /// pre-tokenizers of qwen2, llama-bpe, starcoder, gpt-2 and deepseek-coder, or model `llama` (`SentencePiece` BPE).
    pub fn from_gguf(vocab: &GgufVocab) -> Result<Tokenizer, TokenizerError> {
        let (entries, merges) = vocab.entries()?;
        if vocab.is_sentence_piece() {
            let (vocabulary, pieces) = Vocabulary::build_pieces(&entries, vocab.scores.clone())?;
            let encoder = Encoder::SentencePiece(pieces);
            return Ok(Tokenizer { vocabulary: Arc::new(vocabulary), encoder });
        }
        let splitter = Splitter::by_name(&vocab.pre)?;
        let merges = merges.into_iter();
        let (vocabulary, pairs) = Vocabulary::build(&entries, merges, splitter.whole_pieces)?;
        let encoder = Encoder::ByteLevel { pairs, splitter };
        Ok(Tokenizer { vocabulary: Arc::new(vocabulary), encoder })
    }

    /// Encodes `text` literally: without a beginning-of-text token, a leading space, or special
    /// tokens for text that looks like one.
    pub fn encode(&self, text: &str) -> Vec<TokenId> {
        self.encode_open_ended(text).tokens
    }

    /// Encodes `text` and returns how many tokens its last piece has.
    pub(crate) fn encode_open_ended(&self, text: &str) -> OpenEnded {
        // Code has about three bytes per token.
        let mut tokens = Vec::with_capacity(text.len() / 3 + 1);
        let mut last_piece_start = 0;
        match &self.encoder {
            Encoder::ByteLevel { pairs, splitter } => {
                let mut merging = Merging::new();
                splitter.each_piece(text, |piece| {
                    last_piece_start = tokens.len();
                    let piece = self.vocabulary.with_placeholders(piece.as_bytes());
                    pairs.merge_into(&piece, |byte| self.byte(byte), &mut merging, &mut tokens);
                });
            }
            Encoder::SentencePiece(pieces) => pieces.each_piece(text, |piece| {
                last_piece_start = tokens.len();
                match piece {
                    Piece::Text(text) => {
                        pieces.merge_into(text, |byte| self.byte(byte), &mut tokens);
                    }
                    Piece::Token(id) => tokens.push(id),
                }
            }),
        }
        let n_last_piece = tokens.len() - last_piece_start;
        OpenEnded { tokens, n_last_piece }
    }

    fn byte(&self, byte: u8) -> Option<TokenId> {
        self.vocabulary.byte_token(byte)
    }

    /// Returns the raw bytes of a token: empty for special tokens and for ids that are not in the
    /// vocabulary. A token may contain a part of a character.
    pub fn token_bytes(&self, id: TokenId) -> &[u8] {
        self.vocabulary.token_bytes(id)
    }

    /// Returns the number of token ids, including special and unused ones.
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// Returns the id of the special token with this text.
    pub fn id_of(&self, special_text: &str) -> Option<TokenId> {
        self.vocabulary.special(special_text)
    }

    /// Returns all special tokens with their texts, unordered.
    pub(crate) fn specials(&self) -> impl Iterator<Item = (&str, TokenId)> {
        self.vocabulary.specials()
    }

    /// Returns the text that `tokens` spell; invalid UTF-8 becomes U+FFFD.
    pub fn decode(&self, tokens: &[TokenId]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|&id| self.token_bytes(id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod blanks;
#[cfg(test)]
mod tests;
