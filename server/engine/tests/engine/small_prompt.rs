//! A small prompt at a cold place, and the whole one after it, with a real model, the toy.
//!
//! Counts of tokens are asserted, never times.

use std::thread::yield_now;

use lowkey_engine::{Engine, Generated, Job, Priority, SmallPrompt, Stop, Ticket};
use lowkey_prompt::Prompt;

use crate::jobs::{CODE, job, load, run};

const SMALL: &str = "impl Index {\n    pub fn ";
const MAX_MISSING: usize = 24;

fn start() -> Engine {
    Engine::start(64 << 20, load).unwrap()
}

/// Asks `text`, or `small` where too much of it is missing; with the ticket that keeps the rest wanted.
fn ask(engine: &Engine, text: &str, small: &'static str) -> (Generated, Ticket) {
    let (job, result) = job(text, 12);
    let small_prompt = SmallPrompt {
        prepare: Box::new(move |assembler| {
            let tokens = assembler.tokenizer().encode(small);
            Some(Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() })
        }),
        max_missing: MAX_MISSING,
    };
    let ticket = engine.submit(Job { small_prompt: Some(small_prompt), ..job });
    (result.recv().unwrap(), ticket)
}

fn wait_for_background_prefill(engine: &Engine) {
    while engine.is_prefilling() {
        yield_now();
    }
}

#[test]
fn a_cold_place_is_answered_from_the_small_prompt_and_a_warm_one_from_the_whole() {
    let engine = start();
    let text = format!("{CODE}    pub fn ");
    let (cold, _ticket) = ask(&engine, &text, SMALL);
    assert!(cold.used_small_prompt);
    assert_eq!(cold.text, run(&start(), SMALL).text, "the small prompt as it is by itself");
    wait_for_background_prefill(&engine);
    let (warm, _ticket) = ask(&engine, &text, SMALL);
    let whole = run(&start(), &text);
    assert!(!warm.used_small_prompt);
    assert_eq!((&warm.text, &warm.log_probs), (&whole.text, &whole.log_probs));
    assert_eq!(warm.tokens.prefilled, 1, "all but the last token was computed ahead");
    // The last token of a prompt counts as computed, too: here and there the same number.
    assert_eq!(engine.n_background_prefilled(), whole.tokens.prompt as u64);
}

#[test]
fn a_small_prompt_that_saves_nothing_is_not_asked() {
    let engine = start();
    assert!(!ask(&engine, SMALL, CODE).0.used_small_prompt, "little is missing");
    assert!(!ask(&engine, CODE, CODE).0.used_small_prompt, "it is no smaller");
    assert!(
        !ask(&engine, &format!("{CODE}x"), SMALL).0.used_small_prompt,
        "only its end is missing"
    );
    assert!(!engine.is_prefilling());
}

#[test]
fn only_the_newest_place_is_computed_ahead_and_a_cancelled_one_is_not() {
    let engine = start();
    drop(ask(&engine, CODE, SMALL));
    wait_for_background_prefill(&engine);
    let n_before = engine.n_background_prefilled();
    let elsewhere = CODE.lines().rev().collect::<Vec<_>>().join("\n");
    let (cold, _ticket) = ask(&engine, &elsewhere, SMALL);
    assert!(cold.used_small_prompt);
    wait_for_background_prefill(&engine);
    let whole = run(&start(), &elsewhere).tokens.prompt as u64;
    assert!(engine.n_background_prefilled() - n_before <= whole);
    assert!(!ask(&engine, &elsewhere, SMALL).0.used_small_prompt);
}

#[test]
fn the_whole_prompt_is_computed_though_its_small_one_is_interrupted() {
    let engine = start();
    let (whole, small) = (CODE.repeat(6), CODE.repeat(5));
    let (job, result) = job(&whole, 0);
    let small_prompt = SmallPrompt {
        prepare: Box::new(move |assembler| {
            let tokens = assembler.tokenizer().encode(&small[1..]);
            Some(Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() })
        }),
        max_missing: MAX_MISSING,
    };
    let ticket = engine.submit(Job {
        priority: Priority::Background,
        small_prompt: Some(small_prompt),
        ..job
    });
    run(&engine, SMALL);
    result.recv().unwrap();
    wait_for_background_prefill(&engine);
    assert_eq!(run(&engine, &whole).tokens.prefilled, 1);
    drop(ticket);
}

#[test]
fn what_is_only_prefilled_goes_on_after_an_interruption() {
    let engine = start();
    let long = CODE.repeat(12);
    let (job, result) = job(&long, 0);
    let ticket = engine.submit(Job { priority: Priority::Background, ..job });
    // Whether it is interrupted or not, in the end everything is there.
    let between = run(&engine, SMALL);
    assert!(matches!(between.stop, Stop::Limit | Stop::EndToken));
    assert!(matches!(result.recv().unwrap().stop, Stop::Limit | Stop::Preempted));
    wait_for_background_prefill(&engine);
    let made = run(&engine, &long);
    assert_eq!(made.tokens.prefilled, 1);
    drop(ticket);
}
