//! Jobs for the toy, shared by the tests of the engine.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use lowkey_engine::{Engine, Generated, Job, LoadFailed, Loaded, Priority, Sampling, Ticket};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, Prompt};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

/// Some Rust.
pub(crate) const CODE: &str = "use std::collections::HashMap;\n\npub struct Index {\n    words: HashMap<String, usize>,\n}\n\nimpl Index {\n    pub fn count(&self, word: &str) -> usize {\n        self.words.get(word).copied().unwrap_or(0)\n    }\n\n";

/// Loads the toy on two threads.
pub(crate) fn load(progress: &mut dyn FnMut(f32)) -> Result<Loaded, LoadFailed> {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).map_err(|e| e.to_string())?;
    Loaded::from_file(&file, 2, progress)
}

/// A job that prompts with the tokens of `text`, and the way its result comes back.
pub(crate) fn job(document: &str, text: &str, max_tokens: usize) -> (Job, Receiver<Generated>) {
    let text = text.to_owned();
    job_of(document, max_tokens, move |assembler| {
        let tokens = assembler.tokenizer().encode(&text);
        Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() }
    })
}

/// A job with a prompt of one's own.
pub(crate) fn job_of(
    document: &str,
    max_tokens: usize,
    prepare: impl FnOnce(&Assembler) -> Prompt + Send + 'static,
) -> (Job, Receiver<Generated>) {
    let (to_test, result) = channel();
    let job = Job {
        document: Arc::from(document),
        priority: Priority::Interactive,
        prepare: Box::new(|assembler| Some(prepare(assembler))),
        max_tokens,
        first: None,
        n_openings: 0,
        must_write: false,
        second: None,
        sampling: Sampling::default(),
        stop: Box::new(|_| None),
        on_text: Box::new(|_| {}),
        done: Box::new(move |made| to_test.send(made).unwrap()),
        persists: true,
        asked: Instant::now(),
    };
    (job, result)
}

/// Runs a job to its end.
pub(crate) fn run(engine: &Engine, document: &str, text: &str) -> Generated {
    let (job, result) = job(document, text, 12);
    let _ticket: Ticket = engine.submit(job);
    result.recv().unwrap()
}
