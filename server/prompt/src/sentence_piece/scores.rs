//! Merging by score: the best-scored neighbours merge first, as GGUF files have it.
//!
//! Source: llama.cpp's form of `SentencePiece`'s BPE (`llm_tokenizer_spm`). Any two neighbours that make a token may
//! merge, however they came about.

use crate::TokenId;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// The tokens of a vocabulary with what they are worth.
pub(super) struct Scores {
    /// Ids by text, blanks written as blanks.
    pub(super) ids: HashMap<String, TokenId>,
    /// By id.
    pub(super) scores: Vec<f32>,
}

/// A token or character of the text while it is merged.
#[derive(Clone, Copy)]
struct Symbol {
    start: usize,
    /// Where it ends; `start` for one that was merged into its left neighbour.
    end: usize,
    left: Option<usize>,
    right: Option<usize>,
}

/// Two neighbours that make a token.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    /// Bytes of both when they were paired: a pair whose halves have grown since is stale.
    n_bytes: usize,
}

impl Scores {
    /// Merges one piece and appends its tokens; a character without a token goes through `byte_token`.
    pub(super) fn merge_into(
        &self,
        piece: &str,
        byte_token: impl Fn(u8) -> Option<TokenId>,
        tokens: &mut Vec<TokenId>,
    ) {
        let mut symbols: Vec<Symbol> = piece
            .char_indices()
            .enumerate()
            .map(|(idx, (start, c))| Symbol {
                start,
                end: start + c.len_utf8(),
                left: idx.checked_sub(1),
                right: Some(idx + 1),
            })
            .collect();
        if let Some(last) = symbols.last_mut() {
            last.right = None;
        }
        let mut queue = BinaryHeap::new();
        for right in 1..symbols.len() {
            queue.extend(self.pair(piece, &symbols, right - 1, right));
        }
        while let Some(pair) = queue.pop() {
            let (Some(&left), Some(&right)) = (symbols.get(pair.left), symbols.get(pair.right))
            else {
                continue;
            };
            let is_stale = left.start == left.end
                || right.start == right.end
                || right.end - left.start != pair.n_bytes;
            if is_stale {
                continue;
            }
            if let Some(symbol) = symbols.get_mut(pair.left) {
                (symbol.end, symbol.right) = (right.end, right.right);
            }
            if let Some(symbol) = symbols.get_mut(pair.right) {
                symbol.end = symbol.start;
            }
            if let Some(next) = right.right {
                if let Some(symbol) = symbols.get_mut(next) {
                    symbol.left = Some(pair.left);
                }
                queue.extend(self.pair(piece, &symbols, pair.left, next));
            }
            if let Some(before) = left.left {
                queue.extend(self.pair(piece, &symbols, before, pair.left));
            }
        }
        for symbol in symbols.iter().filter(|symbol| symbol.start < symbol.end) {
            let text = piece.get(symbol.start..symbol.end).unwrap_or_default();
            match self.ids.get(text) {
                Some(&id) => tokens.push(id),
                None => tokens.extend(text.bytes().filter_map(&byte_token)),
            }
        }
    }

    /// The pair of two neighbours, if they make a token.
    fn pair(&self, piece: &str, symbols: &[Symbol], left: usize, right: usize) -> Option<Pair> {
        let (start, end) = (symbols.get(left)?.start, symbols.get(right)?.end);
        let id = *self.ids.get(piece.get(start..end)?)?;
        let score = self.scores.get(id as usize).copied().unwrap_or_default();
        Some(Pair { score, left, right, n_bytes: end - start })
    }
}

impl Ord for Pair {
    /// The best score first, and of equals the leftmost.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}
