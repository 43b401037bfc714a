//! How a decoding might begin: the first tokens that the model finds most probable.

use std::sync::Arc;

use lowkey_engine::{Engine, Generated, Job, Loaded};
use lowkey_prompt::{Assembler, Prompt};

use crate::jobs;

fn made(engine: &Engine, n_first_tokens: usize) -> Generated {
    let (job, result) =
        jobs::job(&format!("{}    pub fn total(&self) -> usize {{\n        self.", jobs::CODE), 4);
    let _ticket = engine.submit(Job { n_first_tokens, ..job });
    result.recv().unwrap()
}

#[test]
fn the_most_probable_opening_is_what_decoding_begins_with() {
    let engine = Engine::start(64 << 20, jobs::load).unwrap();
    let plain = made(&engine, 0);
    assert!(plain.first_tokens.is_empty(), "nobody asked");
    let asked = made(&engine, 5);
    assert_eq!((&asked.text, &asked.log_probs), (&plain.text, &plain.log_probs));
    let first_tokens = asked.first_tokens;
    assert!((2..=5).contains(&first_tokens.len()), "{first_tokens:?}");
    assert!(plain.text.starts_with(&first_tokens[0].text), "{first_tokens:?} {:?}", plain.text);
    assert!(first_tokens.is_sorted_by(|a, b| a.log_prob >= b.log_prob), "{first_tokens:?}");
    assert!((first_tokens[0].log_prob - plain.log_probs[0]).abs() < 1e-6, "{first_tokens:?}");
    assert!(first_tokens.iter().all(|first_token| !first_token.text.is_empty()));
}

#[test]
fn an_opening_of_a_healed_word_is_what_stands_behind_the_cursor() {
    let load = |progress: &mut dyn FnMut(f32)| {
        let loaded = jobs::load(progress)?;
        let format = loaded.assembler.format().clone().with_healing(true);
        let tokenizer = Arc::clone(loaded.assembler.tokenizer());
        Ok(Loaded { assembler: Arc::new(Assembler::new(tokenizer, format)), ..loaded })
    };
    let engine = Engine::start(64 << 20, load).unwrap();
    let (job, result) = jobs::job_of(4, |assembler| {
        let text = format!("{}    pub fn total(&self) -> usize {{\n        ", jobs::CODE);
        let tokens = assembler.tokenizer().encode(&text);
        // `sel` was taken back: tokens that begin with it, or are a part of it, may come.
        Prompt { n_fixed: tokens.len(), tokens, unforced: "sel".into(), ..Prompt::default() }
    });
    let _ticket = engine.submit(Job { n_first_tokens: 5, ..job });
    let made = result.recv().unwrap();
    assert!(
        made.first_tokens.iter().any(|first_token| first_token.text == "f"),
        "{:?}",
        made.first_tokens
    );
    assert!(made.text.starts_with('f'), "{:?}", made.text);
    assert!(made.first_tokens.iter().all(|first_token| !first_token.text.starts_with("sel")));
}
