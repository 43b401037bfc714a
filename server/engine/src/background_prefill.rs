//! Background prefill: a job uses a small prompt at once, and the engine computes the whole prompt when it
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
use crate::job::{Generated, SmallPrompt};
use crate::session::SessionUse;
use crate::ticket::Cancellation;

/// A prompt to compute in idle time.
pub(crate) struct PendingPrefill {
    tokens: Vec<TokenId>,
    /// The cancellation of the job that noted the prompt. After it is cancelled, the next job
    /// decides what to compute.
    cancellation: Cancellation,
    /// Whether the session may be saved.
    persists: bool,
}

/// The progress of the background prefill, shared with other threads.
#[derive(Debug, Default)]
pub(crate) struct PrefillProgress {
    /// Whether a prompt waits to be computed.
    pub(crate) is_pending: AtomicBool,
    /// Tokens computed so far, of all prompts.
    pub(crate) n_tokens: AtomicU64,
}

impl PendingPrefill {
    pub(crate) fn new(tokens: Vec<TokenId>, cancellation: Cancellation, persists: bool) -> Self {
        Self { tokens, cancellation, persists }
    }
}

impl Generator {
    /// Returns a job's own prompt or its small one. If it returns the small one, it notes the own
    /// prompt to compute later.
    pub(crate) fn choose_prompt<R>(
        &mut self,
        whole: Option<Prompt>,
        small_prompt: Option<SmallPrompt>,
        cancellation: &Cancellation,
        result: &mut Generated<R>,
    ) -> Option<Prompt> {
        let whole = whole?;
        let Some(SmallPrompt { prepare, max_missing }) = small_prompt else { return Some(whole) };
        let n_missing = self.pool.n_missing(&whole.tokens);
        let small = (n_missing > max_missing).then(|| prepare(&self.assembler)).flatten();
        // A chat template alone may be longer than the limit of the small prompt.
        let small =
            small.filter(|small| small.tokens.len() < n_missing && !small.tokens.is_empty());
        let Some(small) = small else {
            // Either the cursor has moved, or nothing is left to compute.
            self.set_pending_prefill(None);
            return Some(whole);
        };
        result.used_small_prompt = true;
        self.set_pending_prefill(Some(PendingPrefill::new(
            whole.tokens,
            cancellation.clone(),
            self.pool.persists,
        )));
        Some(small)
    }

    /// Notes the prompt to compute; replaces the one noted before.
    pub(crate) fn set_pending_prefill(&mut self, pending_prefill: Option<PendingPrefill>) {
        self.prefill_progress.is_pending.store(pending_prefill.is_some(), Ordering::Release);
        self.pending_prefill = pending_prefill;
    }

    /// Computes the noted prompt until it is complete or `interrupted` returns true.
    pub(crate) fn prefill_in_background(&mut self, interrupted: &dyn Fn() -> bool) {
        let Some(pending_prefill) = self.pending_prefill.take() else { return };
        if pending_prefill.cancellation.is_cancelled() {
            return self.set_pending_prefill(None);
        }
        self.pool.persists = pending_prefill.persists;
        let mut session =
            self.pool.take(&pending_prefill.tokens, 0, SessionUse::Continue, &*self.model);
        let missing = pending_prefill.tokens.get(session.tokens.len()..).unwrap_or_default();
        // Half a request's chunk, because an interrupted chunk is lost.
        let n_chunk = chunk_tokens(self.speed.estimate().prefill / 2.0);
        let is_interrupted = || interrupted() || pending_prefill.cancellation.is_cancelled();
        let mut outcome = Ok(true);
        for chunk in missing.chunks(n_chunk) {
            outcome = if is_interrupted() {
                Ok(false)
            } else {
                self.append(&mut session, chunk, LogitsMode::None, &is_interrupted)
            };
            if !matches!(outcome, Ok(true)) {
                break;
            }
            self.prefill_progress.n_tokens.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        self.pool.put(session);
        match outcome {
            Ok(false) if !pending_prefill.cancellation.is_cancelled() => {
                self.pending_prefill = Some(pending_prefill);
            }
            Ok(_) => self.set_pending_prefill(None),
            Err(error) => {
                tracing::error!(%error, "a forward pass failed");
                self.set_pending_prefill(None);
            }
        }
    }
}
