//! Texts that the model judges.

use std::sync::mpsc::{Receiver, channel};

use lowkey_engine::{Engine, Judged, JudgementJob, Stop, Ticket};

use crate::jobs::{CODE, job, load, run};

fn judge(engine: &Engine, prefix: &str, texts: &[&str]) -> (Ticket, Receiver<Option<Judged>>) {
    let (to_test, result) = channel();
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    let done = Box::new(move |judged| to_test.send(judged).unwrap());
    (engine.judge(JudgementJob { prefix: prefix.to_owned(), texts, done }), result)
}

fn judged(engine: &Engine, prefix: &str, texts: &[&str]) -> Judged {
    let (_ticket, result) = judge(engine, prefix, texts);
    result.recv().unwrap().unwrap()
}

fn log_probs(judged: &Judged, text: usize) -> Vec<f32> {
    judged.texts[text].iter().map(|token| token.log_prob).collect()
}

#[test]
fn shared_beginnings_and_cached_prefixes_change_no_log_prob() {
    let engine: Engine = Engine::start(1 << 20, load).unwrap();
    let texts = ["    pub fn count(&self)\n", "    pub fn sum(&self)\n", "let"];
    let together = judged(&engine, CODE, &texts);
    assert_eq!(together.n_reused, 0);
    for (idx, text) in texts.iter().enumerate() {
        let alone = judged(&engine, CODE, &[text]);
        assert_eq!(log_probs(&alone, 0), log_probs(&together, idx), "{text}");
        assert!(alone.n_reused > 0, "the prefix is in the session");
        let n_bytes: usize = alone.texts[0].iter().map(|token| token.n_bytes).sum();
        assert_eq!(n_bytes, text.len());
    }
}

#[test]
fn decoded_text_has_the_log_probs_of_its_decoding() {
    let engine: Engine = Engine::start(1 << 20, load).unwrap();
    let made = run(&engine, CODE);
    let texts = judged(&engine, CODE, &[&made.text, "\u{20ac}\u{20ac}"]);
    let mean = |idx: usize| {
        let found = log_probs(&texts, idx);
        found.iter().sum::<f32>() / found.len() as f32
    };
    assert!(mean(0) > mean(1), "the model's own text is more probable");
}

#[test]
fn judgement_leaves_the_sessions_of_jobs_alone() {
    let engine: Engine = Engine::start(1 << 20, load).unwrap();
    let first = run(&engine, CODE);
    judged(&engine, "fn other() {\n", &["}\n", "return\n"]);
    let again = run(&engine, CODE);
    assert_eq!(again.tokens.reused, first.tokens.prompt - 1, "the prompt is still cached");
}

#[test]
fn jobs_go_first_and_every_judgement_is_answered() {
    let engine: Engine = Engine::start(1 << 20, load).unwrap();
    let waiting: Vec<_> = (0..4).map(|_| judge(&engine, CODE, &["a\n", "b\n"])).collect();
    let (job, result) = job(CODE, 4);
    let _ticket = engine.submit(job);
    assert_ne!(result.recv().unwrap().stop, Stop::Cancelled);
    for (ticket, judged) in waiting {
        assert!(judged.recv().unwrap().is_some());
        drop(ticket);
    }
    let (ticket, cancelled) = judge(&engine, CODE, &["a\n"]);
    ticket.cancel();
    // It may be done already.
    let _ = cancelled.recv().unwrap();
    engine.shutdown();
    let (_ticket, refused) = judge(&engine, CODE, &["a\n"]);
    assert_eq!(refused.recv().unwrap(), None);
}

#[test]
fn text_without_tokens_or_too_long_is_not_judged() {
    let engine: Engine = Engine::start(1 << 20, load).unwrap();
    let long = "word ".repeat(2000);
    for texts in [&["a\n", ""][..], &["a\n", long.as_str()][..], &[][..]] {
        let (_ticket, result) = judge(&engine, CODE, texts);
        assert_eq!(result.recv().unwrap(), None);
    }
}
