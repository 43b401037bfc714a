//! The incremental detokenizer: takes tokens, returns whole characters.
//!
//! A byte-level token may contain half a character. Incomplete characters are held back. Bytes that
//! can no longer become a character are replaced by U+FFFD as soon as that is certain.
//! Invariant: the concatenation of all results of `push` and `finish` equals
//! `String::from_utf8_lossy` of the tokens' bytes.

use crate::TokenId;
use crate::tokenizer::Tokenizer;

/// Decodes one completion, token by token.
#[derive(Debug)]
pub struct Detokenizer<'t> {
    tokenizer: &'t Tokenizer,
    /// Bytes of an incomplete character: at most three between calls.
    pending: Vec<u8>,
}

impl<'t> Detokenizer<'t> {
    /// Starts at a character boundary: after a prompt, whose forced text ends at one.
    pub fn new(tokenizer: &'t Tokenizer) -> Detokenizer<'t> {
        Detokenizer { tokenizer, pending: Vec::new() }
    }

    /// Takes a token and returns the characters that are now complete: often none, and always none
    /// for special tokens.
    pub fn push(&mut self, token: TokenId) -> String {
        self.pending.extend_from_slice(self.tokenizer.token_bytes(token));
        let mut whole = String::new();
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    whole.push_str(text);
                    self.pending.clear();
                    return whole;
                }
                Err(error) => {
                    let (valid, rest) = self.pending.split_at(error.valid_up_to());
                    whole.push_str(&String::from_utf8_lossy(valid));
                    // An error with a length means that these bytes can never become a character;
                    // otherwise more bytes may follow.
                    let broken = error.error_len();
                    if broken.is_some() {
                        whole.push(char::REPLACEMENT_CHARACTER);
                    }
                    self.pending = rest.get(broken.unwrap_or(0)..).unwrap_or_default().to_vec();
                    if broken.is_none() {
                        return whole;
                    }
                }
            }
        }
    }

    /// Ends the text: returns U+FFFD if a character is incomplete, otherwise nothing.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

    use super::*;
    use crate::fixture;
    use proptest::prelude::*;

    /// Returns the part of `bytes` that may be shown while more may follow: all except an
    /// incomplete character at the end.
    fn showable(bytes: &[u8]) -> String {
        let mut text = String::new();
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            let may_be_mended =
                std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none());
            let unfinished = may_be_mended && chunks.peek().is_none();
            if !chunk.invalid().is_empty() && !unfinished {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// Tokens of single bytes, which split every character of several bytes.
    fn byte_tokens(text: &str) -> Vec<TokenId> {
        let tokenizer = fixture::tokenizer();
        text.bytes().map(|byte| tokenizer.vocabulary.byte_token(byte).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn characters_come_as_early_as_possible(tokens in prop::collection::vec(0u32..600, 0..40)) {
            let tokenizer = fixture::tokenizer();
            let mut detokenizer = Detokenizer::new(&tokenizer);
            let (mut shown, mut bytes) = (String::new(), Vec::new());
            for &token in &tokens {
                shown.push_str(&detokenizer.push(token));
                bytes.extend_from_slice(tokenizer.token_bytes(token));
                prop_assert_eq!(&shown, &showable(&bytes));
            }
            shown.push_str(&detokenizer.finish());
            prop_assert_eq!(shown, String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn split_characters_are_reassembled(text in "[🦀👩‍é日a\u{301}\u{10ffff}]{0,8}") {
            let tokenizer = fixture::tokenizer();
            let mut detokenizer = Detokenizer::new(&tokenizer);
            let mut shown = String::new();
            for token in byte_tokens(&text) {
                let piece = detokenizer.push(token);
                prop_assert!(!piece.contains(char::REPLACEMENT_CHARACTER));
                shown.push_str(&piece);
            }
            prop_assert_eq!(detokenizer.finish(), "");
            prop_assert_eq!(shown, text);
        }
    }

    #[test]
    fn invalid_bytes_are_replaced_once_certain() {
        let tokenizer = fixture::tokenizer();
        let mut detokenizer = Detokenizer::new(&tokenizer);
        let [crab @ .., _last] = &byte_tokens("🦀")[..] else {
            unreachable!("a crab has four bytes")
        };
        for &token in crab {
            assert_eq!(detokenizer.push(token), "");
        }
        assert_eq!(detokenizer.push(byte_tokens("x")[0]), "\u{fffd}x");
        assert_eq!(detokenizer.push(crab[0]), "");
        assert_eq!(detokenizer.finish(), "\u{fffd}");
    }

    #[test]
    fn special_tokens_have_no_text() {
        let tokenizer = fixture::tokenizer();
        assert_eq!(Detokenizer::new(&tokenizer).push(3), "");
    }
}
