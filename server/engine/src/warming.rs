//! Cold places: a small prompt is asked at once, and the whole one is computed when nothing else is to be done.
//!
//! Which of the two is asked depends on what is cached and on the prompts alone, never on the clock. What is computed
//! here goes into a session as if a request had computed it, chunk by chunk, and gives way between two layers.
//!
//! Invariant: at most one prompt is computed ahead of any request, the newest.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lowkey_model::LogitsMode;
use lowkey_prompt::{Prompt, TokenId};

use crate::generate::{Generator, chunk_tokens};
use crate::job::{First, Generated};
use crate::ticket::Cancellation;

/// A prompt to be computed.
pub(crate) struct Warming {
    tokens: Vec<TokenId>,
    /// That of the job that wanted it: once that is cancelled, the next job says what to compute.
    cancellation: Cancellation,
    /// Whether the session may be saved.
    persists: bool,
}

/// What others may know of it.
#[derive(Debug, Default)]
pub(crate) struct Warmth {
    /// Whether a prompt is still to be computed.
    pub(crate) is_pending: AtomicBool,
    /// Tokens computed so far, of all prompts.
    pub(crate) n_tokens: AtomicU64,
}

impl Warming {
    pub(crate) fn new(tokens: Vec<TokenId>, cancellation: Cancellation, persists: bool) -> Self {
        Self { tokens, cancellation, persists }
    }
}

impl Generator {
    /// Chooses between a job's own prompt and its small one; notes the own one for later where the small one is chosen.
    pub(crate) fn first<R>(
        &mut self,
        whole: Option<Prompt>,
        first: Option<First>,
        cancellation: &Cancellation,
        made: &mut Generated<R>,
    ) -> Option<Prompt> {
        let whole = whole?;
        let Some(First { prepare, most_missing }) = first else { return Some(whole) };
        let n_missing = self.pool.n_missing(&whole.tokens);
        let small = (n_missing > most_missing).then(|| prepare(&self.assembler)).flatten();
        // A chat template alone may be longer than the small prompt was to be.
        let small =
            small.filter(|small| small.tokens.len() < n_missing && !small.tokens.is_empty());
        let Some(small) = small else {
            // The user is elsewhere now, or has all that was to be computed.
            self.note(None);
            return Some(whole);
        };
        made.is_first = true;
        self.note(Some(Warming::new(whole.tokens, cancellation.clone(), self.pool.persists)));
        Some(small)
    }

    /// Notes what to compute, in place of what was noted before.
    pub(crate) fn note(&mut self, warming: Option<Warming>) {
        self.warmth.is_pending.store(warming.is_some(), Ordering::Release);
        self.warming = warming;
    }

    /// Computes what was noted until it is whole, or `interrupted` says that something else matters more.
    pub(crate) fn warm(&mut self, interrupted: &dyn Fn() -> bool) {
        let Some(warming) = self.warming.take() else { return };
        if warming.cancellation.is_cancelled() {
            return self.note(None);
        }
        self.pool.persists = warming.persists;
        let mut session = self.pool.take(&warming.tokens, 0, false, &*self.model);
        let missing = warming.tokens.get(session.tokens.len()..).unwrap_or_default();
        // Half of what a request computes at once: what is interrupted is lost.
        let n_chunk = chunk_tokens(self.speed.seen().prefill / 2.0);
        let gives_way = || interrupted() || warming.cancellation.is_cancelled();
        let mut outcome = Ok(true);
        for chunk in missing.chunks(n_chunk) {
            outcome = if gives_way() {
                Ok(false)
            } else {
                self.append(&mut session, chunk, LogitsMode::None, &gives_way)
            };
            if !matches!(outcome, Ok(true)) {
                break;
            }
            self.warmth.n_tokens.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        self.pool.put(session);
        match outcome {
            Ok(false) if !warming.cancellation.is_cancelled() => self.warming = Some(warming),
            Ok(_) => self.note(None),
            Err(error) => {
                tracing::error!(%error, "a forward failed");
                self.note(None);
            }
        }
    }
}
