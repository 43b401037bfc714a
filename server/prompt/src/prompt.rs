//! The assembled prompt, which is the engine's input.

use crate::TokenId;
use crate::code_extractor::CodeExtractor;

/// The token ids of one request to the model, and how to extract its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// All tokens, the forced middle last.
    pub tokens: Vec<TokenId>,
    /// How many of `tokens` come before the forced middle. The last of them is `<MID>` if the
    /// format has that sentinel and puts no text after it. They do not change while the user types
    /// on the line.
    pub n_fixed: usize,
    /// The text from the anchor to the start of decoding. It may be longer than its tokens if the
    /// line exceeds its share.
    pub forced: String,
    /// Text that the answer must begin with, removed from the forced middle for healing. `forced`
    /// and `unforced` together are the line up to the cursor. If the anchor is at the cursor, the
    /// text comes from the prefix. Empty for models that need no healing.
    pub unforced: String,
    /// How to extract the code from an instructed model's answer; `None` if the whole answer is the
    /// middle.
    pub code_extractor: Option<CodeExtractor>,
    /// How many snippets of other files the prompt has: the last ones of its context.
    pub n_snippets: usize,
    /// The likely answer, if the prompt's format has one: tokens to verify first.
    pub draft: Vec<TokenId>,
    /// The tokens that end the answer, sorted; `None` for those of the model's infilling format.
    pub end_tokens: Option<Vec<TokenId>>,
}
