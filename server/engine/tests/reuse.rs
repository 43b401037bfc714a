//! Sessions, cancellation and priorities with a real model, the toy.
//!
//! Counts of tokens are asserted, never times.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use lowkey_engine::{Engine, Priority, Stop};

#[path = "support/jobs.rs"]
mod jobs;

use jobs::{CODE, job, load, run};

fn start(session_bytes: usize) -> Engine {
    Engine::start(session_bytes, load).unwrap()
}

#[test]
fn a_warm_session_gives_the_text_of_a_cold_one_and_prefills_the_difference_only() {
    let warm = start(64 << 20);
    let mut text = CODE.to_owned();
    run(&warm, &text);
    for typed in ["    pub", " fn", " is_", "empty", "(&self", ") -> bool", " {\n        self."] {
        text.push_str(typed);
        let from_warm = run(&warm, &text);
        let from_cold = run(&start(64 << 20), &text);
        assert_eq!(from_warm.text, from_cold.text, "after {typed:?}");
        assert_eq!(from_warm.log_probs, from_cold.log_probs, "after {typed:?}");
        assert_eq!(from_cold.tokens.reused, 0);
        assert_eq!(from_warm.tokens.prompt, from_cold.tokens.prompt);
        assert!(from_warm.tokens.prefilled <= 8, "{:?} after {typed:?}", from_warm.tokens);
    }
}

#[test]
fn deleting_what_was_typed_costs_one_token() {
    let engine = start(64 << 20);
    run(&engine, CODE);
    run(&engine, &format!("{CODE}    pub fn longer"));
    let back = run(&engine, CODE);
    // The last token of the prompt is always computed, because its logits are wanted.
    assert_eq!(back.tokens.prefilled, 1);
}

#[test]
fn a_jump_elsewhere_and_back_finds_the_old_session() {
    let engine = start(64 << 20);
    let elsewhere = CODE.lines().rev().collect::<Vec<_>>().join("\n");
    let first = run(&engine, CODE);
    run(&engine, &elsewhere);
    let back = run(&engine, CODE);
    assert_eq!(back.tokens.prefilled, 1);
    assert_eq!(back.text, first.text);
}

#[test]
fn the_byte_budget_evicts_the_oldest_session() {
    // One session of 512 tokens takes a megabyte with this model: there is room for one.
    let engine = start(1 << 20);
    let elsewhere = CODE.lines().rev().collect::<Vec<_>>().join("\n");
    run(&engine, CODE);
    run(&engine, &elsewhere);
    let back = run(&engine, CODE);
    assert_eq!(back.tokens.prefilled, back.tokens.prompt);
}

#[test]
fn a_cancelled_job_stops_within_a_token_and_both_are_answered() {
    let engine = start(64 << 20);
    let (mut first, first_result) = job(CODE, 1_000_000);
    let decoding = Arc::new(Barrier::new(2));
    let released = Arc::new(AtomicBool::new(false));
    first.on_text = Box::new({
        let (decoding, released) = (Arc::clone(&decoding), Arc::clone(&released));
        move |_| {
            // Holds the first job in its first token until the second was submitted.
            if !released.swap(true, Ordering::SeqCst) {
                decoding.wait();
                decoding.wait();
            }
        }
    });
    let first_ticket = engine.submit(first);
    decoding.wait();
    first_ticket.cancel();
    let (second, second_result) = job(CODE, 4);
    let _second_ticket = engine.submit(second);
    decoding.wait();
    let stopped = first_result.recv().unwrap();
    assert_eq!(stopped.stop, Stop::Cancelled);
    assert_eq!(stopped.tokens.decoded, 1, "it stops within one token");
    let made = second_result.recv().unwrap();
    assert_eq!(made.tokens.prefilled, 1, "what the stopped job computed is reused");
    assert!(first_result.recv().is_err(), "answered exactly once");
}

#[test]
fn jobs_do_not_stop_each_other() {
    let engine = start(64 << 20);
    let (a, a_result) = job(CODE, 8);
    let (b, b_result) = job(CODE, 8);
    let tickets = (engine.submit(a), engine.submit(b));
    let (a, b) = (a_result.recv().unwrap(), b_result.recv().unwrap());
    assert_ne!(a.stop, Stop::Cancelled);
    assert_eq!(a.text, b.text);
    drop(tickets);
}

#[test]
fn a_background_job_gives_way_within_a_token_and_does_not_spoil_the_live_session() {
    let engine = start(64 << 20);
    let live = run(&engine, CODE);
    let (mut ahead, ahead_result) = job(&format!("{CODE}{}", live.text), 1_000_000);
    ahead.priority = Priority::Background;
    let decoding = Arc::new(Barrier::new(2));
    let released = Arc::new(AtomicBool::new(false));
    ahead.on_text = Box::new({
        let (decoding, released) = (Arc::clone(&decoding), Arc::clone(&released));
        move |_| {
            if !released.swap(true, Ordering::SeqCst) {
                decoding.wait();
                decoding.wait();
            }
        }
    });
    let _ahead_ticket = engine.submit(ahead);
    decoding.wait();
    let (next, next_result) = job(CODE, 4);
    let _next_ticket = engine.submit(next);
    decoding.wait();
    let stopped = ahead_result.recv().unwrap();
    assert_eq!(stopped.stop, Stop::Preempted);
    assert_eq!(stopped.tokens.decoded, 1);
    assert_eq!(next_result.recv().unwrap().tokens.prefilled, 1);
}

#[test]
fn dropping_the_ticket_cancels_and_shutting_down_answers_all() {
    let engine = start(64 << 20);
    let (first, first_result) = job(CODE, 1_000_000);
    drop(engine.submit(first));
    assert_eq!(first_result.recv().unwrap().stop, Stop::Cancelled);
    let (second, second_result) = job(CODE, 1_000_000);
    let ticket = engine.submit(second);
    engine.shutdown();
    let stop = second_result.recv().unwrap().stop;
    assert!(matches!(stop, Stop::Cancelled | Stop::EndToken | Stop::Limit), "{stop:?}");
    drop(ticket);
    let (late, late_result) = job(CODE, 4);
    let _late_ticket = engine.submit(late);
    assert_eq!(late_result.recv().unwrap().stop, Stop::Cancelled);
}

#[test]
fn a_model_that_fails_to_load_answers_every_job() {
    let engine = Engine::start(1 << 20, |_| Err("no such file".to_owned())).unwrap();
    let (job, result) = job(CODE, 4);
    let _ticket = engine.submit(job);
    assert_eq!(result.recv().unwrap().stop, Stop::Failed);
}
