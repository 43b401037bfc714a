//! Why a tokenizer or a chat template could not be used.
//!
//! A vocabulary comes from a file that someone else wrote, so everything in it is checked before it is used, and each
//! refusal names what was found, where, and what would have been accepted. Once a tokenizer stands, encoding and
//! decoding cannot fail.

use crate::TokenId;

/// Quoted text from a file is cut to this many characters.
const MAX_QUOTED_CHARS: usize = 80;

/// Returns the beginning of `text`, for a message.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(MAX_QUOTED_CHARS).collect()
}

/// Says why a vocabulary was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenizerError {
    /// `tokenizer.ggml.model`, or the model type of `tokenizer.json`, is one that we do not have.
    #[error("reading the tokenizer: model {found:?} is not supported; supported: {supported}")]
    UnknownModel {
        /// What the file says.
        found: String,
        /// The names that are accepted.
        supported: String,
    },
    /// The rule that splits text before merging is one that we do not have.
    #[error(
        "reading the tokenizer: pre-tokenizer {found:?} is not supported; supported: {supported}"
    )]
    UnknownPreTokenizer {
        /// What the file says: a name (GGUF) or a pattern (`tokenizer.json`).
        found: String,
        /// The names that are accepted.
        supported: String,
    },
    /// `tokenizer.json` asks for something that changes tokens and that we do not do.
    #[error("reading tokenizer.json: {what} is not supported here")]
    UnsupportedOption {
        /// The setting, with its value.
        what: String,
    },
    /// A `tokenizer.json` with blanks in its tokens changes or cuts text in a way that we do not.
    #[error(
        "reading tokenizer.json: {step} is not supported; supported with byte_fallback: normalizers Replace (blank by ▁) \
         and Prepend (▁), pre-tokenizer Metaspace"
    )]
    UnsupportedStep {
        /// The step as it stands.
        step: String,
    },
    /// The bytes are not a `tokenizer.json`.
    #[error("reading tokenizer.json: {reason}")]
    Json {
        /// What the JSON reader says.
        reason: String,
    },
    /// There are no tokens at all.
    #[error("reading the tokenizer: the vocabulary is empty")]
    EmptyVocabulary,
    /// There are more tokens than any model has.
    #[error("reading the tokenizer: {found} tokens, at most {limit} are allowed")]
    TooManyTokens {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Two lists that belong together differ in length.
    #[error("reading the tokenizer: {n_types} token types for {n_tokens} tokens")]
    TokenTypesLength {
        /// Length of the list of types.
        n_types: usize,
        /// Length of the list of tokens.
        n_tokens: usize,
    },
    /// A vocabulary that merges by score lacks scores.
    #[error(
        "reading the tokenizer: {n_scores} scores (tokenizer.ggml.scores) for {n_tokens} tokens"
    )]
    ScoresLength {
        /// How many scores there are.
        n_scores: usize,
        /// How many tokens there are.
        n_tokens: usize,
    },
    /// An id is negative, or beyond the vocabulary.
    #[error("reading the tokenizer: {what} has id {id}, ids must be from 0 to {last}")]
    IdOutOfRange {
        /// The token's text or the metadata key.
        what: String,
        /// The id as the file gives it.
        id: i64,
        /// The last id that is accepted.
        last: usize,
    },
    /// One text stands for two tokens.
    #[error("reading the tokenizer: token {text:?} stands twice, as {first} and as {second}")]
    DuplicateToken {
        /// The token's text.
        text: String,
        /// The lower id.
        first: TokenId,
        /// The higher id.
        second: TokenId,
    },
    /// Two texts claim one id.
    #[error("reading the tokenizer: tokens {first:?} and {second:?} both have id {id}")]
    DuplicateId {
        /// The id.
        id: TokenId,
        /// The text met first.
        first: String,
        /// The text met second.
        second: String,
    },
    /// A merge is not two tokens with one space between.
    #[error(
        "reading the tokenizer: merge {index} ({text:?}) is not two tokens with one space between"
    )]
    BadMerge {
        /// Position in the list of merges.
        index: usize,
        /// The merge as it stands.
        text: String,
    },
    /// A merge names, or makes, a token that is not there.
    #[error(
        "reading the tokenizer: merge {index} needs token {token:?}, which is not in the vocabulary"
    )]
    MergeWithoutToken {
        /// Position in the list of merges.
        index: usize,
        /// The missing token.
        token: String,
    },
    /// A byte that text may hold has no token, so some text could not be encoded.
    #[error(
        "reading the tokenizer: no token for byte 0x{byte:02x}; a vocabulary that spells any text has one for every byte"
    )]
    MissingByte {
        /// The byte.
        byte: u8,
    },
    /// The tokenizer library refused what passed our own checks.
    #[error("building the tokenizer: {reason}")]
    Library {
        /// What it says.
        reason: String,
    },
}

/// Says why a chat template cannot be used for infilling.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ChatTemplateError {
    /// Longer than any template.
    #[error("the chat template has {found} bytes, at most {limit} are read")]
    TooLong {
        /// How long it is.
        found: usize,
        /// How long it may be.
        limit: usize,
    },
    /// No program, or one that gave up.
    #[error("the chat template cannot be rendered: {reason} (line {line})")]
    Broken {
        /// Where, from 1; 0 where nobody can say.
        line: usize,
        /// What the template engine, or the template itself, says.
        reason: String,
    },
    /// It works for longer, or makes more, than any template needs.
    #[error(
        "the chat template needs more than {limit} steps, 64 bytes for each of them, 1 GiB of memory, or a few seconds"
    )]
    Endless {
        /// How many it may take.
        limit: u64,
    },
    /// A part of the message is not in the text, or stands there twice.
    #[error(
        "the chat template leaves out or repeats {what}; a message must stand in its prompt once and unchanged"
    )]
    Lost {
        /// Which part.
        what: &'static str,
    },
}
