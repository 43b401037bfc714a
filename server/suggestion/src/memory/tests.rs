//! Typing along, backspace and partial accepts, and a plain list as the reference model of the
//! memory.

use proptest::prelude::*;

use super::*;

fn key(uri: &str) -> MemoryKey {
    MemoryKey::new(uri, &["fn a() {\n", "}\n"])
}

fn finished(text: &str, typed_bytes: usize) -> Middle<'_> {
    Middle { text, typed_bytes, is_finished: true, confidence: None }
}

fn rest<'m>(memory: &'m CompletionMemory, key: &MemoryKey, typed: &str) -> Option<&'m str> {
    memory.lookup(key, typed).map(|remembered| remembered.rest)
}

#[test]
fn typing_along_shortens_rest() {
    let mut memory = CompletionMemory::default();
    memory.insert(&key("a"), finished("let x = 5;", 4));
    assert_eq!(rest(&memory, &key("a"), "let "), Some("x = 5;"));
    assert_eq!(rest(&memory, &key("a"), "let x ="), Some(" 5;"));
    assert_eq!(rest(&memory, &key("a"), "let x = 5;"), Some(""));
    assert_eq!(rest(&memory, &key("a"), "let y"), None);
    assert_eq!(rest(&memory, &key("a"), "let x = 5;;"), None);
}

#[test]
fn backspace_lengthens_rest() {
    let mut memory = CompletionMemory::default();
    memory.insert(&key("a"), finished("let x = 5;", 8));
    let remembered = memory.lookup(&key("a"), "le");
    assert_eq!(remembered.map(|r| (r.rest, r.is_retyped)), Some(("t x = 5;", true)));
    let remembered = memory.lookup(&key("a"), "let x = 5");
    assert_eq!(remembered.map(|r| (r.rest, r.is_retyped)), Some((";", false)));
}

#[test]
fn text_decoded_here_wins_over_retyped() {
    let mut memory = CompletionMemory::default();
    memory.insert(&key("a"), finished("let x = 5;", 1));
    memory.insert(&key("a"), finished("let yellow = 6;", 5));
    assert_eq!(rest(&memory, &key("a"), "let "), Some("x = 5;"));
    assert_eq!(rest(&memory, &key("a"), "let y"), Some("ellow = 6;"));
}

#[test]
fn longer_middle_replaces_unfinished_one() {
    let mut memory = CompletionMemory::default();
    memory.insert(&key("a"), Middle { is_finished: false, ..finished("let x", 3) });
    assert_eq!(memory.lookup(&key("a"), "let").map(|r| r.is_finished), Some(false));
    assert_eq!(memory.lookup(&key("a"), "let x"), None);
    memory.insert(&key("a"), finished("let x = 5;", 3));
    assert_eq!(memory.len(), 1);
    assert_eq!(memory.lookup(&key("a"), "let").map(|r| r.is_finished), Some(true));
}

#[test]
fn keys_separate_documents_and_prompts() {
    let mut memory = CompletionMemory::default();
    memory.insert(&key("a"), finished("let x = 5;", 0));
    assert_eq!(memory.lookup(&key("b"), "let"), None);
    assert_eq!(memory.lookup(&MemoryKey::new("a", &["fn b() {\n", "}\n"]), "let"), None);
    // The boundary between parts is part of the key.
    assert_eq!(memory.lookup(&MemoryKey::new("a", &["fn a() {\n}", "\n"]), "let"), None);
    memory.insert(&key("b"), finished("let y = 5;", 0));
    memory.remove_document("a");
    assert_eq!((memory.len(), memory.bytes()), (1, 10));
    assert_eq!(rest(&memory, &key("b"), ""), Some("let y = 5;"));
}

#[test]
fn least_recently_used_is_evicted_first() {
    let mut memory = CompletionMemory::new(MemoryBudget { entries: 2, bytes: 100 });
    memory.insert(&key("a"), finished("one", 0));
    memory.insert(&key("b"), finished("two", 0));
    assert_eq!(rest(&memory, &key("a"), "o"), Some("ne"));
    memory.insert(&key("c"), finished("three", 0));
    assert_eq!(rest(&memory, &key("b"), ""), None);
    assert_eq!(rest(&memory, &key("a"), ""), Some("one"));
    memory.insert(&key("d"), finished(&"x".repeat(99), 0));
    assert!(memory.bytes() <= 100);
    memory.insert(&key("e"), finished(&"x".repeat(101), 0));
    assert_eq!(rest(&memory, &key("e"), ""), None);
}

/// The reference model: a list that never drops an entry.
#[derive(Default)]
struct Naive(Vec<(String, String, usize, bool)>);

impl Naive {
    fn insert(&mut self, uri: &str, text: &str, typed_bytes: usize, is_finished: bool) {
        self.0.retain(|(u, t, typed, done)| {
            !(u == uri
                && !done
                && *t != text
                && text.starts_with(t.as_str())
                && *typed >= typed_bytes)
        });
        match self.0.iter().position(|(u, t, ..)| u == uri && t == text) {
            Some(idx) => {
                let (u, t, typed, done) = self.0.remove(idx);
                self.0.push((u, t, typed.min(typed_bytes), done || is_finished));
            }
            None => self.0.push((uri.to_owned(), text.to_owned(), typed_bytes, is_finished)),
        }
    }

    /// Returns the best rank among the matching middles, and every rest with that rank.
    fn lookup(&self, uri: &str, typed: &str) -> Vec<(String, bool)> {
        let fits = |(u, t, from, done): &&(String, String, usize, bool)| {
            let _ = from;
            u == uri && t.starts_with(typed) && (*done || t.len() > typed.len())
        };
        let rank = |(_, t, from, done): &(String, String, usize, bool)| {
            (*from <= typed.len(), *done, t.len())
        };
        let best = self.0.iter().filter(fits).map(rank).max();
        self.0
            .iter()
            .filter(fits)
            .filter(|entry| Some(rank(entry)) == best)
            .map(|(_, t, _, done)| (t[typed.len()..].to_owned(), *done))
            .collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Insert { uri: u8, decoded: String, is_finished: bool },
    Type(String),
    Backspace(usize),
    Accept(usize),
    Forget(u8),
}

fn step() -> impl Strategy<Value = Step> {
    // A small alphabet, so that middles share their beginnings.
    let text = "[abé]{0,4}";
    prop_oneof![
        4 => (0..2_u8, text, any::<bool>())
            .prop_map(|(uri, decoded, is_finished)| Step::Insert { uri, decoded, is_finished }),
        3 => "[abé]{1,2}".prop_map(Step::Type),
        3 => (1..4_usize).prop_map(Step::Backspace),
        2 => (1..4_usize).prop_map(Step::Accept),
        1 => (0..2_u8).prop_map(Step::Forget),
    ]
}

proptest! {
    #[test]
    fn answers_match_reference_model(steps in prop::collection::vec(step(), 1..60)) {
        let mut memory = CompletionMemory::default();
        let mut naive = Naive::default();
        let mut typed = String::new();
        for step in steps {
            match step {
                Step::Insert { uri, decoded, is_finished } => {
                    let text = [typed.as_str(), &decoded].concat();
                    let uri = uri.to_string();
                    let middle =
                        Middle { text: &text, typed_bytes: typed.len(), is_finished, confidence: None };
                    memory.insert(&key(&uri), middle);
                    naive.insert(&uri, &text, typed.len(), is_finished);
                }
                Step::Type(text) => typed.push_str(&text),
                Step::Backspace(n) => {
                    for _ in 0..n {
                        typed.pop();
                    }
                }
                Step::Accept(n) => {
                    let rest = rest(&memory, &key("0"), &typed).unwrap_or_default();
                    let part: String = rest.chars().take(n).collect();
                    typed.push_str(&part);
                }
                Step::Forget(uri) => {
                    memory.remove_document(&uri.to_string());
                    naive.0.retain(|(u, ..)| *u != uri.to_string());
                }
            }
            prop_assert_eq!(memory.len(), naive.0.len());
            prop_assert_eq!(memory.bytes(), naive.0.iter().map(|(_, t, ..)| t.len()).sum::<usize>());
            for uri in ["0", "1"] {
                let expected = naive.lookup(uri, &typed);
                match memory.lookup(&key(uri), &typed) {
                    None => prop_assert!(expected.is_empty()),
                    Some(r) => prop_assert!(expected.contains(&(r.rest.to_owned(), r.is_finished))),
                }
            }
        }
    }

    #[test]
    fn budget_always_holds(
        texts in prop::collection::vec(("[ab]{0,3}", "[a-e]{0,30}"), 1..60),
    ) {
        let budget = MemoryBudget { entries: 5, bytes: 60 };
        let mut memory = CompletionMemory::new(budget);
        for (uri, text) in &texts {
            memory.insert(&key(uri), finished(text, 0));
            prop_assert!(memory.len() <= budget.entries && memory.bytes() <= budget.bytes);
            // The last insertion is never evicted.
            prop_assert!(rest(&memory, &key(uri), text).is_some());
        }
    }
}
