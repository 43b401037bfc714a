//! The scripts of a document's names, and the scripts in which a vocabulary can continue a text.
//!
//! Healing removes `(` and lets a longer token spell it. If names are Cyrillic and the vocabulary
//! has no token of `(` and a Cyrillic letter, all longer tokens are Latin, and the name would be in
//! the wrong alphabet.

use crate::TokenId;
use crate::tokenizer::Tokenizer;
use lowkey_document::Language;
use lowkey_document::lexical::{Scanner, TokenKind};
use std::collections::HashSet;

/// A script other than Latin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Script {
    Greek,
    Cyrillic,
    Armenian,
    Hebrew,
    Arabic,
    Indic,
    Thai,
    Georgian,
    Hangul,
    /// Han and the two kana, which are mixed within names.
    EastAsian,
    Other,
}

impl Script {
    /// Returns a letter's script; `None` for a Latin letter and for characters that are not
    /// letters.
    pub(crate) fn of(c: char) -> Option<Self> {
        if c.is_ascii() || !c.is_alphabetic() {
            return None;
        }
        Some(match u32::from(c) {
            0x00AA..=0x024F | 0x1E00..=0x1EFF | 0xFF21..=0xFF5A => return None,
            0x0370..=0x03FF | 0x1F00..=0x1FFF => Self::Greek,
            0x0400..=0x052F => Self::Cyrillic,
            0x0530..=0x058F => Self::Armenian,
            0x0590..=0x05FF => Self::Hebrew,
            0x0600..=0x06FF | 0x0750..=0x077F => Self::Arabic,
            0x0900..=0x0DFF => Self::Indic,
            0x0E00..=0x0EFF => Self::Thai,
            0x10A0..=0x10FF => Self::Georgian,
            0x1100..=0x11FF | 0x3130..=0x318F | 0xAC00..=0xD7AF => Self::Hangul,
            0x3005..=0x312F | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x2_0000..=0x3_FFFF => {
                Self::EastAsian
            }
            _ => Self::Other,
        })
    }

    /// Returns the scripts of the code in `text`, in order of appearance; comments and literals are
    /// skipped.
    pub(crate) fn of_code(language: &'static Language, text: &str) -> Vec<Self> {
        let mut scripts = Vec::new();
        if text.is_ascii() {
            return scripts;
        }
        Scanner::new(language).scan(text, |token| {
            if token.kind == TokenKind::Code
                && let Some(script) = Self::of(token.c)
                && !scripts.contains(&script)
            {
                scripts.push(script);
            }
        });
        scripts
    }
}

/// The texts with which tokens begin before their first letter of a script other than Latin.
#[derive(Debug)]
pub(crate) struct ScriptPrefixes {
    known: HashSet<(Box<[u8]>, Script)>,
}

impl ScriptPrefixes {
    /// Scans the vocabulary once.
    pub(crate) fn of(tokenizer: &Tokenizer) -> Self {
        let mut known = HashSet::new();
        for id in 0..tokenizer.vocab_size() as TokenId {
            let bytes = tokenizer.token_bytes(id);
            if bytes.is_ascii() {
                continue;
            }
            // A token may end inside a character.
            let text = match std::str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => bytes
                    .get(..error.valid_up_to())
                    .and_then(|valid| std::str::from_utf8(valid).ok())
                    .unwrap_or_default(),
            };
            let letter = text.char_indices().find(|(_, c)| c.is_alphanumeric());
            if let Some((at, c)) = letter
                && let Some(script) = Script::of(c)
                && let Some(before) = bytes.get(..at)
            {
                known.insert((before.into(), script));
            }
        }
        Self { known }
    }

    /// Whether a token continues `text` with a letter of `script`.
    pub(crate) fn can_continue(&self, text: &str, script: Script) -> bool {
        self.known.contains(&(text.as_bytes().into(), script))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_letters() {
        for (c, script) in [
            ('п', Some(Script::Cyrillic)),
            ('λ', Some(Script::Greek)),
            ('値', Some(Script::EastAsian)),
            ('ア', Some(Script::EastAsian)),
            ('값', Some(Script::Hangul)),
            ('é', None),
            ('a', None),
            ('🌍', None),
            ('—', None),
        ] {
            assert_eq!(Script::of(c), script, "{c}");
        }
    }

    #[test]
    fn only_names_determine_scripts() {
        let of = |text| Script::of_code(Language::by_id("python"), text);
        assert_eq!(of("привет = 'λ'  # 値\nprint("), [Script::Cyrillic]);
        assert_eq!(of("a = 'λ'  # 値\nprint("), []);
    }
}
