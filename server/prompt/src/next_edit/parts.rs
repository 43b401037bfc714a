//! The parts of a prompt: text, and the special tokens between its sections.
//!
//! Text of documents is encoded without special tokens, so a document that contains the text of a
//! special token does not end a section. Each text between two special tokens is encoded alone.
//! Two prompts that begin with the same sections therefore begin with the same tokens.

use crate::TokenId;
use crate::gguf::GgufVocab;
use crate::tokenizer::Tokenizer;

/// The token before each section.
const SEPARATOR: &str = "<|file_sep|>";

/// The mark of the cursor in the block. A token of its own if the vocabulary has it.
pub(super) const CURSOR: &str = "<|cursor|>";

/// The vocabulary lacks the token that separates the sections of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model cannot predict next edits: its vocabulary has no {SEPARATOR}; choose a model whose catalog row names a \
     next-edit format"
)]
pub struct NoNextEditFormat;

/// The special tokens of next-edit prompts in one vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextEditFormat {
    separator: TokenId,
    cursor: Option<TokenId>,
    /// Sorted.
    ends: Vec<TokenId>,
}

impl NextEditFormat {
    /// The name of the format in catalog rows and in the metadata key `lowkey.next_edit`.
    pub const NAME: &str = "sweep";

    /// Finds the special tokens in a vocabulary. It does not show whether the model was trained on
    /// next edits: every Qwen2.5-Coder has these tokens. Only the ids of `ids` are read.
    pub fn detect(
        tokenizer: &Tokenizer,
        ids: &GgufVocab,
    ) -> Result<NextEditFormat, NoNextEditFormat> {
        let separator = ids.fim_sep.or_else(|| tokenizer.id_of(SEPARATOR));
        let separator = separator.ok_or(NoNextEditFormat)?;
        let cursor = tokenizer.id_of(CURSOR);
        let named = [ids.eos, ids.eot, ids.eom, ids.fim_pad, ids.fim_rep, Some(separator)];
        let mut ends = tokenizer.vocabulary.ends(&named);
        // A mark of the cursor in an answer has no text and ends nothing.
        ends.retain(|&id| Some(id) != cursor);
        Ok(NextEditFormat { separator, cursor, ends })
    }

    /// Returns the tokens that end an answer, sorted.
    pub fn end_tokens(&self) -> &[TokenId] {
        &self.ends
    }
}

/// What begins a part of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Separator,
    Cursor,
}

impl Mark {
    fn written(self) -> &'static str {
        match self {
            Mark::Separator => SEPARATOR,
            Mark::Cursor => CURSOR,
        }
    }
}

/// The parts of a prompt, in order: each is a mark and the text after it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parts {
    /// The text before the first mark.
    head: String,
    marked: Vec<(Mark, String)>,
}

impl Parts {
    /// Begins a section.
    pub(super) fn separator(&mut self) {
        self.marked.push((Mark::Separator, String::new()));
    }

    /// Appends the mark of the cursor.
    pub(super) fn cursor(&mut self) {
        self.marked.push((Mark::Cursor, String::new()));
    }

    /// Returns the text to append to.
    pub(super) fn text(&mut self) -> &mut String {
        self.marked.last_mut().map_or(&mut self.head, |(_, text)| text)
    }

    /// Returns the prompt as the authors' program writes it.
    pub(super) fn written(&self) -> String {
        let mut written = self.head.clone();
        for (mark, text) in &self.marked {
            written.push_str(mark.written());
            written.push_str(text);
        }
        written
    }

    /// Returns the tokens.
    pub(super) fn tokens(&self, format: &NextEditFormat, tokenizer: &Tokenizer) -> Vec<TokenId> {
        let mut tokens = Vec::new();
        let mut open = self.head.clone();
        for (mark, text) in &self.marked {
            let special = match mark {
                Mark::Separator => Some(format.separator),
                Mark::Cursor => format.cursor,
            };
            if let Some(special) = special {
                tokens.append(&mut tokenizer.encode(&open));
                open.clear();
                tokens.push(special);
            } else {
                open.push_str(mark.written());
            }
            open.push_str(text);
        }
        tokens.append(&mut tokenizer.encode(&open));
        tokens
    }
}
