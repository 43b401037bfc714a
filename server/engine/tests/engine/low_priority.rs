//! An engine at low priority next to one that goes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lowkey_engine::{Engine, EngineOptions, Loaded, Stop};
use lowkey_test_support::hooked_model::{Forward, ModelWithHook};

use crate::jobs::{CODE, job, load, run};

/// The tokens of the prompt; the engine measures the speed with other numbers of them.
const N_PROMPT: usize = 2;

#[test]
fn low_priority_job_waits_between_layers_and_loses_nothing() {
    let first = Arc::new(Engine::start(64 << 20, load).unwrap());
    // A job ends, so the engine has loaded.
    run(&first, "fn");
    let has_ended = Arc::<AtomicBool>::default();
    let (ended, of_first) = (Arc::clone(&has_ended), Arc::clone(&first));
    let options = EngineOptions {
        session_bytes: 64 << 20,
        after: Some(Arc::clone(first.activity())),
        ..EngineOptions::default()
    };
    let second = Engine::start_with_options(options, move |progress| {
        let loaded = load(progress)?;
        let mut is_measured = false;
        let hook = move |network: &mut dyn lowkey_model::CausalLm, forward: Forward<'_>| {
            let Forward { tokens, cache, mode, logits, cancelled } = forward;
            // The engine measures the model's speed with its first forwards.
            is_measured |= tokens.len() == N_PROMPT;
            if !is_measured {
                return network.forward(tokens, cache, mode, logits, cancelled);
            }
            // A key arrives in the middle of this forward.
            ended.store(false, Ordering::SeqCst);
            let (mut key, _result) = job(CODE, 12);
            let at_end = Arc::clone(&ended);
            key.done = Box::new(move |_| at_end.store(true, Ordering::SeqCst));
            let _ticket = of_first.submit(key);
            let whole = network.forward(tokens, cache, mode, logits, cancelled);
            assert!(ended.load(Ordering::SeqCst), "the first engine's job goes first");
            whole
        };
        Ok(Loaded { model: Box::new(ModelWithHook { network: loaded.model, hook }), ..loaded })
    });
    let made = run(&second.unwrap(), "let a");
    assert!(has_ended.load(Ordering::SeqCst));
    let alone = run(&Engine::start(64 << 20, load).unwrap(), "let a");
    assert_ne!(made.stop, Stop::Failed);
    assert_eq!((made.text, made.log_probs), (alone.text, alone.log_probs));
}
