//! One job from prompt to text: prefill in chunks, then decoding.
//!
//! Before each chunk and each token, and between the layers of most forward passes, the job checks
//! whether it is cancelled. Everything computed until then stays in the session. An interactive
//! request finishes its prefill chunk even after it is cancelled: the request of the next key needs
//! the chunk too. Without this rule, a fast typist on a slow machine would never get an answer.

use std::cell::Cell;
use std::time::Instant;

use lowkey_model::{CausalLm, LogitsMode, ModelError};
use lowkey_prompt::{Assembler, Healing, Prompt, TokenId};

use crate::activity::Turn;
use crate::background_prefill::{PendingPrefill, PrefillProgress};
use crate::branch::Branches;
use crate::job::{Generated, Partial, Priority, Stop};
use crate::non_empty::NonEmptyMask;
use crate::persist::StoredSpeed;
use crate::queue::Queued;
use crate::sampling::Sampling;
use crate::session::{Session, SessionPool, SessionUse};
use crate::speculate::Speculation;

/// Tokens per prefill chunk, at most: large enough for the blocked matrix product to reach its
/// speed, small enough that an interrupted chunk is a small loss.
pub const CHUNK_TOKENS: usize = 128;

/// Target time of a chunk in seconds, because the next key may have to wait for it.
const CHUNK_SECONDS: f64 = 0.1;

/// Smaller chunks would read all weights for a few tokens.
const MIN_CHUNK_TOKENS: usize = 32;

/// The state of the worker thread.
pub(crate) struct Generator {
    pub(crate) model: Box<dyn CausalLm>,
    pub(crate) assembler: std::sync::Arc<Assembler>,
    pub(crate) pool: SessionPool,
    /// The machine's speed, updated by every job.
    pub(crate) speed: StoredSpeed,
    /// The token index for healing; `None` for models trained on fragmented middles.
    pub(crate) healing: Option<Healing>,
    /// The tokens that a decoding that must write text may not begin with.
    pub(crate) non_empty: NonEmptyMask,
    /// Drafts tokens; `None` if drafts are disabled.
    pub(crate) speculation: Option<Speculation>,
    /// The whole prompt of a place whose small prompt was used.
    pub(crate) pending_prefill: Option<PendingPrefill>,
    pub(crate) prefill_progress: std::sync::Arc<PrefillProgress>,
    pub(crate) logits: Vec<f32>,
    /// Lets another engine go first.
    pub(crate) turn: Turn,
}

pub(crate) fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

impl Generator {
    /// Runs a job to its end and passes the result to its owner.
    pub(crate) fn run<R: Copy>(
        &mut self,
        queued: Queued<R>,
        has_interactive_job: &dyn Fn() -> bool,
    ) {
        let Queued { job, cancellation, counted: _counted } = queued;
        self.turn.has_waited = false;
        self.turn.wait(&|| cancellation.is_cancelled());
        let background = job.priority == Priority::Background;
        let interruption = || {
            if cancellation.is_cancelled() {
                Some(Stop::Cancelled)
            } else if background && has_interactive_job() {
                Some(Stop::Preempted)
            } else {
                None
            }
        };
        let mut result = Generated::default();
        result.ms.queued = ms_since(job.requested_at);
        if let Some(stop) = interruption() {
            result.stop = stop;
            result.ms.total = ms_since(job.requested_at);
            return (job.done)(result);
        }
        let preparing = Instant::now();
        let prompt = (job.prepare)(&self.assembler);
        let prompt = self.choose_prompt(prompt, job.small_prompt, &cancellation, &mut result);
        result.ms.prepare = ms_since(preparing);
        result.stop = match prompt {
            None => Stop::NoPrompt,
            Some(prompt) if prompt.tokens.is_empty() => Stop::NoPrompt,
            Some(prompt) => {
                result.tokens.prompt = prompt.tokens.len();
                result.n_snippets = prompt.n_snippets;
                // A job that only computes a prompt extends the session of that prompt.
                let use_of_session = match (job.cuts_session, background && job.max_tokens > 0) {
                    (true, _) => SessionUse::Cut,
                    (false, true) => SessionUse::Fork,
                    (false, false) => SessionUse::Continue,
                };
                let mut session =
                    self.pool.take(&prompt.tokens, job.max_tokens, use_of_session, &*self.model);
                let mut run = Run {
                    requested_at: job.requested_at,
                    max_tokens: job.max_tokens,
                    n_first_tokens: job.n_first_tokens,
                    // An instructed model begins with words or a fence, not with the text.
                    requires_text: job.requires_text && prompt.code_extractor.is_none(),
                    first_total: None,
                    sampling: job.sampling,
                    branches: Branches::new(job.branch_while.filter(|_| {
                        job.sampling == Sampling::default() && prompt.code_extractor.is_none()
                    })),
                    stop: job.stop,
                    on_text: job.on_text,
                    interruption: &interruption,
                    yields_mid_chunk: background,
                };
                let outcome = self.generate(&prompt, &mut session, &mut run, &mut result);
                if result.used_small_prompt {
                    session.mark_as_small_prompt();
                }
                self.pool.put(session);
                // After a small prompt, the whole one is noted already.
                if job.max_tokens == 0
                    && !result.used_small_prompt
                    && matches!(outcome, Ok(Stop::Preempted))
                {
                    let persists = self.pool.persists;
                    self.set_pending_prefill(Some(PendingPrefill::new(
                        prompt.tokens,
                        cancellation.clone(),
                        persists,
                    )));
                }
                outcome.unwrap_or_else(|error| {
                    tracing::error!(%error, "a forward pass failed");
                    Stop::Failed
                })
            }
        };
        result.ms.total = ms_since(job.requested_at);
        if !self.turn.has_waited {
            self.speed.observe(&result);
        }
        (job.done)(result);
    }

    fn generate<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        run: &mut Run<'_, R>,
        result: &mut Generated<R>,
    ) -> Result<Stop<R>, ModelError> {
        let prefilling = Instant::now();
        let stop = self.prefill(prompt, session, run, result);
        result.ms.prefill = ms_since(prefilling);
        if let Some(stop) = stop? {
            return Ok(stop);
        }
        let decoding = Instant::now();
        let stop = self.decode(prompt, session, run, result);
        result.ms.decode = ms_since(decoding);
        stop
    }

    /// Computes the missing part of the prompt; `Some` if the job ends there.
    fn prefill<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        run: &Run<'_, R>,
        result: &mut Generated<R>,
    ) -> Result<Option<Stop<R>>, ModelError> {
        let n_reused = session.tokens.len();
        result.tokens.reused = n_reused;
        let missing = prompt.tokens.get(n_reused..).unwrap_or_default();
        let chunk_tokens = chunk_tokens(self.speed.estimate().prefill);
        let n_chunks = missing.len().div_ceil(chunk_tokens);
        for (chunk_idx, chunk) in missing.chunks(chunk_tokens).enumerate() {
            if let Some(stop) = (run.interruption)() {
                return Ok(Some(stop));
            }
            let is_last = chunk_idx + 1 == n_chunks;
            let mode =
                if is_last && run.max_tokens > 0 { LogitsMode::Last } else { LogitsMode::None };
            let cancelled = || run.yields_mid_chunk && (run.interruption)().is_some();
            if !self.append(session, chunk, mode, &cancelled)? {
                return Ok(Some((run.interruption)().unwrap_or(Stop::Cancelled)));
            }
            result.tokens.prefilled += chunk.len();
        }
        Ok(if run.max_tokens == 0 { Some(Stop::Limit) } else { None })
    }

    /// Computes `tokens` and adds them to the session; `false` if interrupted.
    pub(crate) fn append(
        &mut self,
        session: &mut Session,
        tokens: &[TokenId],
        mode: LogitsMode,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError> {
        let has_waited = Cell::new(false);
        let turn = &self.turn;
        let is_interrupted = || {
            if turn.wait(cancelled) {
                has_waited.set(true);
            }
            cancelled()
        };
        let (cache, logits) = (&mut session.cache, &mut self.logits);
        let whole = self.model.forward(tokens, cache, mode, logits, &is_interrupted);
        self.turn.has_waited |= has_waited.get();
        let whole = whole?;
        if whole {
            session.tokens.extend_from_slice(tokens);
        }
        Ok(whole)
    }
}

/// The parts of a job that generation needs.
pub(crate) struct Run<'a, R> {
    pub(crate) requested_at: Instant,
    pub(crate) max_tokens: usize,
    pub(crate) n_first_tokens: usize,
    pub(crate) requires_text: bool,
    /// The log-sum-exp that the first token's log-probability counts from, if the logits no longer
    /// give it.
    pub(crate) first_total: Option<f32>,
    pub(crate) sampling: Sampling,
    pub(crate) stop: crate::job::StopCheck<R>,
    pub(crate) on_text: Box<dyn FnMut(&Partial<'_>) + Send>,
    pub(crate) interruption: &'a dyn Fn() -> Option<Stop<R>>,
    /// Positions at which another token was nearly chosen.
    pub(crate) branches: Branches,
    /// Whether the job drops even a chunk in progress: look-ahead must not delay a request.
    yields_mid_chunk: bool,
}

/// Returns the prefill chunk size for a model that computes `per_second` tokens per second.
pub(crate) fn chunk_tokens(per_second: f64) -> usize {
    let affordable = (per_second * CHUNK_SECONDS) as usize / 16 * 16;
    affordable.clamp(MIN_CHUNK_TOKENS, CHUNK_TOKENS)
}
