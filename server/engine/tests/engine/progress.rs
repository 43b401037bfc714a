//! A fast typist on a slow machine: keys come faster than chunks are computed, and answers come all the same.
//!
//! The toy's network, slowed down by a gate: a forward waits until the test lets it go on.

use std::sync::mpsc::{Receiver, Sender, channel};

use lowkey_engine::{Engine, Generated, Job, Loaded, Priority, Stop, Ticket};
use lowkey_model::CausalLm;
use lowkey_prompt::{Assembler, Prompt};
use lowkey_test_support::hooked_model::{Forward, ModelWithHook};

use crate::jobs;

/// What the prompts of this test are made of.
const REPEATED: u32 = 7;

/// Longer than the measurement at the start, shorter than two of the smallest chunks on a slow machine.
const PROMPT_TOKENS: usize = 600;

/// A job of the same token over and over.
fn job(priority: Priority, n_tokens: usize) -> (Job, Receiver<Generated>) {
    let prepare = move |_: &Assembler| Prompt {
        tokens: vec![REPEATED; n_tokens],
        n_fixed: n_tokens,
        ..Prompt::default()
    };
    let (job, result) = jobs::job_of(1, prepare);
    (Job { priority, ..job }, result)
}

/// An engine with a gate: it reports each chunk's begin and waits for permission.
fn gated() -> (Engine, Receiver<usize>, Sender<()>) {
    let (to_test, begun) = channel();
    let (give_leave, leave) = channel();
    // Forwards at the start measure the speed, with another token: they pass.
    let mut is_open = true;
    let hook = move |network: &mut dyn CausalLm, forward: Forward<'_>| {
        let Forward { tokens, cache, mode, logits, cancelled } = forward;
        let is_long = tokens.len() >= 16;
        is_open &= !is_long || tokens.iter().any(|token| *token != REPEATED);
        if !is_open && is_long {
            to_test.send(tokens.len()).unwrap();
            // No more permissions come once the test has ended.
            let _ = leave.recv();
        }
        network.forward(tokens, cache, mode, logits, cancelled)
    };
    let load = move |progress: &mut dyn FnMut(f32)| {
        let loaded = jobs::load(progress)?;
        Ok(Loaded { model: Box::new(ModelWithHook { network: loaded.model, hook }), ..loaded })
    };
    (Engine::start(64 << 20, load).unwrap(), begun, give_leave)
}

#[test]
fn keys_that_come_within_a_chunk_bring_their_prompt_forward_one_chunk_each() {
    let (engine, begun, give_leave) = gated();
    let mut n_done = 0;
    let (mut ticket, mut result): (Option<Ticket>, Option<Receiver<Generated>>) = (None, None);
    for key in 0.. {
        let (job, next_result) = job(Priority::Interactive, PROMPT_TOKENS + key);
        let next_ticket = engine.submit(job);
        if let (Some(superseded), Some(result)) =
            (ticket.replace(next_ticket), result.replace(next_result))
        {
            // The key before is superseded in the middle of its chunk; the chunk is finished nevertheless.
            drop(superseded);
            give_leave.send(()).unwrap();
            let made = result.recv().unwrap();
            assert_eq!((made.stop, made.tokens.reused), (Stop::Cancelled, n_done), "key {key}");
            assert!(made.tokens.prefilled > 0, "key {key} was for nothing");
            n_done += made.tokens.prefilled;
        }
        if n_done + 16 >= PROMPT_TOKENS {
            break;
        }
        assert!(key < PROMPT_TOKENS, "no key brings the prompt forward");
        begun.recv().unwrap();
    }
    // The user has stopped typing: the last key gets its answer and computes the rest.
    drop(give_leave);
    let made = result.unwrap().recv().unwrap();
    assert!(made.tokens.reused >= n_done, "{:?} after {n_done}", made.tokens);
    assert!(made.stop == Stop::Limit || made.stop == Stop::EndToken, "{:?}", made.stop);
}

#[test]
fn a_chunk_that_looks_ahead_is_dropped_for_a_key() {
    let (engine, begun, give_leave) = gated();
    let (ahead, ahead_result) = job(Priority::Background, PROMPT_TOKENS);
    let _ahead_ticket = engine.submit(ahead);
    begun.recv().unwrap();
    let (key, key_result) = job(Priority::Interactive, 8);
    let _key_ticket = engine.submit(key);
    give_leave.send(()).unwrap();
    let made = ahead_result.recv().unwrap();
    assert_eq!((made.stop, made.tokens.prefilled), (Stop::Preempted, 0));
    assert_eq!(key_result.recv().unwrap().tokens.prompt, 8);
}
