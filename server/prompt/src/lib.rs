//! Text to token ids and back: tokenizers, infilling formats, prompt assembly, detokenizer.
//!
//! Every function here is pure and, once a tokenizer is built, total: any text encodes, any tokens
//! decode, and any budget gives a prompt with whole sentinels. The prompt depends only on the
//! context that the model may see. While the user types on a line, only the prompt's tail changes.

mod as_text;
mod assembler;
mod budget;
mod byte_level;
mod byte_pairs;
mod chat_template;
mod code_extractor;
mod detokenizer;
mod error;
mod families;
mod fim;
#[cfg(test)]
mod fixture;
mod format;
mod gguf;
mod healing;
mod instruct;
mod json;
mod memo;
mod merging;
mod next_edit;
mod placement;
mod pre_tokenizer;
mod preamble;
mod prompt;
mod script;
mod sentence_piece;
mod tokenizer;
mod vocabulary;

pub use as_text::TextPrompt;
pub use assembler::Assembler;
pub use budget::Budget;
pub use chat_template::process as template_process;
pub use code_extractor::{CodeExtractor, ExtractedCode};
pub use detokenizer::Detokenizer;
pub use error::{ChatTemplateError, TokenizerError};
pub use fim::{FimFormat, FimOrder, NoFim};
pub use format::{Format, Infill, NoFormat};
pub use gguf::GgufVocab;
pub use healing::Healing;
pub use next_edit::{
    BlockEdit, EditHunk, MAX_ANSWER_TOKENS, NextEditFormat, NextEditInput, NextEditPrompt,
    NextEditSnippet, NoEdit, NoNextEdit, NoNextEditFormat, Prefill,
};
pub use placement::Placement;
pub use prompt::Prompt;
pub use tokenizer::Tokenizer;

/// The number of a token in a model's vocabulary.
pub type TokenId = u32;
