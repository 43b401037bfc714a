//! A small memory of tokenized pieces.
//!
//! Between two keys the prefix and the suffix are the same text, so they are tokenized once. The memory changes no
//! result, only its cost: it is keyed by the whole text, and bounded.

use crate::TokenId;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Path, prefix, suffix and finished lines of two documents.
const MAX_PIECES: usize = 8;

/// Texts with their tokens, most recently used first.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    pieces: Mutex<VecDeque<(String, Arc<[TokenId]>)>>,
}

impl Memo {
    /// Returns the tokens of `text`, which `encode` makes when they are not known.
    pub(crate) fn tokens(
        &self,
        text: &str,
        encode: impl FnOnce(&str) -> Vec<TokenId>,
    ) -> Arc<[TokenId]> {
        {
            // A panic elsewhere leaves whole entries at worst one too few: the memory stays usable.
            let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(idx) = pieces.iter().position(|(known, _)| known == text)
                && let Some(piece) = pieces.remove(idx)
            {
                let tokens = Arc::clone(&piece.1);
                pieces.push_front(piece);
                return tokens;
            }
        }
        // The lock is free while the text is tokenized; two threads may do the same work, with the same result.
        let tokens: Arc<[TokenId]> = encode(text).into();
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.push_front((text.to_owned(), Arc::clone(&tokens)));
        pieces.truncate(MAX_PIECES);
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_encoded_once_and_the_oldest_is_forgotten() {
        let memo = Memo::default();
        let mut n_encoded = 0;
        let mut ask = |text: &str| {
            let tokens = memo.tokens(text, |text| {
                n_encoded += 1;
                vec![text.len() as TokenId]
            });
            assert_eq!(*tokens, [text.len() as TokenId]);
            n_encoded
        };
        assert_eq!((ask("first"), ask("first")), (1, 1));
        for n in 0..MAX_PIECES {
            ask(&"x".repeat(n));
            ask("first");
        }
        assert_eq!(ask("first"), 1 + MAX_PIECES);
        // Seven more are remembered beside "first"; the first of the eight is gone.
        assert_eq!(ask("x"), 1 + MAX_PIECES);
        assert_eq!(ask(""), 2 + MAX_PIECES);
    }
}
