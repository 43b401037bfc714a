//! Drafts for given texts, with the toy model's tokenizer.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

use lowkey_model::ModelFile;
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

use super::*;
use crate::Loaded;

struct Guesser(Speculation);

impl Guesser {
    fn new() -> Self {
        let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).unwrap();
        let loaded = Loaded::from_file(&file, 1, &mut |_| {}).unwrap();
        let tokenizer = Arc::clone(loaded.assembler.tokenizer());
        Self(Speculation::new(tokenizer, BatchCosts::for_decode_bytes(1 << 30)))
    }

    fn prompt(&self, text: &str) -> Prompt {
        Prompt { tokens: self.0.tokenizer.encode(text), ..Prompt::default() }
    }

    /// Returns the draft after `text`, as text.
    fn draft(&mut self, text: &str, max_tokens: usize) -> String {
        let tokens = self.0.tokenizer.encode(text);
        let draft = self.0.draft(&tokens, max_tokens).to_vec();
        self.0.tokenizer.decode(&draft)
    }

    /// Returns the rest of earlier completions after `text`.
    fn rest_of_completion(&self, text: &str) -> Option<String> {
        let prompt = self.prompt(text);
        self.0.rest_of_completion(&prompt.tokens).map(|tokens| self.0.tokenizer.decode(&tokens))
    }

    fn complete(&mut self, prompt: &str, decoded: &str) {
        let (prompt, decoded) = (self.prompt(prompt), self.0.tokenizer.encode(decoded));
        self.0.end(&prompt, &decoded);
    }
}

#[test]
fn draft_comes_from_a_match_above() {
    let mut guesser = Guesser::new();
    let text = "let first = self.items.get(index);\nlet second = self.items.get";
    let draft = guesser.draft(text, 7);
    assert!(!draft.is_empty() && "(index);\n".starts_with(&draft), "{draft:?}");
}

#[test]
fn no_draft_without_match_or_room() {
    let mut guesser = Guesser::new();
    assert_eq!(guesser.draft("abc", 7), "");
    assert_eq!(guesser.draft("", 7), "");
    assert_eq!(guesser.draft("self.items.get(index);\nself.items.get", 0), "");
}

#[test]
fn draft_ends_at_the_line_end() {
    let mut guesser = Guesser::new();
    let text = "a = open(path)\nb = 2\nc = 3\na = open(path";
    for _ in 0..100 {
        guesser.0.rates.record(DraftSource::Match(3), true);
        guesser.0.rates.record(DraftSource::Match(4), true);
    }
    let draft = guesser.draft(text, 7);
    assert!(!draft.contains('b'), "{draft:?}");
}

#[test]
fn draft_comes_from_recent_completions() {
    let mut guesser = Guesser::new();
    guesser.complete("nothing of it here", "connection.execute(statement, parameters)");
    let draft = guesser.draft("other = connection.execute(statement", 7);
    assert!(!draft.is_empty() && ", parameters)".starts_with(&draft), "{draft:?}");
}

#[test]
fn typing_into_a_completion_leaves_its_rest() {
    let mut guesser = Guesser::new();
    let (before, decoded) = ("fn main() {\n    let total", " = values.iter().sum();");
    guesser.complete(before, decoded);
    for (at, _) in decoded.char_indices() {
        let (typed, rest) = decoded.split_at(at);
        assert_eq!(guesser.rest_of_completion(&format!("{before}{typed}")).as_deref(), Some(rest));
    }
    assert_eq!(guesser.rest_of_completion(&format!("{before}{decoded}")), None);
    assert_eq!(guesser.rest_of_completion(&format!("{before} = vec")), None);
}

#[test]
fn oldest_completion_is_evicted_first() {
    let mut guesser = Guesser::new();
    for n in 0..=MAX_RECENT {
        guesser.complete(&format!("prompt {n} "), &format!("answer {n} is this"));
    }
    assert_eq!(guesser.0.recent.len(), MAX_RECENT);
    assert_eq!(guesser.rest_of_completion("prompt 0 answer 0"), None);
    assert_eq!(guesser.rest_of_completion("prompt 1 answer 1").as_deref(), Some(" is this"));
}

#[test]
fn rejected_guess_is_dropped() {
    let mut guesser = Guesser::new();
    let text = "value = first.second.third\nother = first.second";
    assert_ne!(guesser.draft(text, 7), "");
    let guess = guesser.0.guess.clone().unwrap();
    guesser.0.observe(guess.tokens[0]);
    assert_eq!(guesser.0.guess.as_ref().map(|guess| guess.n_decoded), Some(1));
    let other = guess.tokens.last().map_or(1, |token| token + 1);
    guesser.0.observe(other);
    assert_eq!(guesser.0.guess, None);
}

#[test]
fn longest_match_wins_then_the_last() {
    let text = [1, 2, 3, 9, 5, 3, 8, 2, 3];
    assert_eq!(longest_match(&text, 1, &text), Some((2, 3)));
    assert_eq!(longest_match(&[7, 3, 4, 3, 6], 1, &text), Some((1, 4)));
    assert_eq!(longest_match(&[7, 3, 4, 3, 6], 5, &text), None);
    assert_eq!(longest_match(&[], 1, &text), None);
    assert_eq!(longest_match(&text, 1, &[]), None);
    let same = [4; 40];
    assert_eq!(longest_match(&same, 1, &same).map(|(n, _)| n), Some(MAX_MATCH));
}
