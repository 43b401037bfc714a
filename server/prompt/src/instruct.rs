//! Infilling by instruction: prompts through the chat template, for models without
//! fill-in-the-middle sentinels.
//!
//! The template is rendered once, around placeholders, and split at them. The template's own text
//! is tokenized with its special tokens, text of documents without: no text of a user becomes a
//! control token.
//! Invariant: text that changes with every key is at the end. The instruction, the file's name and
//! the text below the cursor are in the messages. The text above the cursor and the typed line are
//! in the assistant's turn, after an opening code fence, so that the model only has to continue.

use crate::TokenId;
use crate::chat_template::{self, BosEos, Role};
use crate::error::ChatTemplateError;
use crate::gguf::GgufVocab;
use crate::tokenizer::Tokenizer;
use lowkey_document::Language;
use std::path::Path;

/// The system message, which describes the task.
const SYSTEM: &str = "You are a code completion engine. You continue a file exactly where it stops, in its own \
                      style and indentation. You answer with code alone.";

/// Placeholders for the slots while the template is rendered: private-use characters that templates
/// do not contain.
const PLACEHOLDERS: [(char, Slot, &str); 4] = [
    ('\u{f4a01}', Slot::Language, "the file's language"),
    ('\u{f4a02}', Slot::Path, "the file's name"),
    ('\u{f4a03}', Slot::Snippets, "the text of other files"),
    ('\u{f4a04}', Slot::Suffix, "the text below the cursor"),
];

/// The fence of ordinary code blocks.
const FENCE: &str = "```";
/// The fence for languages in which the ordinary fence is text.
const LONG_FENCE: &str = "``````";
/// Languages in which sentences and lines of backticks are text; unknown languages are plain text.
const PROSE: &[&str] = &["markdown", "plaintext"];

/// The parts of a document in the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Language,
    Path,
    Snippets,
    Suffix,
}

/// A part of the conversation before the assistant's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TemplatePart {
    /// Text of the template and of lowkey's instruction.
    Fixed(Vec<TokenId>),
    /// Text of the document.
    Of(Slot),
}

/// The prompt format for a model that is used through its chat template.
#[derive(Debug, Clone)]
pub struct InstructFormat {
    template_parts: Vec<TemplatePart>,
    ends: Vec<TokenId>,
    pub(crate) fragmented_middle: bool,
}

impl InstructFormat {
    /// Renders the template and cuts it into parts. Reads ids and flags from `ids`.
    pub(crate) fn new(
        template: &str,
        tokenizer: &Tokenizer,
        ids: &GgufVocab,
    ) -> Result<InstructFormat, ChatTemplateError> {
        let text_of = |id: Option<TokenId>| {
            let mut specials = tokenizer.vocabulary.specials();
            specials.find(|&(_, special)| Some(special) == id).map_or("", |(text, _)| text)
        };
        let bos_eos = BosEos { bos: text_of(ids.bos), eos: text_of(ids.eos) };
        let rendered = render_around_placeholders(template, bos_eos)?;
        // The rule of llama.cpp: `SentencePiece` models add the space unless the metadata disable
        // it.
        let adds_space = ids.add_space_prefix.unwrap_or(ids.is_sentence_piece());
        let mut template_parts = split_template(&rendered, tokenizer, adds_space)?;
        if let (true, Some(bos)) = (ids.add_bos, ids.bos) {
            add_bos(&mut template_parts, bos);
        }
        let named = [ids.bos, ids.eos, ids.eot, ids.eom];
        let ends = tokenizer.vocabulary.ends(&named);
        Ok(InstructFormat { template_parts, ends, fragmented_middle: ids.fragmented_middle })
    }

    /// Returns the format with healing of forced middles enabled or disabled.
    pub(crate) fn with_healing(self, healed: bool) -> InstructFormat {
        InstructFormat { fragmented_middle: !healed, ..self }
    }

    /// Returns the conversation up to the assistant's code.
    pub(crate) fn template_parts(&self) -> &[TemplatePart] {
        &self.template_parts
    }

    /// Returns the number of tokens of a prompt that do not come from the document.
    pub(crate) fn n_fixed_tokens(&self) -> usize {
        let length = |part: &TemplatePart| match part {
            TemplatePart::Fixed(tokens) => tokens.len(),
            TemplatePart::Of(_) => 0,
        };
        self.template_parts.iter().map(length).sum()
    }

    /// Returns the tokens that end an answer, sorted.
    pub(crate) fn end_tokens(&self) -> &[TokenId] {
        &self.ends
    }
}

/// Returns the language of the file with this label.
pub(crate) fn language(label: &str) -> &'static Language {
    Language::by_path(Path::new(label))
}

/// Whether documents of this language consist of sentences.
pub(crate) fn is_prose(language: &Language) -> bool {
    PROSE.contains(&language.id)
}

/// Returns the fence before the assistant's code.
pub(crate) fn fence(language: &Language) -> &'static str {
    if is_prose(language) { LONG_FENCE } else { FENCE }
}

/// Returns the user's message, with placeholders for whole lines. It begins and ends with fixed
/// words, because templates trim messages.
fn user_message() -> String {
    let [language, path, snippets, suffix] = PLACEHOLDERS.map(|(placeholder, ..)| placeholder);
    format!(
        "Language:\n{language}{snippets}File:\n{path}It ends with this, which is already written:\n{FENCE}\n{suffix}\n\
         {FENCE}\nWrite the file up to there, in one code block, and stop where the written end begins."
    )
}

/// Renders the template with a system message. If the template rejects or drops that, the
/// instruction goes into the user's message.
fn render_around_placeholders(
    template: &str,
    bos_eos: BosEos<'_>,
) -> Result<String, ChatTemplateError> {
    let user_message = user_message();
    let apart = [(Role::System, SYSTEM), (Role::User, &*user_message)];
    match chat_template::render(template, &apart, bos_eos) {
        Ok(rendered) if rendered.contains(SYSTEM) => return Ok(rendered),
        // A rendering that exceeded a limit would exceed it again.
        Err(error @ (ChatTemplateError::TooLong { .. } | ChatTemplateError::Endless { .. })) => {
            return Err(error);
        }
        Ok(_) | Err(_) => {}
    }
    let merged = format!("{SYSTEM}\n\n{user_message}");
    let rendered = chat_template::render(template, &[(Role::User, &*merged)], bos_eos)?;
    if rendered.contains(SYSTEM) {
        Ok(rendered)
    } else {
        Err(ChatTemplateError::Lost { what: "the instruction" })
    }
}

/// Splits a rendered conversation at its placeholders and tokenizes the text between them.
fn split_template(
    rendered: &str,
    tokenizer: &Tokenizer,
    adds_space: bool,
) -> Result<Vec<TemplatePart>, ChatTemplateError> {
    let mut template_parts = Vec::new();
    let mut rest = rendered;
    for (placeholder, _, what) in PLACEHOLDERS {
        if rendered.matches(placeholder).count() != 1 {
            return Err(ChatTemplateError::Lost { what });
        }
    }
    let slot_of = |c: char| PLACEHOLDERS.iter().find(|known| known.0 == c).map(|known| known.1);
    while let Some((at, slot)) = rest.char_indices().find_map(|(at, c)| Some((at, slot_of(c)?))) {
        let (before, from) = rest.split_at(at);
        let follows_text = !template_parts.is_empty();
        template_parts.push(TemplatePart::Fixed(encode_with_specials(
            before,
            tokenizer,
            adds_space,
            follows_text,
        )));
        template_parts.push(TemplatePart::Of(slot));
        rest = from.get(from.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    template_parts
        .push(TemplatePart::Fixed(encode_with_specials(rest, tokenizer, adds_space, true)));
    Ok(template_parts)
}

/// Tokenizes a template's own text: the texts of special tokens become these tokens.
///
/// With `adds_space`, text at the beginning and after a special token gets the leading blank of
/// `SentencePiece` models, unless it starts with a blank or line end or `follows_text` of a
/// document.
fn encode_with_specials(
    text: &str,
    tokenizer: &Tokenizer,
    adds_space: bool,
    follows_text: bool,
) -> Vec<TokenId> {
    let mut specials: Vec<(&str, TokenId)> =
        tokenizer.vocabulary.specials().filter(|(special, _)| text.contains(special)).collect();
    // Longest first, because one may be a prefix of another.
    specials.sort_by_key(|&(special, id)| (std::cmp::Reverse(special.len()), id));
    let mut tokens = Vec::new();
    let plain = |text: &str, spaced: bool, tokens: &mut Vec<TokenId>| {
        if spaced && adds_space && !text.starts_with(char::is_whitespace) && !text.is_empty() {
            tokens.extend(tokenizer.encode(&format!(" {text}")));
        } else {
            tokens.extend(tokenizer.encode(text));
        }
    };
    let mut spaced = !follows_text;
    let mut rest = text;
    let next = |rest: &str| {
        let at = |&(special, id): &(&str, TokenId)| Some((rest.find(special)?, special.len(), id));
        // `min_by_key` keeps the first of equal elements, which is the longest.
        specials.iter().filter_map(at).min_by_key(|&(at, ..)| at)
    };
    while let Some((at, n_bytes, id)) = next(rest) {
        plain(rest.get(..at).unwrap_or_default(), spaced, &mut tokens);
        tokens.push(id);
        spaced = true;
        rest = rest.get(at + n_bytes..).unwrap_or_default();
    }
    plain(rest, spaced, &mut tokens);
    tokens
}

/// Inserts the beginning-of-text token at the front, unless the template wrote it.
fn add_bos(template_parts: &mut [TemplatePart], bos: TokenId) {
    if let Some(TemplatePart::Fixed(first)) = template_parts.first_mut()
        && first.first() != Some(&bos)
    {
        first.insert(0, bos);
    }
}

#[cfg(test)]
mod tests;
