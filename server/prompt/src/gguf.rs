//! Vocabularies as stored in GGUF metadata.
//!
//! `GgufVocab` is plain data, filled by the reader of the file, so this crate knows no file format.
//! Its fields have the names of the metadata keys. The values are checked when a tokenizer is built
//! from them.

use crate::TokenId;
use crate::error::{TokenizerError, quoted};
use crate::families;
use crate::fim::FimOrder;
use crate::vocabulary::{Entry, Kind, MAX_TOKENS, byte_of};
use std::borrow::Cow;

/// `tokenizer.ggml.model` of byte-level BPE.
const BYTE_LEVEL_BPE: &str = "gpt2";
/// `tokenizer.ggml.model` of `SentencePiece`'s BPE with a fallback to bytes.
const SENTENCE_PIECE: &str = "llama";

/// The tokenizer's metadata of a GGUF file, unchecked.
///
/// Its texts may be borrowed from the file, because there are hundreds of thousands of them.
#[derive(Debug, Clone, Default)]
pub struct GgufVocab<'f> {
    /// `tokenizer.ggml.model`: the kind of tokenizer.
    pub model: String,
    /// `tokenizer.ggml.pre`: the pre-tokenizer.
    pub pre: String,
    /// `tokenizer.ggml.tokens`: the tokens by id.
    pub tokens: Vec<Cow<'f, str>>,
    /// `tokenizer.ggml.token_type`, by id; empty if the file has none. 1 normal, 2 unknown, 3
    /// control, 4 user-defined, 5 unused, 6 byte.
    pub token_types: Vec<i32>,
    /// `tokenizer.ggml.scores`, by id; empty if the file has none.
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.merges`, in order of rank: two tokens with a space between them.
    pub merges: Vec<Cow<'f, str>>,
    /// `tokenizer.ggml.bos_token_id`.
    pub bos: Option<TokenId>,
    /// `tokenizer.ggml.eos_token_id`.
    pub eos: Option<TokenId>,
    /// `tokenizer.ggml.eot_token_id`: end of a turn.
    pub eot: Option<TokenId>,
    /// `tokenizer.ggml.eom_token_id`: end of a message.
    pub eom: Option<TokenId>,
    /// `tokenizer.ggml.add_bos_token`: prompts begin with `bos`.
    pub add_bos: bool,
    /// `tokenizer.ggml.fim_pre_token_id`.
    pub fim_pre: Option<TokenId>,
    /// `tokenizer.ggml.fim_suf_token_id`.
    pub fim_suf: Option<TokenId>,
    /// `tokenizer.ggml.fim_mid_token_id`.
    pub fim_mid: Option<TokenId>,
    /// `tokenizer.ggml.fim_pad_token_id`.
    pub fim_pad: Option<TokenId>,
    /// `tokenizer.ggml.fim_rep_token_id`: a repository's name follows.
    pub fim_rep: Option<TokenId>,
    /// `tokenizer.ggml.fim_sep_token_id`: a file follows.
    pub fim_sep: Option<TokenId>,
    /// `tokenizer.ggml.add_space_prefix`: training texts began with an additional blank. Only the
    /// template's own text gets this blank.
    pub add_space_prefix: Option<bool>,
    /// `tokenizer.chat_template`: the layout of a conversation, in Jinja.
    pub chat_template: Option<String>,
    /// `lowkey.fim_fragmented_middle`: trained on middles that begin inside words, so that no
    /// healing is needed.
    pub fragmented_middle: bool,
    /// The order in which this model answers best, if known: `lowkey.fim_order` ("psm" or "spm"),
    /// or the measured order of its shape.
    pub order: Option<FimOrder>,
}

impl GgufVocab<'_> {
    /// Returns every key that names a token, with its value.
    fn named_ids(&self) -> [(&'static str, Option<TokenId>); 10] {
        [
            ("tokenizer.ggml.bos_token_id", self.bos),
            ("tokenizer.ggml.eos_token_id", self.eos),
            ("tokenizer.ggml.eot_token_id", self.eot),
            ("tokenizer.ggml.eom_token_id", self.eom),
            ("tokenizer.ggml.fim_pre_token_id", self.fim_pre),
            ("tokenizer.ggml.fim_suf_token_id", self.fim_suf),
            ("tokenizer.ggml.fim_mid_token_id", self.fim_mid),
            ("tokenizer.ggml.fim_pad_token_id", self.fim_pad),
            ("tokenizer.ggml.fim_rep_token_id", self.fim_rep),
            ("tokenizer.ggml.fim_sep_token_id", self.fim_sep),
        ]
    }

    /// Whether a metadata key names this id as a FIM sentinel.
    fn is_named_sentinel(&self, id: TokenId) -> bool {
        [self.fim_pre, self.fim_suf, self.fim_mid, self.fim_pad, self.fim_rep, self.fim_sep]
            .contains(&Some(id))
    }

    /// Whether tokens merge by score and contain blanks.
    pub(crate) fn is_sentence_piece(&self) -> bool {
        self.model == SENTENCE_PIECE
    }

    /// Checks the metadata and converts it to entries and merges; `SentencePiece` has no merges.
    #[expect(
        clippy::type_complexity,
        reason = "a pair of lists, taken apart at once by the only caller"
    )]
    pub(crate) fn entries(
        &self,
    ) -> Result<(Vec<Option<Entry<'_>>>, Vec<(&str, &str)>), TokenizerError> {
        if self.model != BYTE_LEVEL_BPE && !self.is_sentence_piece() {
            return Err(TokenizerError::UnknownModel {
                found: quoted(&self.model),
                supported: format!(
                    "{BYTE_LEVEL_BPE} (byte-level BPE), {SENTENCE_PIECE} (SentencePiece BPE)"
                ),
            });
        }
        let n_tokens = self.tokens.len();
        if n_tokens == 0 {
            return Err(TokenizerError::EmptyVocabulary);
        }
        if n_tokens > MAX_TOKENS {
            return Err(TokenizerError::TooManyTokens { found: n_tokens, limit: MAX_TOKENS });
        }
        if !self.token_types.is_empty() && self.token_types.len() != n_tokens {
            return Err(TokenizerError::TokenTypesLength {
                n_types: self.token_types.len(),
                n_tokens,
            });
        }
        if self.is_sentence_piece() && self.scores.len() != n_tokens {
            return Err(TokenizerError::ScoresLength { n_scores: self.scores.len(), n_tokens });
        }
        for (key, id) in self.named_ids() {
            if let Some(id) = id.filter(|&id| id as usize >= n_tokens) {
                return Err(TokenizerError::IdOutOfRange {
                    what: key.to_owned(),
                    id: i64::from(id),
                    last: n_tokens - 1,
                });
            }
        }
        let entries =
            (0..).zip(&self.tokens).map(|(id, text)| Some(self.entry(id, text))).collect();
        let merges = self.merges.iter().enumerate().map(|(index, merge)| split_merge(index, merge));
        Ok((entries, merges.collect::<Result<_, _>>()?))
    }

    fn entry<'v>(&self, id: TokenId, text: &'v str) -> Entry<'v> {
        let sentinel = families::is_sentinel(text) || self.is_named_sentinel(id);
        let text = Cow::Borrowed(text);
        match self.token_types.get(id as usize).copied().unwrap_or(1) {
            _ if sentinel => Entry { text, kind: Kind::Special },
            2 | 3 | 5 => Entry { text, kind: Kind::Special },
            4 => Entry::added(text, false),
            6 if self.is_sentence_piece() => match byte_of(&text) {
                Some(byte) => Entry { text, kind: Kind::Byte(byte) },
                None => Entry { text, kind: Kind::Special },
            },
            // Unknown types are treated as ordinary, so that such tokens can still be decoded.
            _ => Entry { text, kind: Kind::Merged },
        }
    }
}

/// Splits a merge at its only space.
pub(crate) fn split_merge(index: usize, merge: &str) -> Result<(&str, &str), TokenizerError> {
    match merge.split_once(' ') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains(' ') => {
            Ok((left, right))
        }
        _ => Err(TokenizerError::BadMerge { index, text: quoted(merge) }),
    }
}
