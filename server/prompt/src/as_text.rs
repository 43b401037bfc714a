//! A prompt as text with its sentinels, for a server that tokenizes itself.

use std::collections::HashMap;

use crate::TokenId;
use crate::assembler::Assembler;
use crate::format::Format;
use crate::prompt::Prompt;

/// A prompt without the beginning-of-text token, which such servers add themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextPrompt {
    pub text: String,
    /// The tokens of the same.
    pub tokens: Vec<TokenId>,
}

impl Assembler {
    /// Returns a prompt as text; `None` if the model has no sentinels, because a chat template fits
    /// no other model.
    pub fn as_text(&self, prompt: &Prompt) -> Option<TextPrompt> {
        let Format::Fim(format) = self.format() else { return None };
        let names = self.special_names();
        let bos = format.bos();
        let tokens = match prompt.tokens.split_first() {
            Some((first, rest)) if Some(*first) == bos => rest,
            _ => &prompt.tokens,
        };
        let mut bytes = Vec::new();
        for id in tokens {
            match names.get(id) {
                Some(name) => bytes.extend_from_slice(name.as_bytes()),
                None => bytes.extend_from_slice(self.tokenizer().token_bytes(*id)),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Some(TextPrompt { text, tokens: tokens.to_vec() })
    }

    /// Returns the texts of the special tokens that end an answer: a server may write them out.
    pub fn end_texts(&self) -> Vec<String> {
        let names = self.special_names();
        let ends = self.format().end_tokens().iter();
        ends.filter_map(|id| names.get(id).map(|name| (*name).to_owned())).collect()
    }

    fn special_names(&self) -> HashMap<TokenId, &str> {
        self.tokenizer().specials().map(|(name, id)| (id, name)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

    use lowkey_context::{Context, Snippet};
    use lowkey_document::ByteOffset;

    use super::*;
    use crate::budget::Budget;
    use crate::fim::FimFormat;
    use crate::fixture;
    use crate::gguf::GgufVocab;

    #[test]
    fn text_has_sentinels_and_all_parts() {
        let tokenizer = fixture::tokenizer();
        let format = FimFormat::detect(&tokenizer, &GgufVocab::default()).unwrap();
        let assembler = Assembler::new(tokenizer, format.with_healing(false));
        let at = ByteOffset(0);
        let context = Context {
            label: "a.rs".into(),
            prefix: "fn a() {}\n".into(),
            line_before: "let ü = ".into(),
            replaced_indent: String::new(),
            line_after: ";".into(),
            replaced_tail: String::new(),
            suffix: "\n}\n".into(),
            snippets: Vec::<Snippet>::new(),
            repository: String::new(),
            anchor: at,
            cursor: at,
            window: at..at,
        };
        let budget = Budget::of(512);
        let prompt = assembler.assemble(&context, &budget);
        let text = assembler.as_text(&prompt).unwrap();
        let mut rest = text.text.as_str();
        for part in ["fn a() {}\n", ";\n}\n", "let ü = "] {
            let at = rest.find(part).unwrap_or_else(|| panic!("{part:?} is not in {rest:?}"));
            assert!(rest[..at].ends_with('>') || rest[..at].ends_with('\n'), "{:?}", &rest[..at]);
            rest = &rest[at + part.len()..];
        }
        assert_eq!(rest, "", "the typed text is last");
        assert!(!assembler.end_texts().is_empty());
    }
}
