//! Jobs for the toy, shared by the tests of the engine.

use std::sync::mpsc::{Receiver, channel};

use lowkey_engine::{Engine, Generated, Job, LoadError, Loaded, Ticket};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, Prompt};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

/// Some Rust.
pub(crate) const CODE: &str = "use std::collections::HashMap;\n\npub struct Index {\n    words: HashMap<String, usize>,\n}\n\nimpl Index {\n    pub fn count(&self, word: &str) -> usize {\n        self.words.get(word).copied().unwrap_or(0)\n    }\n\n";

/// Loads the toy on two threads.
pub(crate) fn load(progress: &mut dyn FnMut(f32)) -> Result<Loaded, LoadError> {
    let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).map_err(|e| e.to_string())?;
    Loaded::from_file(&file, 2, progress)
}

/// A job that prompts with the tokens of `text`, and the way its result comes back.
pub(crate) fn job(text: &str, max_tokens: usize) -> (Job, Receiver<Generated>) {
    let text = text.to_owned();
    job_of(max_tokens, move |assembler| {
        let tokens = assembler.tokenizer().encode(&text);
        Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() }
    })
}

/// A job with a prompt of one's own.
pub(crate) fn job_of(
    max_tokens: usize,
    prepare: impl FnOnce(&Assembler) -> Prompt + Send + 'static,
) -> (Job, Receiver<Generated>) {
    let (to_test, result) = channel();
    let done = move |made| to_test.send(made).unwrap();
    let job = Job { max_tokens, ..Job::prefill(|assembler| Some(prepare(assembler)), done) };
    (job, result)
}

/// Runs a job to its end.
pub(crate) fn run(engine: &Engine, text: &str) -> Generated {
    let (job, result) = job(text, 12);
    let _ticket: Ticket = engine.submit(job);
    result.recv().unwrap()
}
