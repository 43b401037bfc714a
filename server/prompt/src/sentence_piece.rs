//! `SentencePiece`-style byte pair encoding: the best-scored neighbours merge first.
//!
//! What GGUF calls tokenizer model `llama`: Llama 2, `CodeLlama`, Mistral, Phi-3. Blanks are part of tokens (written `▁`),
//! merging goes by score instead of rank, and characters without a token become bytes. Source: `SentencePiece`'s BPE
//! model (Kudo and Richardson 2018), in llama.cpp's form (`llm_tokenizer_spm`).
//! Invariant: the pieces visited are the whole text; no token of the vocabulary spans two of them.

use crate::TokenId;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// Stands for a blank in the tokens of such vocabularies.
pub(crate) const BLANK: char = '▁';

/// Merges text into tokens.
pub(crate) struct SentencePiece {
    /// Ids by text, blanks written as blanks.
    ids: HashMap<String, TokenId>,
    /// By id.
    scores: Vec<f32>,
    /// Whether text may be cut before a blank that follows something else, because no token crosses there.
    cuts_before_blanks: bool,
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

impl SentencePiece {
    /// Takes the ordinary tokens, blanks written as blanks, and the scores of all by id.
    pub(crate) fn new(ids: HashMap<String, TokenId>, scores: Vec<f32>) -> SentencePiece {
        let crosses = |text: &String| text.trim_start_matches(' ').contains(' ');
        let cuts_before_blanks = !ids.keys().any(crosses);
        SentencePiece { ids, scores, cuts_before_blanks }
    }

    /// Calls `visit` with each piece, in order: a word and the blanks before it.
    pub(crate) fn each_piece<'t>(&self, text: &'t str, mut visit: impl FnMut(&'t str)) {
        let mut start = 0;
        if self.cuts_before_blanks {
            let bytes = text.as_bytes();
            for at in 1..bytes.len() {
                let cut = bytes.get(at) == Some(&b' ') && bytes.get(at - 1) != Some(&b' ');
                if let (true, Some(piece)) = (cut, text.get(start..at)) {
                    visit(piece);
                    start = at;
                }
            }
        }
        if let Some(piece) = text.get(start..).filter(|piece| !piece.is_empty()) {
            visit(piece);
        }
    }

    /// Merges one piece and appends its tokens; a character without a token goes through `byte_token`.
    pub(crate) fn merge_into(
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A vocabulary of these texts, the earlier the better.
    fn of(texts: &[&str]) -> SentencePiece {
        let ids = texts.iter().zip(0..).map(|(text, id)| ((*text).to_owned(), id)).collect();
        SentencePiece::new(ids, (0..texts.len()).map(|id| -(id as f32)).collect())
    }

    fn merged(texts: &[&str], text: &str) -> Vec<String> {
        let vocabulary = of(texts);
        let mut tokens = Vec::new();
        let byte = |byte: u8| Some(1000 + TokenId::from(byte));
        vocabulary.each_piece(text, |piece| vocabulary.merge_into(piece, byte, &mut tokens));
        let show = |id: &TokenId| {
            texts
                .get(*id as usize)
                .map_or_else(|| format!("<{:02x}>", id - 1000), |t| (*t).to_owned())
        };
        tokens.iter().map(show).collect()
    }

    #[test]
    fn the_best_score_merges_first_and_of_equals_the_leftmost() {
        assert_eq!(merged(&["bc", "ab", "a", "b", "c"], "abc"), ["a", "bc"]);
        assert_eq!(merged(&["ab", "bc", "a", "b", "c"], "abc"), ["ab", "c"]);
        assert_eq!(merged(&["aa", "a"], "aaa"), ["aa", "a"]);
        // A longer token is made of shorter ones only.
        assert_eq!(merged(&["abcd", "ab", "cd", "a", "b", "c", "d"], "abcd"), ["abcd"]);
        assert_eq!(merged(&["abcd", "bc", "a", "b", "c", "d"], "abcd"), ["a", "bc", "d"]);
    }

    #[test]
    fn blanks_belong_to_the_word_behind_them() {
        let texts = [" x", "  ", "    ", " ", "x", "="];
        assert_eq!(merged(&texts, "x = x"), ["x", " ", "=", " x"]);
        assert_eq!(merged(&texts, "     x"), ["    ", " x"]);
    }

    #[test]
    fn a_character_without_a_token_becomes_its_bytes() {
        assert_eq!(merged(&["a"], "aé\n"), ["a", "<c3>", "<a9>", "<0a>"]);
    }

    #[test]
    fn where_tokens_cross_blanks_text_is_not_cut_there() {
        let mut pieces = Vec::new();
        of(&["a b", "a", "b", " ", "a "]).each_piece("a b", |piece| pieces.push(piece));
        assert_eq!(pieces, ["a b"]);
        pieces.clear();
        of(&["a", "b", " ", " b"]).each_piece("a  b c", |piece| pieces.push(piece));
        assert_eq!(pieces, ["a", "  b", " c"]);
    }
}
