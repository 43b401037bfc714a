//! A line decoded once more with one token changed: the more probable one is the result, and the cost is bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lowkey_engine::{Engine, Generated, Job, Loaded, Partial, Sampling};

use crate::jobs;

/// Beginnings of lines that follow [`jobs::CODE`].
const BEGINNINGS: &[&str] = &[
    "    pub fn len",
    "    pub fn get(&self, word: &str) ->",
    "    pub fn new() -> Self {\n        Self",
    "    fn add(&mut self, word",
    "    pub fn words(&self) -> Vec<",
    "    pub fn is_empty(&self) -> bool {\n        self.",
    "    // ",
    "    pub const SIZE: usize = ",
    "    pub fn find(&self, word: &str) {\n        for",
    "    pub fn clear(&mut self) {\n        ",
];

fn engine(speculates: bool) -> Engine {
    let load = move |progress: &mut dyn FnMut(f32)| {
        let loaded = jobs::load(progress)?;
        Ok(Loaded { speculates, ..loaded })
    };
    Engine::start(64 << 20, load).unwrap()
}

/// Asks for the rest of a line.
fn ask(engine: &Engine, before: &str, change: impl FnOnce(Job) -> Job) -> Generated {
    let (job, result) = jobs::job(&format!("{}{before}", jobs::CODE), 48);
    let stop = |text: &str| text.find('\n').map(|at| ("newline", at));
    let _ticket = engine.submit(change(Job { stop: Box::new(stop), ..job }));
    result.recv().unwrap()
}

fn twice(job: Job) -> Job {
    Job { branch_while: Some(Box::new(|| true)), ..job }
}

fn sum(made: &Generated) -> f32 {
    made.log_probs.iter().sum()
}

#[test]
fn the_more_probable_line_is_the_result() {
    let engine = engine(true);
    let mut n_branched = 0;
    for before in BEGINNINGS {
        let once = ask(&engine, before, |job| job);
        let second = ask(&engine, before, twice);
        assert!(!once.branched);
        if second.branched {
            n_branched += 1;
            assert!(sum(&second) > sum(&once) + 1.0, "{before:?}: {once:?} {second:?}");
            assert_eq!(second.log_probs[0], once.log_probs[0], "the first token stays");
            assert!(!second.text.contains('\n') && !second.text.trim().is_empty());
        } else {
            assert_eq!((&second.text, &second.log_probs), (&once.text, &once.log_probs));
        }
        let more = second.tokens.decoded - once.tokens.decoded;
        assert!(more <= 16, "{before:?}: {more} tokens more");
    }
    assert!(n_branched > 0, "the most probable token was right everywhere");
}

#[test]
fn drafts_and_reuse_change_nothing_of_it() {
    let (drafting, plain) = (engine(true), engine(false));
    for before in BEGINNINGS {
        let cold = ask(&drafting, before, twice);
        let warm = ask(&drafting, before, twice);
        let plain = ask(&plain, before, twice);
        assert_eq!((&cold.text, &cold.log_probs), (&warm.text, &warm.log_probs), "{before:?}");
        assert_eq!((&cold.text, &cold.log_probs), (&plain.text, &plain.log_probs), "{before:?}");
    }
}

#[test]
fn what_is_not_wanted_or_drawn_is_decoded_once() {
    let engine = engine(true);
    for before in BEGINNINGS {
        let once = ask(&engine, before, |job| job);
        let unwanted =
            ask(&engine, before, |job| Job { branch_while: Some(Box::new(|| false)), ..job });
        assert_eq!((&unwanted.text, unwanted.branched), (&once.text, false), "{before:?}");
        let sampling = Sampling { temperature: 0.5, ..Sampling::default() };
        let drawn = ask(&engine, before, |job| twice(Job { sampling, ..job }));
        assert!(!drawn.branched, "{before:?}");
    }
}

#[test]
fn the_first_line_is_told_as_whole_before_the_second_is_decoded() {
    let engine = engine(true);
    let told = Arc::new(AtomicUsize::new(0));
    let mut n_branched = 0;
    for before in BEGINNINGS {
        let n_told = Arc::clone(&told);
        let on_text = move |partial: &Partial<'_>| {
            n_told.fetch_add(usize::from(partial.is_whole), Ordering::Relaxed);
        };
        let made = ask(&engine, before, |job| Job { on_text: Box::new(on_text), ..twice(job) });
        n_branched += usize::from(made.branched);
    }
    let n_told = told.load(Ordering::Relaxed);
    assert!(n_branched <= n_told && n_told < BEGINNINGS.len(), "{n_branched}, {n_told}");
}
