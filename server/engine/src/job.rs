//! Jobs and their results.
//!
//! A job carries closures instead of data of other crates. `prepare` builds the prompt on the
//! worker thread, because tokenizing must not block the message loop. `stop` checks the text after
//! every token. `on_text` receives partial results.
//!
//! `R` is the caller's type for the reason of a stop rule. The engine returns it in [`Stop::Rule`]
//! and never inspects it. The default is the rule's name.

use std::time::Instant;

use lowkey_prompt::{Assembler, Prompt};

use crate::first_tokens::FirstToken;
use crate::sampling::Sampling;

/// Builds the prompt on the worker thread; `None` if there is nothing to decode.
pub type Preparation = Box<dyn FnOnce(&Assembler) -> Option<Prompt> + Send>;

/// Checks the decoded text so far; `Some((reason, keep_bytes))` ends the decoding.
pub type StopCheck<R> = Box<dyn FnMut(&str) -> Option<(R, usize)> + Send>;

/// The priority of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Look-ahead: yields to any interactive job within one token.
    Background,
    /// The user waits for it.
    Interactive,
}

/// A small prompt for a place where the job's own prompt would take too long.
pub struct SmallPrompt {
    /// Builds the small prompt on the worker thread.
    pub prepare: Preparation,
    /// The small prompt is used if more than this many tokens of the job's own prompt are not
    /// cached.
    pub max_missing: usize,
}

/// One generation.
pub struct Job<R = &'static str> {
    pub priority: Priority,
    /// Builds the prompt.
    pub prepare: Preparation,
    /// The small prompt of a place that may be cold. If it is used, the engine computes the whole
    /// prompt when it is idle.
    pub small_prompt: Option<SmallPrompt>,
    /// Decode at most N tokens (healed ones count); 0 prefills only.
    pub max_tokens: usize,
    /// Report at most N of the most probable first tokens.
    pub n_first_tokens: usize,
    /// Whether text must follow. Until visible text is decoded, the engine chooses neither an end
    /// token nor a blank line. If `stop` rejects the whole text, the engine decodes once more with
    /// another first token.
    pub requires_text: bool,
    /// If given, a text that ends without an interruption is decoded once more with one token
    /// changed, if that may make it more probable. The more probable text is the result. The engine
    /// calls this before each of these tokens to check whether the second text is still wanted.
    /// Greedy decoding only.
    pub branch_while: Option<Box<dyn Fn() -> bool + Send>>,
    pub sampling: Sampling,
    /// The rule that ends the decoding.
    pub stop: StopCheck<R>,
    /// Called with the text so far, after each token that completes a character.
    pub on_text: Box<dyn FnMut(&Partial<'_>) + Send>,
    /// Called exactly once.
    pub done: Box<dyn FnOnce(Generated<R>) + Send>,
    /// Whether the job cuts the session that it continues, whatever is lost, instead of copying it:
    /// no later prompt has the text after the shared beginning.
    pub cuts_session: bool,
    /// Whether the session may be saved on disk; false for a document whose ignore rules are
    /// unknown.
    pub persists: bool,
    /// When the caller made the request; `ms.queued` and `ms.total` count from here.
    pub requested_at: Instant,
}

impl<R> Job<R> {
    /// Builds a job that computes the prompt and decodes nothing. It is interactive, asked now, and
    /// its session may be saved. Other jobs extend it: `Job { max_tokens: 64,
    /// ..Job::prefill(prepare, done) }`.
    pub fn prefill(
        prepare: impl FnOnce(&Assembler) -> Option<Prompt> + Send + 'static,
        done: impl FnOnce(Generated<R>) + Send + 'static,
    ) -> Self {
        Self {
            priority: Priority::Interactive,
            prepare: Box::new(prepare),
            small_prompt: None,
            max_tokens: 0,
            n_first_tokens: 0,
            requires_text: false,
            branch_while: None,
            sampling: Sampling::default(),
            stop: Box::new(|_| None),
            on_text: Box::new(|_| {}),
            done: Box::new(done),
            cuts_session: false,
            persists: true,
            requested_at: Instant::now(),
        }
    }
}

/// The state of a decoding in progress.
#[derive(Debug, Clone, Copy)]
pub struct Partial<'a> {
    /// Decoded text after the cursor, whole characters only.
    pub text: &'a str,
    /// Natural-log probability of each decoded token.
    pub log_probs: &'a [f32],
    /// Whether the text is already a result, and the engine only looks for a more probable one.
    pub is_whole: bool,
}

/// Why a decoding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stop<R = &'static str> {
    /// The model chose an end token.
    EndToken,
    /// The caller's stop rule, for this reason.
    Rule(R),
    /// `max_tokens` or the model's context length is reached.
    Limit,
    /// The ticket was cancelled or dropped, or the engine shuts down.
    #[default]
    Cancelled,
    /// An interactive job interrupted it.
    Preempted,
    /// The model failed to load or a forward failed; the log has the reason.
    Failed,
    /// The preparation returned no prompt.
    NoPrompt,
}

/// Token counts of a job, as in the `--json` output of one completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenCounts {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Prompt tokens found in a session's cache.
    pub reused: usize,
    /// Prompt tokens computed now.
    pub prefilled: usize,
    /// Decoded after the prompt.
    pub decoded: usize,
    /// Drafted by speculation.
    pub drafted: usize,
    /// Drafted tokens that were accepted.
    pub draft_accepted: usize,
}

/// Durations in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Milliseconds {
    /// From the request until the worker takes the job.
    pub queued: f64,
    /// Building and tokenizing the prompt.
    pub prepare: f64,
    /// Computing the prompt's missing tokens.
    pub prefill: f64,
    /// From the request to the first decoded token.
    pub first_token: f64,
    pub decode: f64,
    /// From the request to the end.
    pub total: f64,
}

/// The result of a job.
#[derive(Debug, Clone)]
pub struct Generated<R = &'static str> {
    /// Decoded text after the cursor, cut at the stop rule's length.
    pub text: String,
    /// Natural-log probability of each decoded token.
    pub log_probs: Vec<f32>,
    /// First-token candidates, if requested; most probable first.
    pub first_tokens: Vec<FirstToken>,
    /// The probability of the first tokens that `requires_text` excluded; 0 if it excluded none.
    pub masked_probability: f32,
    /// Whether the small prompt was used.
    pub used_small_prompt: bool,
    /// How many snippets of other files the prompt has.
    pub n_snippets: usize,
    /// Whether `stop` rejected the first text and this is the second.
    pub retried: bool,
    /// Whether one token was changed because that made the whole text more probable.
    pub branched: bool,
    pub stop: Stop<R>,
    pub tokens: TokenCounts,
    pub ms: Milliseconds,
}

// A derive would require `R: Default`.
impl<R> Default for Generated<R> {
    fn default() -> Self {
        Self {
            text: String::new(),
            log_probs: Vec::new(),
            first_tokens: Vec::new(),
            masked_probability: 0.0,
            used_small_prompt: false,
            n_snippets: 0,
            retried: false,
            branched: false,
            stop: Stop::default(),
            tokens: TokenCounts::default(),
            ms: Milliseconds::default(),
        }
    }
}
