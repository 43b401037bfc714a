//! What is asked of the engine and what comes back.
//!
//! A job carries closures instead of data of other crates: `prepare` builds the
//! prompt on the worker thread (tokenizing does not belong on the message path),
//! `stop` looks at the text after every token, `on_text` sees partial results.
//!
//! `R` is the caller's type for why a stop rule ended a decoding. The engine hands it back in [`Stop::Rule`] and never
//! looks into it; by default it is the rule's name.

use std::time::Instant;

use lowkey_prompt::{Assembler, Prompt};

use crate::openings::Opening;
use crate::sampling::Sampling;

/// Builds the prompt on the worker thread; `None` when there is nothing to ask.
pub type Preparation = Box<dyn FnOnce(&Assembler) -> Option<Prompt> + Send>;

/// Looks at the decoded text so far; `Some((reason, keep_bytes))` ends the decoding.
pub type StopCheck<R> = Box<dyn FnMut(&str) -> Option<(R, usize)> + Send>;

/// Which jobs may make others wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Looking ahead: gives way within one token to anything interactive.
    Background,
    /// Somebody waits at the keyboard.
    Interactive,
}

/// A small prompt, asked where the job's own would take too long.
pub struct First {
    /// Builds it on the worker thread.
    pub prepare: Preparation,
    /// It is asked where more tokens than these are missing of the job's own prompt.
    pub most_missing: usize,
}

/// One generation.
pub struct Job<R = &'static str> {
    /// Whether a request waits for it.
    pub priority: Priority,
    /// Builds the prompt.
    pub prepare: Preparation,
    /// The small prompt of a place that may be cold; the whole prompt is then computed when nothing else is to be done.
    pub first: Option<First>,
    /// Decode at most so many tokens (healed ones count); 0 prefills only.
    pub max_tokens: usize,
    /// Report so many of the most probable first tokens.
    pub n_openings: usize,
    /// Whether text must follow: until something visible is decoded, neither an end token nor a blank line is chosen,
    /// and a text that `stop` refuses whole is begun once more with another token.
    pub must_write: bool,
    /// Where given, a text that ends by itself is decoded once more with one token changed if that may make it more
    /// probable, and the more probable text is the result. Asked before each of these tokens whether that is still
    /// wanted; only where the most probable tokens are chosen.
    pub second: Option<Box<dyn Fn() -> bool + Send>>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Ends the decoding by rule.
    pub stop: StopCheck<R>,
    /// Called with the text so far after each token that completes a character.
    pub on_text: Box<dyn FnMut(&Partial<'_>) + Send>,
    /// Called exactly once, whatever happens.
    pub done: Box<dyn FnOnce(Generated<R>) + Send>,
    /// Whether its session may be saved on disk; not that of a document that no rule could be asked about.
    pub persists: bool,
    /// When the job was asked for, from which `ms.queued` and `ms.total` count.
    pub asked: Instant,
}

impl<R> Job<R> {
    /// Builds a job that computes the prompt and decodes nothing: interactive, asked now, saved on disk where
    /// sessions are. Other jobs are made of it: `Job { max_tokens: 64, ..Job::prefill(prepare, done) }`.
    pub fn prefill(
        prepare: impl FnOnce(&Assembler) -> Option<Prompt> + Send + 'static,
        done: impl FnOnce(Generated<R>) + Send + 'static,
    ) -> Self {
        Self {
            priority: Priority::Interactive,
            prepare: Box::new(prepare),
            first: None,
            max_tokens: 0,
            n_openings: 0,
            must_write: false,
            second: None,
            sampling: Sampling::default(),
            stop: Box::new(|_| None),
            on_text: Box::new(|_| {}),
            done: Box::new(done),
            persists: true,
            asked: Instant::now(),
        }
    }
}

/// The state of a decoding in progress.
#[derive(Debug, Clone, Copy)]
pub struct Partial<'a> {
    /// Text behind the cursor that has been decoded, whole characters only.
    pub text: &'a str,
    /// Natural-log probability of each decoded token.
    pub log_probs: &'a [f32],
    /// Whether this is a result already, and only a more probable one is looked for.
    pub is_whole: bool,
}

/// Why a decoding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stop<R = &'static str> {
    /// The model said that the middle is complete.
    EndToken,
    /// The caller's stop rule, for this reason.
    Rule(R),
    /// `max_tokens` or the model's context is used up.
    Limit,
    /// The ticket was cancelled or dropped, or the engine shuts down.
    #[default]
    Cancelled,
    /// Something interactive needed the engine more.
    Preempted,
    /// The model failed to load or a forward failed; the log has the reason.
    Failed,
    /// There was nothing to ask (the preparation returned no prompt).
    Nothing,
}

/// How many tokens a job cost, as in the `--json` of one completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenCounts {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Of these, found in a session's cache.
    pub reused: usize,
    /// Of these, computed now.
    pub prefilled: usize,
    /// Decoded after the prompt.
    pub decoded: usize,
    /// Drafted by speculation.
    pub drafted: usize,
    /// Of these, accepted.
    pub draft_accepted: usize,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Milliseconds {
    /// From asking to the worker's taking it up.
    pub queued: f64,
    /// Building and tokenizing the prompt.
    pub prepare: f64,
    /// Computing the prompt's missing tokens.
    pub prefill: f64,
    /// From asking to the first decoded token.
    pub first_token: f64,
    /// All decoding.
    pub decode: f64,
    /// From asking to the end.
    pub total: f64,
}

/// The result of a job.
#[derive(Debug, Clone)]
pub struct Generated<R = &'static str> {
    /// Text behind the cursor, cut where the stop rule said.
    pub text: String,
    /// Natural-log probability of each decoded token.
    pub log_probs: Vec<f32>,
    /// How it might have begun, where that was asked; the most probable first.
    pub openings: Vec<Opening>,
    /// The probability of what `must_write` ruled out as the first token; 0 where it ruled out nothing.
    pub ruled_out: f32,
    /// Whether the small prompt was asked.
    pub is_first: bool,
    /// Whether a first text was refused whole and this is the second.
    pub begun_again: bool,
    /// Whether one token was changed because that made the whole more probable.
    pub turned: bool,
    /// Why it ended.
    pub stop: Stop<R>,
    /// What it cost.
    pub tokens: TokenCounts,
    /// How long it took.
    pub ms: Milliseconds,
}

// Derived, it would ask for `R: Default`.
impl<R> Default for Generated<R> {
    fn default() -> Self {
        Self {
            text: String::new(),
            log_probs: Vec::new(),
            openings: Vec::new(),
            ruled_out: 0.0,
            is_first: false,
            begun_again: false,
            turned: false,
            stop: Stop::default(),
            tokens: TokenCounts::default(),
            ms: Milliseconds::default(),
        }
    }
}
