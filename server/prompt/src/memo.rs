//! A small cache of tokenized pieces.
//!
//! Between two keys the prefix and the suffix are unchanged, so they are tokenized once. The cache
//! changes no result, only its cost: its key is the whole text, and its size is bounded.

use crate::TokenId;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Texts with their tokens, most recently used first.
#[derive(Debug)]
pub(crate) struct Memo {
    pieces: Mutex<VecDeque<(String, Arc<[TokenId]>)>>,
    max_pieces: usize,
}

impl Memo {
    /// Creates a cache of at most `max_pieces` texts.
    pub(crate) fn new(max_pieces: usize) -> Memo {
        Memo { pieces: Mutex::default(), max_pieces }
    }

    /// Returns the tokens of `text`; calls `encode` if they are not cached.
    pub(crate) fn tokens(
        &self,
        text: &str,
        encode: impl FnOnce(&str) -> Vec<TokenId>,
    ) -> Arc<[TokenId]> {
        {
            // A panic in another thread leaves whole entries, at worst one too few, so the cache
            // stays usable.
            let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(idx) = pieces.iter().position(|(known, _)| known == text)
                && let Some(piece) = pieces.remove(idx)
            {
                let tokens = Arc::clone(&piece.1);
                pieces.push_front(piece);
                return tokens;
            }
        }
        // The lock is released during tokenization; two threads may do the same work, with the same
        // result.
        let tokens: Arc<[TokenId]> = encode(text).into();
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.push_front((text.to_owned(), Arc::clone(&tokens)));
        pieces.truncate(self.max_pieces);
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_evicts_the_oldest_text() {
        const MAX_PIECES: usize = 8;
        let memo = Memo::new(MAX_PIECES);
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
        // Seven more are cached in addition to "first"; the first of the eight is evicted.
        assert_eq!(ask("x"), 1 + MAX_PIECES);
        assert_eq!(ask(""), 2 + MAX_PIECES);
    }
}
