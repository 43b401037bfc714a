//! Tokens that are searched for in a text before merging: line ends and tags in Gemma's
//! vocabularies.
//!
//! The first match counts, and the longest of several at one position, as in the `tokenizers`
//! crate. Sentinels are not among them, so they are never found in a text.

use super::Piece;
use crate::TokenId;
use std::collections::HashMap;

/// The tokens by their first byte, longest first.
pub(super) struct Literals {
    by_first_byte: HashMap<u8, Vec<(String, TokenId)>>,
}

impl Literals {
    /// Creates the set from texts with their ids; an empty text never matches.
    pub(super) fn new(texts: Vec<(String, TokenId)>) -> Literals {
        let mut by_first_byte: HashMap<u8, Vec<(String, TokenId)>> = HashMap::new();
        for (text, id) in texts {
            if let Some(&first) = text.as_bytes().first() {
                by_first_byte.entry(first).or_default().push((text, id));
            }
        }
        for texts in by_first_byte.values_mut() {
            texts.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        }
        Literals { by_first_byte }
    }

    /// Calls `visit` with the tokens found in `text` and the text between them, in order.
    pub(super) fn each_part<'t>(&self, text: &'t str, mut visit: impl FnMut(Piece<'t>)) {
        let mut start = 0;
        let mut at = 0;
        while !self.by_first_byte.is_empty() && at < text.len() {
            let rest = text.as_bytes().get(at..).unwrap_or_default();
            let known = rest.first().and_then(|first| self.by_first_byte.get(first));
            let found = known.and_then(|texts| {
                texts.iter().find(|(literal, _)| rest.starts_with(literal.as_bytes()))
            });
            let Some((literal, id)) = found else {
                at += 1;
                continue;
            };
            // A literal consists of whole characters, so it begins and ends at character
            // boundaries.
            if let Some(before) = text.get(start..at).filter(|before| !before.is_empty()) {
                visit(Piece::Text(before));
            }
            visit(Piece::Token(*id));
            at += literal.len();
            start = at;
        }
        if let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
            visit(Piece::Text(rest));
        }
    }
}
