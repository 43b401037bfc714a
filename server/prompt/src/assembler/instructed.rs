//! Assembles the prompt for a model that is used through its chat template.
//!
//! The conversation comes first, then the fence that opens the assistant's code, the text above the
//! cursor and the typed line, so the model continues a file that it has begun. Therefore typing,
//! including Enter, changes only the last tokens.

use super::Assembler;
use crate::TokenId;
use crate::budget::Budget;
use crate::code_extractor::CodeExtractor;
use crate::instruct::{self, InstructFormat, Slot, TemplatePart};
use crate::placement::{Style, snippets};
use crate::prompt::Prompt;
use lowkey_context::Context;

impl Assembler {
    pub(super) fn by_instruction(
        &self,
        format: &InstructFormat,
        context: &Context,
        budget: Budget,
    ) -> Prompt {
        let language = instruct::language(&context.label);
        let fence = instruct::fence(language);
        let named = self.tokenizer.encode(&format!("{}\n", language.id));
        let opened = self.tokenizer.encode(&format!("{fence}{}\n", language.id));
        let n_sentinels = format.n_fixed_tokens() + named.len() + opened.len();
        let parts = self.parts(context, budget, n_sentinels, Style::Files(None));
        let snippets = snippets(context, Style::Files(None), &[], budget.snippet_tokens, |text| {
            self.snippet_once(text)
        });

        let mut tokens: Vec<TokenId> = Vec::with_capacity(budget.prompt_tokens.min(1 << 16));
        for part in format.template_parts() {
            match part {
                TemplatePart::Fixed(of_template) => tokens.extend_from_slice(of_template),
                TemplatePart::Of(Slot::Language) => tokens.extend_from_slice(&named),
                TemplatePart::Of(Slot::Path) => tokens.extend_from_slice(&parts.path),
                TemplatePart::Of(Slot::Snippets) => {
                    tokens.extend_from_slice(&snippets.tokens);
                }
                TemplatePart::Of(Slot::Suffix) => tokens.extend(parts.suffix()),
            }
        }
        tokens.extend_from_slice(&opened);
        tokens.extend(parts.prefix());
        let code_extractor = CodeExtractor {
            before: format!("{}{}", context.prefix, context.line_before),
            fence_chars: fence.len(),
            is_prose: instruct::is_prose(language),
        };
        parts.finish(tokens, context, snippets.n, Some(code_extractor))
    }
}
