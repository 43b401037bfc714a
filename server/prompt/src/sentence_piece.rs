//! `SentencePiece`-style byte pair encoding: blanks are part of tokens, characters without a token
//! become bytes.
//!
//! It is the tokenizer model `llama` of GGUF, and BPE with `byte_fallback` of a `tokenizer.json`:
//! Llama 2, `CodeLlama`, Mistral, Phi-3, Gemma. Both forms have the same pieces. A GGUF file then
//! merges by score and a `tokenizer.json` by rank, like their reference implementations. Source:
//! `SentencePiece`'s BPE model (Kudo and Richardson 2018).
//! Invariant: the pieces visited are the whole text; no token of the vocabulary spans two of them.

mod literals;
mod ranks;
mod scores;

use crate::TokenId;
use literals::Literals;
use ranks::Ranks;
use scores::Scores;
use std::collections::HashMap;
use tokenizers::models::bpe::BPE;

/// Represents a blank in the tokens of such vocabularies.
pub(crate) const BLANK: char = '▁';

/// Converts text to tokens.
pub(crate) struct SentencePiece {
    literals: Literals,
    cuts: Cuts,
    merger: Merger,
}

enum Merger {
    Scores(Scores),
    Ranks(Box<Ranks>),
}

/// Where text is cut before merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cuts {
    /// Nowhere: a token may start at any position.
    Nowhere,
    /// Before a blank that follows another character, because no token crosses that position.
    BeforeWords,
    /// Before every blank.
    BeforeBlanks,
}

/// The rules of a `tokenizer.json` in addition to its tokens.
pub(crate) struct PieceRules {
    pub(crate) cuts: Cuts,
    /// Tokens that are searched for in a text before merging.
    pub(crate) literals: Vec<(String, TokenId)>,
    /// Whether a text that is a token as a whole is used unmerged.
    pub(crate) whole_texts: bool,
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Text to merge.
    Text(&'t str),
    /// Text that is this token.
    Token(TokenId),
}

impl SentencePiece {
    /// Creates a tokenizer from the ordinary tokens (with plain blanks), the scores of all tokens
    /// by id, and the literal tokens.
    pub(crate) fn by_scores(
        ids: HashMap<String, TokenId>,
        scores: Vec<f32>,
        literals: Vec<(String, TokenId)>,
    ) -> SentencePiece {
        let cuts = safe_cuts(ids.keys(), Cuts::Nowhere);
        let merger = Merger::Scores(Scores { ids, scores });
        SentencePiece { literals: Literals::new(literals), cuts, merger }
    }

    /// Creates a tokenizer from the merges and the ordinary tokens (with plain blanks).
    pub(crate) fn by_ranks(
        bpe: BPE,
        texts: HashMap<String, TokenId>,
        rules: PieceRules,
    ) -> SentencePiece {
        let cuts = safe_cuts(texts.keys(), rules.cuts);
        let whole = rules.whole_texts.then_some(texts);
        let whole_pieces = rules.cuts == Cuts::BeforeBlanks;
        let merger = Merger::Ranks(Box::new(Ranks { bpe, whole, whole_pieces }));
        SentencePiece { literals: Literals::new(rules.literals), cuts, merger }
    }

    /// Calls `visit` with each piece, in order: a literal token, or a word with the blanks before
    /// it.
    pub(crate) fn each_piece<'t>(&self, text: &'t str, mut visit: impl FnMut(Piece<'t>)) {
        self.literals.each_part(text, |part| match part {
            Piece::Text(text) => self.cut(text, &mut visit),
            Piece::Token(_) => visit(part),
        });
    }

    /// Merges one piece of text and appends its tokens; a character without a token goes through
    /// `byte_token`.
    pub(crate) fn merge_into(
        &self,
        piece: &str,
        byte_token: impl Fn(u8) -> Option<TokenId>,
        tokens: &mut Vec<TokenId>,
    ) {
        match &self.merger {
            Merger::Scores(scores) => scores.merge_into(piece, byte_token, tokens),
            Merger::Ranks(ranks) => ranks.merge_into(piece, byte_token, tokens),
        }
    }

    /// Cuts text without literals.
    fn cut<'t>(&self, text: &'t str, visit: &mut impl FnMut(Piece<'t>)) {
        if let Merger::Ranks(ranks) = &self.merger
            && let Some(id) = ranks.whole_text(text)
        {
            return visit(Piece::Token(id));
        }
        let mut start = 0;
        let bytes = text.as_bytes();
        for at in 1..bytes.len() {
            let follows_blank = bytes.get(at - 1) == Some(&b' ');
            let cut = match self.cuts {
                Cuts::Nowhere => break,
                Cuts::BeforeWords => !follows_blank,
                Cuts::BeforeBlanks => true,
            };
            if let (true, Some(piece)) = (cut && bytes.get(at) == Some(&b' '), text.get(start..at))
            {
                visit(Piece::Text(piece));
                start = at;
            }
        }
        if let Some(piece) = text.get(start..).filter(|piece| !piece.is_empty()) {
            visit(Piece::Text(piece));
        }
    }
}

/// Returns the requested cuts, or cuts without an effect because no token crosses them.
fn safe_cuts<'t>(mut texts: impl Iterator<Item = &'t String>, requested: Cuts) -> Cuts {
    let crosses = |text: &String| text.trim_start_matches(' ').contains(' ');
    match requested {
        Cuts::Nowhere if !texts.any(crosses) => Cuts::BeforeWords,
        requested => requested,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a vocabulary of these texts, earlier ones with better scores.
    fn of(texts: &[&str]) -> SentencePiece {
        let ids = texts.iter().zip(0..).map(|(text, id)| ((*text).to_owned(), id)).collect();
        SentencePiece::by_scores(ids, (0..texts.len()).map(|id| -(id as f32)).collect(), Vec::new())
    }

    fn merged(texts: &[&str], text: &str) -> Vec<String> {
        let vocabulary = of(texts);
        let mut tokens = Vec::new();
        let byte = |byte: u8| Some(1000 + TokenId::from(byte));
        vocabulary.each_piece(text, |piece| match piece {
            Piece::Text(text) => vocabulary.merge_into(text, byte, &mut tokens),
            Piece::Token(id) => tokens.push(id),
        });
        let show = |id: &TokenId| {
            texts
                .get(*id as usize)
                .map_or_else(|| format!("<{:02x}>", id - 1000), |t| (*t).to_owned())
        };
        tokens.iter().map(show).collect()
    }

    #[test]
    fn best_score_merges_first() {
        assert_eq!(merged(&["bc", "ab", "a", "b", "c"], "abc"), ["a", "bc"]);
        assert_eq!(merged(&["ab", "bc", "a", "b", "c"], "abc"), ["ab", "c"]);
        assert_eq!(merged(&["aa", "a"], "aaa"), ["aa", "a"]);
        // A longer token is made of shorter ones only.
        assert_eq!(merged(&["abcd", "ab", "cd", "a", "b", "c", "d"], "abcd"), ["abcd"]);
        assert_eq!(merged(&["abcd", "bc", "a", "b", "c", "d"], "abcd"), ["a", "bc", "d"]);
    }

    #[test]
    fn blanks_belong_to_next_word() {
        let texts = [" x", "  ", "    ", " ", "x", "="];
        assert_eq!(merged(&texts, "x = x"), ["x", " ", "=", " x"]);
        assert_eq!(merged(&texts, "     x"), ["    ", " x"]);
    }

    #[test]
    fn character_without_token_becomes_bytes() {
        assert_eq!(merged(&["a"], "aé\n"), ["a", "<c3>", "<a9>", "<0a>"]);
    }

    #[test]
    fn text_is_not_cut_inside_tokens() {
        let mut pieces = Vec::new();
        of(&["a b", "a", "b", " ", "a "]).each_piece("a b", |piece| pieces.push(piece));
        assert_eq!(pieces, [Piece::Text("a b")]);
        pieces.clear();
        of(&["a", "b", " ", " b"]).each_piece("a  b c", |piece| pieces.push(piece));
        assert_eq!(pieces, ["a", "  b", " c"].map(Piece::Text));
    }
}
