//! Prompts for the remote server: those of the local model, in the forms that servers take.
//!
//! The typed text is healed as for the local model: its last tokens are left out, and the answer must
//! begin with their text. A server cannot be told so. If its answer begins with something else, it is
//! asked again with the whole typed text.

use std::sync::Arc;

use lowkey_context::Context;
use lowkey_document::ByteOffset;
use lowkey_prompt::{Assembler, Budget, Placement, Prompt};
use lowkey_remote::{Ask, PromptParts, RemotePrompt, VocabularySample};

/// Builds prompts. Has its own cache of pieces, so that the engine's thread is never waited for.
pub(crate) struct RemotePrompts {
    /// Heals the typed text.
    healing: Assembler,
    /// Leaves it whole.
    whole: Assembler,
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
        let assembler = |heals| {
            let format = local.format().clone().with_healing(heals);
            Assembler::new(Arc::clone(local.tokenizer()), format)
        };
        let (healing, whole) = (assembler(true), assembler(false));
        let prompt = whole.as_text(&whole.assemble(&sample(), &Budget::of(512)));
        let sample = prompt
            .map(|prompt| Arc::new(VocabularySample { text: prompt.text, tokens: prompt.tokens }));
        Self { end_texts: whole.end_texts(), healing, whole, sample }
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
    pub(crate) fn ask(&self, source: &PromptSource, max_tokens: usize, one_line: bool) -> Ask {
        let healed = assemble(&self.healing, source);
        let required_start = healed.unforced.clone();
        let unhealed = (!required_start.is_empty()).then(|| {
            let prompt = assemble(&self.whole, source);
            in_all_forms(&self.whole, prompt, &source.context, "")
        });
        Ask {
            prompt: in_all_forms(&self.healing, healed, &source.context, &required_start),
            required_start,
            unhealed,
            max_tokens,
            // The server then ends the answer by itself, and the connection stays open.
            stop: if one_line { vec!["\n".to_owned()] } else { Vec::new() },
            end_tokens: self.whole.format().end_tokens().to_vec(),
            vocabulary: self.sample.clone(),
        }
    }
}

fn assemble(assembler: &Assembler, source: &PromptSource) -> Prompt {
    let PromptSource { context, budget, placement } = source;
    match placement {
        Some(placement) => assembler.assemble_at(*placement, context, budget),
        None => assembler.assemble(context, budget),
    }
}

/// Returns a prompt as tokens, as text, and in parts without the text `healed` at its end.
fn in_all_forms(
    assembler: &Assembler,
    prompt: Prompt,
    context: &Context,
    healed: &str,
) -> RemotePrompt {
    let as_text = assembler.as_text(&prompt);
    let without = |text: &str| text.strip_suffix(healed).unwrap_or(text).to_owned();
    // With the anchor at the cursor, the typed text is the end of the prefix.
    let (prefix, middle) = if context.line_before.is_empty() {
        (without(&context.prefix), String::new())
    } else {
        (context.prefix.clone(), without(&context.line_before))
    };
    RemotePrompt {
        tokens: if as_text.is_some() { prompt.tokens } else { Vec::new() },
        text: as_text.map(|prompt| prompt.text).unwrap_or_default(),
        parts: PromptParts {
            prefix,
            middle,
            suffix: format!("{}{}", context.line_after, context.suffix),
            extras: context
                .snippets
                .iter()
                .map(|snippet| (snippet.label.clone(), snippet.text.clone()))
                .collect(),
        },
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
