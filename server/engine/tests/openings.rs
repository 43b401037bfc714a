//! How a decoding might begin: the first tokens that the model finds most probable.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

use std::sync::Arc;

use lowkey_engine::{Engine, Generated, Job, Loaded};
use lowkey_prompt::{Assembler, Prompt};

#[path = "support/jobs.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod jobs;

fn made(engine: &Engine, n_openings: usize) -> Generated {
    let (job, result) =
        jobs::job(&format!("{}    pub fn total(&self) -> usize {{\n        self.", jobs::CODE), 4);
    let _ticket = engine.submit(Job { n_openings, ..job });
    result.recv().unwrap()
}

#[test]
fn the_most_probable_opening_is_what_decoding_begins_with() {
    let engine = Engine::start(64 << 20, jobs::load).unwrap();
    let plain = made(&engine, 0);
    assert!(plain.openings.is_empty(), "nobody asked");
    let asked = made(&engine, 5);
    assert_eq!((&asked.text, &asked.log_probs), (&plain.text, &plain.log_probs));
    let openings = asked.openings;
    assert!((2..=5).contains(&openings.len()), "{openings:?}");
    assert!(plain.text.starts_with(&openings[0].text), "{openings:?} {:?}", plain.text);
    assert!(openings.is_sorted_by(|a, b| a.log_prob >= b.log_prob), "{openings:?}");
    assert!((openings[0].log_prob - plain.log_probs[0]).abs() < 1e-6, "{openings:?}");
    assert!(openings.iter().all(|opening| !opening.text.is_empty()));
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
    let _ticket = engine.submit(Job { n_openings: 5, ..job });
    let made = result.recv().unwrap();
    assert!(made.openings.iter().any(|opening| opening.text == "f"), "{:?}", made.openings);
    assert!(made.text.starts_with('f'), "{:?}", made.text);
    assert!(made.openings.iter().all(|opening| !opening.text.starts_with("sel")));
}
