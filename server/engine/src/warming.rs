//! Cold places: a job uses a small prompt at once, and the engine computes the whole prompt when it
//! is idle.
//!
//! The choice depends only on the cache and on the two prompts, never on the clock. The computed
//! positions go into a session, as those of a request do. The computation runs chunk by chunk and
//! can be interrupted between two layers.
//!
//! Invariant: at most one prompt waits to be computed ahead of its request, the newest.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lowkey_model::LogitsMode;
use lowkey_prompt::{Prompt, TokenId};

use crate::generate::{Generator, chunk_tokens};
use crate::job::{First, Generated};
use crate::ticket::Cancellation;

/// A prompt to compute in idle time.
pub(crate) struct Warming {
    tokens: Vec<TokenId>,
    /// The cancellation of the job that noted the prompt. After it is cancelled, the next job
    /// decides what to compute.
    cancellation: Cancellation,
    /// Whether the session may be saved.
    persists: bool,
}

/// The progress of warming, shared with other threads.
#[derive(Debug, Default)]
pub(crate) struct Warmth {
    /// Whether a prompt waits to be computed.
    pub(crate) is_pending: AtomicBool,
    /// Tokens computed so far, of all warmed prompts.
    pub(crate) n_tokens: AtomicU64,
}

impl Warming {
    pub(crate) fn new(tokens: Vec<TokenId>, cancellation: Cancellation, persists: bool) -> Self {
        Self { tokens, cancellation, persists }
    }
}

impl Generator {
    /// Returns a job's own prompt or its small one. If it returns the small one, it notes the own
    /// prompt to compute later.
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
        // A chat template alone may be longer than the limit of the small prompt.
        let small =
            small.filter(|small| small.tokens.len() < n_missing && !small.tokens.is_empty());
        let Some(small) = small else {
            // Either the cursor has moved, or nothing is left to compute.
            self.note(None);
            return Some(whole);
        };
        made.is_first = true;
        self.note(Some(Warming::new(whole.tokens, cancellation.clone(), self.pool.persists)));
        Some(small)
    }

    /// Notes the prompt to compute; replaces the one noted before.
    pub(crate) fn note(&mut self, warming: Option<Warming>) {
        self.warmth.is_pending.store(warming.is_some(), Ordering::Release);
        self.warming = warming;
    }

    /// Computes the noted prompt until it is complete or `interrupted` returns true.
    pub(crate) fn warm(&mut self, interrupted: &dyn Fn() -> bool) {
        let Some(warming) = self.warming.take() else { return };
        if warming.cancellation.is_cancelled() {
            return self.note(None);
        }
        self.pool.persists = warming.persists;
        let mut session = self.pool.take(&warming.tokens, 0, false, &*self.model);
        let missing = warming.tokens.get(session.tokens.len()..).unwrap_or_default();
        // Half a request's chunk, because an interrupted chunk is lost.
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
                tracing::error!(%error, "a forward pass failed");
                self.note(None);
            }
        }
    }
}
