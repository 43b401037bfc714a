//! Token healing: decoding that must first spell a given text.
//!
//! A prompt that ends inside a word ends in tokens that training never had there. So the last
//! forced tokens are removed and their text is decoded again. A token may spell a part of the
//! remaining text, or all of it and more. A byte-sorted index finds the allowed tokens by binary
//! search, without a scan of the vocabulary.

use crate::TokenId;
use crate::tokenizer::Tokenizer;
use crate::vocabulary::Vocabulary;
use std::fmt;
use std::sync::Arc;

/// Finds the allowed tokens while healed text remains. Built once per tokenizer.
pub struct Healing {
    vocabulary: Arc<Vocabulary>,
    /// Ids of the tokens that have bytes, sorted by bytes, then by id.
    sorted: Vec<TokenId>,
    longest_token_bytes: usize,
}

impl Healing {
    /// Sorts the vocabulary: about 4 bytes per token, and about fifty nanoseconds per token once.
    pub fn new(tokenizer: &Tokenizer) -> Healing {
        let vocabulary = Arc::clone(&tokenizer.vocabulary);
        let ids = 0..vocabulary.len() as TokenId;
        let with_bytes = ids.filter(|&id| !vocabulary.token_bytes(id).is_empty());
        // The first bytes are stored next to the id, so that most comparisons need no access to the
        // tokens.
        let mut keys: Vec<(u64, TokenId)> =
            with_bytes.map(|id| (first_bytes(vocabulary.token_bytes(id)), id)).collect();
        keys.sort_unstable_by(|&(a_begins, a), &(b_begins, b)| {
            let whole = || vocabulary.token_bytes(a).cmp(vocabulary.token_bytes(b));
            a_begins.cmp(&b_begins).then_with(whole).then(a.cmp(&b))
        });
        let sorted: Vec<TokenId> = keys.into_iter().map(|(_, id)| id).collect();
        let longest_token_bytes =
            sorted.iter().map(|&id| vocabulary.token_bytes(id).len()).max().unwrap_or(0);
        Healing { vocabulary, sorted, longest_token_bytes }
    }

    /// Returns the tokens that spell a beginning of `remaining`, or all of it and more. Never empty
    /// for valid UTF-8, because every byte has a token. Empty if `remaining` is empty: then every
    /// token is allowed.
    pub fn allowed(&self, remaining: &[u8]) -> Vec<TokenId> {
        let mut allowed = Vec::new();
        if remaining.is_empty() {
            return allowed;
        }
        for n in 1..=remaining.len().min(self.longest_token_bytes) {
            let beginning = remaining.get(..n).unwrap_or_default();
            let from = self.first_not_below(beginning);
            let spells_it = |&&id: &&TokenId| self.vocabulary.token_bytes(id) == beginning;
            allowed.extend(self.sorted.iter().skip(from).take_while(spells_it));
        }
        let from = self.first_not_below(remaining);
        let goes_on = |&&id: &&TokenId| self.vocabulary.token_bytes(id).starts_with(remaining);
        let longer = |id: &&TokenId| self.vocabulary.token_bytes(**id).len() > remaining.len();
        allowed.extend(self.sorted.iter().skip(from).take_while(goes_on).filter(longer));
        allowed
    }

    /// Returns the rest of `remaining` after `token`; `None` if the token was not allowed. Bytes of
    /// the token after `remaining` are new text.
    pub fn remaining_after<'r>(&self, remaining: &'r [u8], token: TokenId) -> Option<&'r [u8]> {
        let bytes = self.vocabulary.token_bytes(token);
        match remaining.strip_prefix(bytes) {
            Some(_) if bytes.is_empty() => None,
            Some(rest) => Some(rest),
            None => bytes.starts_with(remaining).then_some(&[]),
        }
    }

    /// Returns the position of the first token whose bytes are not below `bytes`.
    fn first_not_below(&self, bytes: &[u8]) -> usize {
        self.sorted.partition_point(|&id| self.vocabulary.token_bytes(id) < bytes)
    }
}

/// Returns the first eight bytes as a number in the same order; missing bytes are zero.
fn first_bytes(bytes: &[u8]) -> u64 {
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(padded)
}

impl fmt::Debug for Healing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Healing").field("n_tokens", &self.sorted.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

    use super::*;
    use crate::fixture;
    use proptest::prelude::*;

    /// The definition, applied to every token.
    fn allowed_by_definition(tokenizer: &Tokenizer, remaining: &[u8]) -> Vec<TokenId> {
        let fits = |&id: &TokenId| {
            let bytes = tokenizer.token_bytes(id);
            !bytes.is_empty() && (remaining.starts_with(bytes) || bytes.starts_with(remaining))
        };
        (0..tokenizer.vocab_size() as TokenId).filter(fits).collect()
    }

    proptest! {
        #[test]
        fn allowed_tokens_match_definition(text in fixture::hard_text(), take in 1usize..12) {
            let tokenizer = fixture::tokenizer();
            let remaining = &text.as_bytes()[text.len().saturating_sub(take)..];
            prop_assume!(!remaining.is_empty());
            let mut allowed = Healing::new(&tokenizer).allowed(remaining);
            allowed.sort_unstable();
            prop_assert_eq!(allowed, allowed_by_definition(&tokenizer, remaining));
        }

        #[test]
        fn any_choice_spells_the_text(text in fixture::hard_line(), choices in prop::collection::vec(any::<prop::sample::Index>(), 200)) {
            let tokenizer = fixture::tokenizer();
            let healing = Healing::new(&tokenizer);
            let (mut remaining, mut spelled) = (text.as_bytes(), Vec::new());
            for choice in choices {
                let allowed = healing.allowed(remaining);
                prop_assert_eq!(allowed.is_empty(), remaining.is_empty());
                if allowed.is_empty() {
                    break;
                }
                let token = allowed[choice.index(allowed.len())];
                spelled.extend_from_slice(tokenizer.token_bytes(token));
                remaining = healing.remaining_after(remaining, token).unwrap();
            }
            prop_assert!(text.as_bytes().starts_with(&spelled) || spelled.starts_with(text.as_bytes()));
        }
    }

    #[test]
    fn tokens_are_sorted_by_bytes_then_id() {
        let mut vocab = fixture::gguf();
        // Equal in eight or more bytes, one with a zero byte where another ends, and two with the
        // same bytes.
        let alike = ["abcdefghz", "abcdefgha", "abcdefgh", "abcdefg", "abcdefgĀ", "a  ", "aĠĠ"];
        vocab.tokens.extend(alike.map(Into::into));
        vocab.token_types.extend([1; 7]);
        let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
        let mut wanted: Vec<TokenId> = (0..tokenizer.vocab_size() as TokenId).collect();
        wanted.retain(|&id| !tokenizer.token_bytes(id).is_empty());
        wanted.sort_by_key(|&id| tokenizer.token_bytes(id));
        assert_eq!(tokenizer.token_bytes(516), b"abcdefg\0");
        assert_eq!(Healing::new(&tokenizer).sorted, wanted);
    }

    #[test]
    fn mismatching_token_is_refused() {
        let tokenizer = fixture::tokenizer();
        let healing = Healing::new(&tokenizer);
        let token = |text: &str| tokenizer.encode(text)[0];
        assert_eq!(healing.remaining_after(b"ab", token("a")), Some(&b"b"[..]));
        assert_eq!(healing.remaining_after(b"ab", token("x")), None);
        // A sentinel spells no text, so it makes no progress.
        assert_eq!(healing.remaining_after(b"ab", 3), None);
    }

    #[test]
    fn blank_may_start_next_word() {
        let tokenizer = fixture::tokenizer();
        let texts: Vec<String> = Healing::new(&tokenizer)
            .allowed(b" ")
            .iter()
            .map(|&id| tokenizer.decode(&[id]))
            .collect();
        for wanted in [" ", " the", "   "] {
            assert!(texts.iter().any(|text| text == wanted), "{wanted:?} in {texts:?}");
        }
    }
}
