//! Prompts for the remote server: those of the local model, in the forms that servers take.
//!
//! No server can be told to begin its answer with given text, so nothing is healed: the typed text
//! is in the prompt whole, except for blanks at its end, which the answer must begin with.

use std::sync::Arc;

use lowkey_context::Context;
use lowkey_document::ByteOffset;
use lowkey_prompt::{Assembler, Budget, Placement};
use lowkey_remote::{Ask, PromptParts, RemotePrompt, VocabularySample, blanks_at_end};

/// Builds prompts. Has its own cache of pieces, so that the engine's thread is never waited for.
pub(crate) struct RemotePrompts {
    assembler: Assembler,
    sample: Option<Arc<VocabularySample>>,
    end_texts: Vec<String>,
}

/// What a prompt is built from.
pub(crate) struct PromptSource {
    pub(crate) context: Context,
    pub(crate) budget: Budget,
    pub(crate) placement: Option<Placement>,
}

impl RemotePrompts {
    /// Builds prompts in the format of the local model.
    pub(crate) fn new(local: &Assembler) -> Self {
        let format = local.format().clone().with_healing(false);
        let assembler = Assembler::new(Arc::clone(local.tokenizer()), format);
        let prompt = assembler.as_text(&assembler.assemble(&sample(), &Budget::of(512)));
        let sample = prompt
            .map(|prompt| Arc::new(VocabularySample { text: prompt.text, tokens: prompt.tokens }));
        Self { end_texts: assembler.end_texts(), assembler, sample }
    }

    /// Returns a text that shows whether a server has the local vocabulary; `None` if the local
    /// model has no sentinels.
    pub(crate) fn sample(&self) -> Option<Arc<VocabularySample>> {
        self.sample.clone()
    }

    /// Returns the texts of the tokens that end an answer; some servers write them out.
    pub(crate) fn end_texts(&self) -> &[String] {
        &self.end_texts
    }

    /// Builds a request for at most `max_tokens` tokens.
    pub(crate) fn ask(&self, source: PromptSource, max_tokens: usize, one_line: bool) -> Ask {
        let PromptSource { mut context, budget, placement } = source;
        // With the anchor at the cursor, the typed text is the end of the prefix.
        let typed = if context.line_before.is_empty() {
            &mut context.prefix
        } else {
            &mut context.line_before
        };
        let required_start = blanks_at_end(typed).to_owned();
        typed.truncate(typed.len() - required_start.len());
        let prompt = match placement {
            Some(placement) => self.assembler.assemble_at(placement, &context, &budget),
            None => self.assembler.assemble(&context, &budget),
        };
        let as_text = self.assembler.as_text(&prompt);
        let Context { prefix, line_before, line_after, suffix, snippets, .. } = context;
        Ask {
            prompt: RemotePrompt {
                tokens: if as_text.is_some() { prompt.tokens } else { Vec::new() },
                text: as_text.map(|prompt| prompt.text).unwrap_or_default(),
                parts: PromptParts {
                    prefix,
                    middle: line_before,
                    suffix: format!("{line_after}{suffix}"),
                    extras: snippets.into_iter().map(|one| (one.label, one.text)).collect(),
                },
            },
            required_start,
            max_tokens,
            // The server then ends the answer by itself, and the connection stays open.
            stop: if one_line { vec!["\n".to_owned()] } else { Vec::new() },
            end_tokens: self.assembler.format().end_tokens().to_vec(),
            vocabulary: self.sample.clone(),
        }
    }
}

/// Returns a fixed text with many kinds of tokens. No part of it joins with the next, so that a
/// server that tokenizes the whole text gets the same tokens.
fn sample() -> Context {
    let at = ByteOffset(0);
    Context {
        label: String::new(),
        prefix: "pub fn parse(text: &str) -> Result<Vec<u64>, Error> {\n".to_owned(),
        line_before: "let größe_42 = text.split_whitespace()".to_owned(),
        replaced_indent: String::new(),
        line_after: String::new(),
        replaced_tail: String::new(),
        suffix: "\n        return self.lookup(\"日本\", 3.14);\n}\n".to_owned(),
        snippets: Vec::new(),
        repository: String::new(),
        anchor: at,
        cursor: at,
        window: at..at,
    }
}
