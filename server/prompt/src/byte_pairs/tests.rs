//! Merging against the `tokenizers` crate, over vocabularies that no model has.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use crate::byte_level::char_of;
use crate::vocabulary::{Entry, Kind, Vocabulary};
use proptest::prelude::*;
use tokenizers::Model;
use tokenizers::models::bpe::{BPE, Vocab};

/// The bytes, and what merges make of them.
struct Case {
    tokens: Vec<String>,
    merges: Vec<(String, String)>,
}

/// Merges of tokens that there are by then, whatever stands twice; `picks` choose them.
fn case(picks: &[(usize, usize)]) -> Case {
    let mut tokens: Vec<String> = (0..=255).map(|byte| char_of(byte).to_string()).collect();
    // Few letters, so that merges meet.
    let mut known: Vec<String> = "abcd".chars().map(String::from).collect();
    let mut merges = Vec::new();
    for (left, right) in picks {
        let (left, right) = (known[left % known.len()].clone(), known[right % known.len()].clone());
        let made = format!("{left}{right}");
        merges.push((left, right));
        if !known.contains(&made) {
            known.push(made.clone());
            tokens.push(made);
        }
    }
    Case { tokens, merges }
}

impl Case {
    /// What we build of it.
    fn ours(&self, whole: bool) -> (Vocabulary, BytePairs) {
        let texts = self.tokens.iter().map(Into::into);
        let entries: Vec<_> = texts.map(|text| Some(Entry { text, kind: Kind::Merged })).collect();
        let merges = self.merges.iter().map(|(left, right)| (&**left, &**right));
        Vocabulary::build(&entries, merges, whole).unwrap()
    }

    /// What the library builds of it. It would take the last rank of a pair that stands twice.
    fn theirs(&self, whole: bool) -> BPE {
        let ids: Vocab = (0..).zip(&self.tokens).map(|(id, token)| (token.clone(), id)).collect();
        let mut merges: Vec<(String, String)> = Vec::new();
        for merge in &self.merges {
            if !merges.contains(merge) {
                merges.push(merge.clone());
            }
        }
        BPE::builder().vocab_and_merges(ids, merges).ignore_merges(whole).build().unwrap()
    }
}

proptest! {
    #[test]
    fn merging_equals_the_library(
        picks in prop::collection::vec((0usize..1000, 0usize..1000), 0..60),
        order in any::<prop::sample::Index>(),
        pieces in prop::collection::vec("[a-d]{1,40}|[a-e]{1,6}", 1..8),
        whole: bool,
    ) {
        let mut case = case(&picks);
        // Neither ids nor ranks follow from the order in which tokens came about.
        let middle = 256 + order.index(case.tokens.len() - 255);
        case.tokens[256..].rotate_left(middle - 256);
        let middle = order.index(case.merges.len() + 1);
        case.merges.rotate_left(middle);
        let (vocabulary, ours) = case.ours(whole);
        let theirs = case.theirs(whole);
        let mut merging = Merging::new();
        for piece in &pieces {
            let mut tokens = Vec::new();
            let byte = |byte| vocabulary.byte_token(byte);
            ours.merge_into(piece.as_bytes(), byte, &mut merging, &mut tokens);
            let wanted = theirs.tokenize(piece).unwrap();
            prop_assert_eq!(tokens, wanted.iter().map(|token| token.id).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_piece_that_is_a_token_is_taken_unmerged_only_where_it_is_said() {
    // Merges make "ab" and "bc"; nothing makes "abc".
    let mut case = case(&[(0, 1), (1, 2)]);
    case.tokens.push("abc".to_owned());
    let encode = |whole| {
        let (vocabulary, pairs) = case.ours(whole);
        let mut tokens = Vec::new();
        let byte = |byte| vocabulary.byte_token(byte);
        pairs.merge_into(b"abc", byte, &mut Merging::new(), &mut tokens);
        tokens
    };
    assert_eq!((encode(false), encode(true)), (vec![256, u32::from(b'c')], vec![258]));
}
