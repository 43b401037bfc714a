//! Infilling by instruction: how a model without fill-in-the-middle sentinels is asked, through its chat template.
//!
//! The template is rendered once, around placeholders, and cut at them. What the template wrote is tokenized with its
//! special tokens, what comes from documents without any: no text of a user becomes a control token.
//! Invariant: what changes with every key stands last. The instruction, the file's name and the text below the cursor
//! stand in the messages; the text above and the typed line stand in the assistant's turn, which is opened for it with
//! a code fence, so that the model does nothing but write on.

use crate::TokenId;
use crate::chat_template::{self, Ends, Role};
use crate::error::ChatTemplateError;
use crate::gguf::GgufVocab;
use crate::tokenizer::Tokenizer;
use lowkey_document::Language;
use std::path::Path;

/// How the model is told what it is for.
const SYSTEM: &str = "You are a code completion engine. You continue a file exactly where it stops, in its own \
                      style and indentation. You answer with code alone.";

/// What stands in the place of a slot while the template is rendered: private characters, which no template knows.
const PLACEHOLDERS: [(char, Slot, &str); 4] = [
    ('\u{f4a01}', Slot::Language, "the file's language"),
    ('\u{f4a02}', Slot::Path, "the file's name"),
    ('\u{f4a03}', Slot::Snippets, "the text of other files"),
    ('\u{f4a04}', Slot::Suffix, "the text below the cursor"),
];

/// A fence of ordinary code blocks.
const FENCE: &str = "```";
/// The fence for languages in which a fence is text.
const LONG_FENCE: &str = "``````";
/// Languages in which sentences and a line of backticks are text; what no language is known of is plain text.
const PROSE: &[&str] = &["markdown", "plaintext"];

/// What a message holds of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Language,
    Path,
    Snippets,
    Suffix,
}

/// A part of the conversation before the assistant's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// What the template and our instruction say.
    Fixed(Vec<TokenId>),
    /// What comes from the document.
    Of(Slot),
}

/// How a model is asked through its chat template.
#[derive(Debug, Clone)]
pub struct InstructFormat {
    turns: Vec<Turn>,
    /// Sorted.
    ends: Vec<TokenId>,
    pub(crate) fragmented_middle: bool,
}

impl InstructFormat {
    /// Renders the template in `ids` (from which ids and flags are read beside) and cuts it into turns.
    pub(crate) fn new(
        template: &str,
        tokenizer: &Tokenizer,
        ids: &GgufVocab,
    ) -> Result<InstructFormat, ChatTemplateError> {
        let text_of = |id: Option<TokenId>| {
            let mut specials = tokenizer.vocabulary.specials();
            specials.find(|&(_, special)| Some(special) == id).map_or("", |(text, _)| text)
        };
        let ends = Ends { bos: text_of(ids.bos), eos: text_of(ids.eos) };
        let rendered = render_around_placeholders(template, ends)?;
        // As llama.cpp reads it: `SentencePiece` models add it unless they say otherwise.
        let adds_space = ids.add_space_prefix.unwrap_or(ids.is_sentence_piece());
        let mut turns = turns(&rendered, tokenizer, adds_space)?;
        if let (true, Some(bos)) = (ids.add_bos, ids.bos) {
            add_bos(&mut turns, bos);
        }
        let named = [ids.bos, ids.eos, ids.eot, ids.eom];
        let ends = tokenizer.vocabulary.ends(&named);
        Ok(InstructFormat { turns, ends, fragmented_middle: ids.fragmented_middle })
    }

    /// Returns the format for a model whose forced middles are healed, or are not.
    pub(crate) fn with_healing(self, healed: bool) -> InstructFormat {
        InstructFormat { fragmented_middle: !healed, ..self }
    }

    /// Returns the conversation up to the assistant's code.
    pub(crate) fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Returns how many tokens of a prompt are not the document's.
    pub(crate) fn n_fixed_tokens(&self) -> usize {
        let length = |turn: &Turn| match turn {
            Turn::Fixed(tokens) => tokens.len(),
            Turn::Of(_) => 0,
        };
        self.turns.iter().map(length).sum()
    }

    /// Returns the tokens that end an answer, sorted.
    pub(crate) fn end_tokens(&self) -> &[TokenId] {
        &self.ends
    }
}

/// The language of the file with this label.
pub(crate) fn language(label: &str) -> &'static Language {
    Language::by_path(Path::new(label))
}

/// Says whether sentences are what documents of this language consist of.
pub(crate) fn is_prose(language: &Language) -> bool {
    PROSE.contains(&language.id)
}

/// The fence behind which the assistant's code stands.
pub(crate) fn fence(language: &Language) -> &'static str {
    if is_prose(language) { LONG_FENCE } else { FENCE }
}

/// What the user asks, with placeholders, each for whole lines. It begins and ends with words of ours, because
/// templates trim messages.
fn question() -> String {
    let [language, path, snippets, suffix] = PLACEHOLDERS.map(|(placeholder, ..)| placeholder);
    format!(
        "Language:\n{language}{snippets}File:\n{path}It ends with this, which is already written:\n{FENCE}\n{suffix}\n\
         {FENCE}\nWrite the file up to there, in one code block, and stop where the written end begins."
    )
}

/// Renders the template with a system message or, where it refuses or drops that, with the instruction in the user's.
fn render_around_placeholders(template: &str, ends: Ends<'_>) -> Result<String, ChatTemplateError> {
    let question = question();
    let apart = [(Role::System, SYSTEM), (Role::User, &*question)];
    match chat_template::render(template, &apart, ends) {
        Ok(rendered) if rendered.contains(SYSTEM) => return Ok(rendered),
        // What takes too long takes too long again.
        Err(error @ (ChatTemplateError::TooLong { .. } | ChatTemplateError::Endless { .. })) => {
            return Err(error);
        }
        Ok(_) | Err(_) => {}
    }
    let merged = format!("{SYSTEM}\n\n{question}");
    let rendered = chat_template::render(template, &[(Role::User, &*merged)], ends)?;
    if rendered.contains(SYSTEM) {
        Ok(rendered)
    } else {
        Err(ChatTemplateError::Lost { what: "the instruction" })
    }
}

/// Cuts a rendered conversation at its placeholders and tokenizes what stands between.
fn turns(
    rendered: &str,
    tokenizer: &Tokenizer,
    adds_space: bool,
) -> Result<Vec<Turn>, ChatTemplateError> {
    let mut turns = Vec::new();
    let mut rest = rendered;
    for (placeholder, _, what) in PLACEHOLDERS {
        if rendered.matches(placeholder).count() != 1 {
            return Err(ChatTemplateError::Lost { what });
        }
    }
    let slot_of = |c: char| PLACEHOLDERS.iter().find(|known| known.0 == c).map(|known| known.1);
    while let Some((at, slot)) = rest.char_indices().find_map(|(at, c)| Some((at, slot_of(c)?))) {
        let (before, from) = rest.split_at(at);
        let follows_text = !turns.is_empty();
        turns.push(Turn::Fixed(encode_with_specials(before, tokenizer, adds_space, follows_text)));
        turns.push(Turn::Of(slot));
        rest = from.get(from.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    turns.push(Turn::Fixed(encode_with_specials(rest, tokenizer, adds_space, true)));
    Ok(turns)
}

/// Tokenizes what a template wrote: the texts of special tokens become these tokens.
///
/// With `adds_space`, text at the beginning and behind a special token gets the blank that `SentencePiece` models are
/// trained with, unless a blank or line end stands there or the text `follows_text` of a document.
fn encode_with_specials(
    text: &str,
    tokenizer: &Tokenizer,
    adds_space: bool,
    follows_text: bool,
) -> Vec<TokenId> {
    let mut specials: Vec<(&str, TokenId)> =
        tokenizer.vocabulary.specials().filter(|(special, _)| text.contains(special)).collect();
    // The longest first: one may be the beginning of another.
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
        // `min_by_key` keeps the first of equals, which is the longest.
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

/// Puts the beginning of text in front, unless the template did.
fn add_bos(turns: &mut [Turn], bos: TokenId) {
    if let Some(Turn::Fixed(first)) = turns.first_mut()
        && first.first() != Some(&bos)
    {
        first.insert(0, bos);
    }
}

#[cfg(test)]
mod tests;
