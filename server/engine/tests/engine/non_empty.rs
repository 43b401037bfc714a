//! A decoding that must write something: until it has, it takes neither a blank line nor an end, even if the model
//! prefers one.

use std::sync::Arc;

use lowkey_engine::{Engine, Generated, Job, Loaded, Sampling};
use lowkey_model::CausalLm;
use lowkey_prompt::{Assembler, Prompt, TokenId};
use lowkey_test_support::hooked_model::{Forward, ModelWithHook};

use crate::jobs;

/// How much likelier the network finds it to write nothing.
const PREFERENCE: f32 = 40.0;

/// The embedded network, which would rather end a line or the text than write.
fn silent(loaded: Loaded) -> Loaded {
    let tokenizer = Arc::clone(loaded.assembler.tokenizer());
    let ends = loaded.assembler.format().end_tokens().to_vec();
    let writes_nothing = |id: &TokenId| {
        let text = tokenizer.decode(&[*id]);
        ends.contains(id) || (text.contains('\n') && text.trim().is_empty())
    };
    let preferred: Vec<TokenId> =
        (0..tokenizer.vocab_size() as TokenId).filter(writes_nothing).collect();
    assert!(preferred.len() > 2, "line ends and end tokens");
    let hook = move |network: &mut dyn CausalLm, forward: Forward<'_>| {
        let Forward { tokens, cache, mode, logits, cancelled } = forward;
        let whole = network.forward(tokens, cache, mode, logits, cancelled)?;
        for row in logits.chunks_exact_mut(network.config().vocab) {
            for &id in &preferred {
                row[id as usize] += PREFERENCE;
            }
        }
        Ok(whole)
    };
    Loaded { model: Box::new(ModelWithHook { network: loaded.model, hook }), ..loaded }
}

fn engine(healed: bool, speculates: bool) -> Engine {
    let load = move |progress: &mut dyn FnMut(f32)| {
        let loaded = silent(jobs::load(progress)?);
        let format = loaded.assembler.format().clone().with_healing(healed);
        let tokenizer = Arc::clone(loaded.assembler.tokenizer());
        Ok(Loaded { assembler: Arc::new(Assembler::new(tokenizer, format)), speculates, ..loaded })
    };
    Engine::start(64 << 20, load).unwrap()
}

/// Asks for the line after `before`; the text `taken_back` is to be spelled first.
fn ask(
    engine: &Engine,
    before: &str,
    taken_back: &str,
    change: impl FnOnce(Job) -> Job,
) -> Generated {
    let (text, unforced) = (format!("{}{before}", jobs::CODE), taken_back.to_owned());
    let (job, result) = jobs::job_of(12, move |assembler| {
        let tokens = assembler.tokenizer().encode(&text);
        Prompt { n_fixed: tokens.len(), tokens, unforced, ..Prompt::default() }
    });
    let _ticket = engine.submit(change(Job { requires_text: true, ..job }));
    result.recv().unwrap()
}

/// What was written before the first line end.
fn first_line(made: &Generated) -> &str {
    made.text.split('\n').next().unwrap()
}

#[test]
fn text_comes_before_a_line_end() {
    let engine = engine(false, true);
    let free = ask(&engine, "    pub fn len", "", |job| Job { requires_text: false, ..job });
    assert!(free.text.trim().is_empty(), "the network prefers silence: {:?}", free.text);
    assert_eq!(free.masked_probability, 0.0);
    let made = ask(&engine, "    pub fn len", "", |job| job);
    assert!(!first_line(&made).trim().is_empty(), "{:?}", made.text);
    assert!(made.masked_probability > 0.99, "{}", made.masked_probability);
}

#[test]
fn what_was_ruled_out_lowers_the_log_probability() {
    let made = ask(&engine(false, true), "    pub fn len", "", |job| job);
    let least = made.log_probs.iter().copied().fold(f32::INFINITY, f32::min);
    assert!(made.log_probs[0] < -20.0 && least == made.log_probs[0], "{:?}", made.log_probs);
}

#[test]
fn a_healed_blank_may_not_become_a_line_end() {
    let engine = engine(true, true);
    for taken_back in [" ", "    "] {
        let made = ask(&engine, "    pub fn len(&self) -> usize {\n", taken_back, |job| job);
        assert!(!first_line(&made).trim().is_empty(), "{taken_back:?}: {:?}", made.text);
    }
}

#[test]
fn drafts_reuse_and_sampling_change_nothing_of_it() {
    let drafting = engine(false, true);
    let cold = ask(&drafting, "    pub fn len", "", |job| job);
    let warm = ask(&drafting, "    pub fn len", "", |job| job);
    let plain = ask(&engine(false, false), "    pub fn len", "", |job| job);
    assert_eq!((&cold.text, &cold.log_probs), (&warm.text, &warm.log_probs));
    assert_eq!((&cold.text, &cold.log_probs), (&plain.text, &plain.log_probs));
    for seed in 0..8 {
        let sampling = Sampling { temperature: 1.0, seed, ..Sampling::default() };
        let drawn = ask(&drafting, "    pub fn len", "", |job| Job { sampling, ..job });
        assert!(!first_line(&drawn).trim().is_empty(), "seed {seed}: {:?}", drawn.text);
    }
}

#[test]
fn a_text_that_is_refused_whole_is_begun_again() {
    let engine = engine(false, true);
    let first = ask(&engine, "    pub fn len", "", |job| job);
    let refused = first_line(&first).to_owned();
    let again = ask(&engine, "    pub fn len", "", |job| {
        let refused = refused.clone();
        let stop = move |text: &str| text.starts_with(&refused).then_some(("suffix", 0));
        Job { stop: Box::new(stop), ..job }
    });
    assert!(again.retried && !first.retried);
    assert!(!again.text.is_empty() && !again.text.starts_with(&refused), "{:?}", again.text);
    // Its first token is less probable than the refused one, by the distribution that both were chosen from.
    assert!(
        again.log_probs[0] <= first.log_probs[0],
        "{:?} {:?}",
        again.log_probs,
        first.log_probs
    );
}
