//! The incremental detokenizer: tokens in, whole characters out.
//!
//! A byte-level token may hold half a character. What is not yet whole is kept back; bytes that can no longer become
//! a character are replaced by U+FFFD, as late as that is certain and no later.
//! Invariant: all that was pushed and finished, joined, equals `String::from_utf8_lossy` of the tokens' bytes.

use crate::TokenId;
use crate::tokenizer::Tokenizer;

/// Decodes one completion, token by token.
#[derive(Debug)]
pub struct Detokenizer<'t> {
    tokenizer: &'t Tokenizer,
    /// Bytes of a character that is not whole yet: at most three between calls.
    pending: Vec<u8>,
}

impl<'t> Detokenizer<'t> {
    /// Begins at a character boundary: behind a prompt, whose forced text ends at one.
    pub fn new(tokenizer: &'t Tokenizer) -> Detokenizer<'t> {
        Detokenizer { tokenizer, pending: Vec::new() }
    }

    /// Takes a token and returns the characters that are whole now; often none, for special tokens always none.
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
                    // A length means that these bytes can never become a character; without one more may follow.
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

    /// Ends the text: returns U+FFFD when a character was left unfinished, else nothing.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}
