//! Errors of tokenizers and chat templates.
//!
//! A vocabulary comes from an untrusted file, so all of it is checked before use. Each error names
//! the fault, its position, and the accepted values. Once a tokenizer is built, encoding and
//! decoding cannot fail.

use crate::TokenId;

/// Text quoted from a file is cut to this many characters.
const MAX_QUOTED_CHARS: usize = 80;

/// Returns the beginning of `text`, for a message.
pub(crate) fn quoted(text: &str) -> String {
    text.chars().take(MAX_QUOTED_CHARS).collect()
}

/// Why a vocabulary was rejected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenizerError {
    /// `tokenizer.ggml.model`, or the model type of `tokenizer.json`, is unknown.
    #[error("reading the tokenizer: model {found:?} is not supported; supported: {supported}")]
    UnknownModel {
        /// The value in the file.
        found: String,
        /// The accepted names.
        supported: String,
    },
    /// The rule that splits text before merging is unknown.
    #[error(
        "reading the tokenizer: pre-tokenizer {found:?} is not supported; supported: {supported}"
    )]
    UnknownPreTokenizer {
        /// The value in the file: a name (GGUF) or a pattern (`tokenizer.json`).
        found: String,
        /// The accepted names.
        supported: String,
    },
    /// `tokenizer.json` has an option that changes tokens and that is not implemented.
    #[error("reading tokenizer.json: {what} is not supported here")]
    UnsupportedOption {
        /// The setting, with its value.
        what: String,
    },
    /// A `tokenizer.json` with blanks in its tokens changes or splits text in an unsupported way.
    #[error(
        "reading tokenizer.json: {step} is not supported; supported with byte_fallback: normalizers Replace (blank by ▁) \
         and Prepend (▁), pre-tokenizer Metaspace"
    )]
    UnsupportedStep {
        /// The step as in the file.
        step: String,
    },
    /// The bytes are not a `tokenizer.json`.
    #[error("reading tokenizer.json: {reason}")]
    Json {
        /// The JSON parser's message.
        reason: String,
    },
    /// The vocabulary has no tokens.
    #[error("reading the tokenizer: the vocabulary is empty")]
    EmptyVocabulary,
    /// The vocabulary has more tokens than any known model.
    #[error("reading the tokenizer: {found} tokens, at most {limit} are allowed")]
    TooManyTokens { found: usize, limit: usize },
    /// Two lists that belong together have different lengths.
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
    ScoresLength { n_scores: usize, n_tokens: usize },
    /// An id is negative, or not in the vocabulary.
    #[error("reading the tokenizer: {what} has id {id}, ids must be from 0 to {last}")]
    IdOutOfRange {
        /// The token's text or the metadata key.
        what: String,
        /// The id in the file.
        id: i64,
        /// The last accepted id.
        last: usize,
    },
    /// Two tokens have the same text.
    #[error("reading the tokenizer: token {text:?} occurs twice, as {first} and as {second}")]
    DuplicateToken {
        /// The token's text.
        text: String,
        /// The lower id.
        first: TokenId,
        /// The higher id.
        second: TokenId,
    },
    /// Two texts have the same id.
    #[error("reading the tokenizer: tokens {first:?} and {second:?} both have id {id}")]
    DuplicateId {
        id: TokenId,
        /// The first text with the id.
        first: String,
        /// The second text with the id.
        second: String,
    },
    /// A merge is not two tokens with one space between them.
    #[error(
        "reading the tokenizer: merge {index} ({text:?}) is not two tokens with one space between"
    )]
    BadMerge {
        /// Position in the list of merges.
        index: usize,
        /// The merge as in the file.
        text: String,
    },
    /// A merge uses, or makes, a token that is missing.
    #[error(
        "reading the tokenizer: merge {index} needs token {token:?}, which is not in the vocabulary"
    )]
    MergeWithoutToken {
        /// Position in the list of merges.
        index: usize,
        /// The missing token.
        token: String,
    },
    /// A byte that occurs in text has no token, so some text could not be encoded.
    #[error(
        "reading the tokenizer: no token for byte 0x{byte:02x}; a vocabulary that spells any text has one for every byte"
    )]
    MissingByte { byte: u8 },
    /// The tokenizer library rejected a vocabulary that passed all other checks.
    #[error("building the tokenizer: {reason}")]
    Library {
        /// The library's message.
        reason: String,
    },
}

/// Why a chat template cannot be used for infilling.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ChatTemplateError {
    /// Longer than the limit.
    #[error("the chat template has {found} bytes, at most {limit} are read")]
    TooLong {
        /// Its length in bytes.
        found: usize,
        /// The maximum length in bytes.
        limit: usize,
    },
    /// Not a valid program, or one that raised an error.
    #[error("the chat template cannot be rendered: {reason} (line {line})")]
    Broken {
        /// The line, from 1; 0 if it is unknown.
        line: usize,
        /// The message of the template engine or of the template itself.
        reason: String,
    },
    /// It needs more steps or memory than any known template.
    #[error(
        "the chat template needs more than {limit} steps, 64 bytes for each of them, 1 GiB of memory, or a few seconds"
    )]
    Endless {
        /// The maximum number of steps.
        limit: u64,
    },
    /// A part of the message is missing from the text, or occurs twice.
    #[error(
        "the chat template leaves out or repeats {what}; a message must be in its prompt once and unchanged"
    )]
    Lost {
        /// The missing or repeated part.
        what: &'static str,
    },
}
