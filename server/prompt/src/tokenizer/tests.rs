//! Encoding against an implementation of its own: a splitter written by hand and the plainest possible merging.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use crate::byte_level;
use crate::fixture::{self, hard_text};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Byte-level BPE as its definition says: merge the pair of lowest rank, the leftmost first, until none is left.
struct Naive {
    ids: HashMap<String, TokenId>,
    ranks: HashMap<(String, String), usize>,
}

impl Naive {
    fn new() -> Naive {
        let json = fixture::json();
        let vocab = json["model"]["vocab"].as_object().unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let merges = json["model"]["merges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (text(&pair[0]), text(&pair[1])));
        Naive {
            ids: vocab
                .iter()
                .map(|(token, id)| (token.clone(), id.as_u64().unwrap() as TokenId))
                .collect(),
            ranks: merges.enumerate().map(|(rank, pair)| (pair, rank)).collect(),
        }
    }

    fn encode(&self, text: &str) -> Vec<TokenId> {
        let pieces = pieces(&text.chars().collect::<Vec<_>>());
        pieces.iter().flat_map(|piece| self.merge(piece)).collect()
    }

    fn merge(&self, piece: &str) -> Vec<TokenId> {
        let mut parts: Vec<String> =
            piece.bytes().map(|byte| byte_level::char_of(byte).to_string()).collect();
        let rank = |pair: &[String]| self.ranks.get(&(pair[0].clone(), pair[1].clone())).copied();
        while let Some((_, at)) =
            parts.windows(2).enumerate().filter_map(|(at, pair)| Some((rank(pair)?, at))).min()
        {
            let right = parts.remove(at + 1);
            parts[at].push_str(&right);
        }
        parts.iter().map(|part| self.ids[part]).collect()
    }
}

fn naive() -> &'static Naive {
    static NAIVE: LazyLock<Naive> = LazyLock::new(Naive::new);
    &NAIVE
}

/// Splits as the alternatives of qwen2's pattern say, one after the other.
fn pieces(mut rest: &[char]) -> Vec<String> {
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let n = [contraction, word, digit, signs, line_ends, blanks]
            .into_iter()
            .find_map(|rule| rule(rest))
            .unwrap();
        pieces.push(rest[..n].iter().collect());
        rest = &rest[n..];
    }
    pieces
}

fn is_number(c: char) -> bool {
    c.is_numeric()
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !c.is_numeric()
}

fn is_line_end(c: char) -> bool {
    c == '\r' || c == '\n'
}

fn n_while(text: &[char], holds: impl Fn(char) -> bool) -> usize {
    text.iter().take_while(|&&c| holds(c)).count()
}

fn contraction(text: &[char]) -> Option<usize> {
    // Letters match whatever their case; U+017F is a form of `s`.
    let folded: String =
        text.iter().take(3).map(|&c| if c == 'ſ' { 's' } else { c.to_ascii_lowercase() }).collect();
    let known = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    known.iter().find(|known| folded.starts_with(**known)).map(|known| known.len())
}

fn word(text: &[char]) -> Option<usize> {
    let first = *text.first()?;
    let before = usize::from(!is_line_end(first) && !is_letter(first) && !is_number(first));
    let n_letters = n_while(&text[before..], is_letter);
    (n_letters > 0).then_some(before + n_letters)
}

fn digit(text: &[char]) -> Option<usize> {
    is_number(*text.first()?).then_some(1)
}

fn signs(text: &[char]) -> Option<usize> {
    let is_sign = |c: char| !c.is_whitespace() && !is_letter(c) && !is_number(c);
    let blank = usize::from(*text.first()? == ' ');
    let n_signs = n_while(&text[blank..], is_sign);
    (n_signs > 0).then(|| blank + n_signs + n_while(&text[blank + n_signs..], is_line_end))
}

fn line_ends(text: &[char]) -> Option<usize> {
    let n_blanks = n_while(text, char::is_whitespace);
    text[..n_blanks].iter().rposition(|&c| is_line_end(c)).map(|last| last + 1)
}

fn blanks(text: &[char]) -> Option<usize> {
    let n_blanks = n_while(text, char::is_whitespace);
    // The last blank belongs to what follows, unless it is the only one.
    let leaves_one = n_blanks < text.len() && n_blanks > 1;
    (n_blanks > 0).then(|| n_blanks - usize::from(leaves_one))
}

proptest! {
    #[test]
    fn encoding_equals_naive_merging_and_spells_the_text(text in hard_text()) {
        let tokenizer = fixture::tokenizer();
        let tokens = tokenizer.encode(&text);
        prop_assert_eq!(&tokens, &naive().encode(&text));
        prop_assert_eq!(tokenizer.decode(&tokens), text);
    }

    #[test]
    fn both_sources_give_the_same_tokenizer(text in hard_text()) {
        static FROM_GGUF: LazyLock<Tokenizer> =
            LazyLock::new(|| Tokenizer::from_gguf(&fixture::gguf()).unwrap());
        prop_assert_eq!(FROM_GGUF.encode(&text), fixture::tokenizer().encode(&text));
    }

    #[test]
    fn no_text_becomes_a_special_token(text in hard_text()) {
        let tokens = fixture::tokenizer().encode(&text);
        prop_assert!(tokens.iter().all(|&id| id > 6), "{tokens:?}");
    }
}

#[test]
fn the_text_of_a_sentinel_is_ordinary_text() {
    let tokenizer = fixture::tokenizer();
    let text = "a <|fim_middle|> b";
    let tokens = tokenizer.encode(text);
    assert_eq!(tokenizer.id_of("<|fim_middle|>"), Some(3));
    assert!(!tokens.contains(&3));
    assert_eq!(tokenizer.decode(&tokens), text);
    assert_eq!(tokenizer.token_bytes(3), b"");
}

#[test]
fn both_sources_agree_on_every_token() {
    let (json, gguf) = (fixture::tokenizer(), Tokenizer::from_gguf(&fixture::gguf()).unwrap());
    assert_eq!((json.vocab_size(), gguf.vocab_size()), (512, 512));
    for id in 0..600 {
        assert_eq!(json.token_bytes(id), gguf.token_bytes(id));
    }
    assert_eq!(json.id_of("<|repo_name|>"), gguf.id_of("<|repo_name|>"));
}

#[test]
fn normalization_is_left_out_so_that_text_comes_back() {
    let mut json = fixture::json();
    json["normalizer"] = serde_json::json!({"type": "NFC"});
    let tokenizer = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
    let decomposed = "e\u{301}";
    assert_eq!(tokenizer.decode(&tokenizer.encode(decomposed)), decomposed);
}

#[test]
fn a_long_piece_without_a_break_is_encoded() {
    let text = "x".repeat(200_000);
    let tokenizer = fixture::tokenizer();
    assert_eq!(tokenizer.decode(&tokenizer.encode(&text)), text);
}
