//! One job from prompt to text: prefill in chunks, then decoding, several tokens in one forward
//! pass if there is a draft.
//!
//! Before each chunk and each token, and between the layers of most forward passes, the job checks
//! whether it is cancelled. Everything computed until then stays in the session. An interactive
//! request finishes its prefill chunk even after it is cancelled: the request of the next key needs
//! the chunk too. Without this rule, a fast typist on a slow machine would never get an answer.

use std::time::Instant;

use lowkey_model::{CausalLm, LogitsMode, ModelError, log_sum_exp};
use lowkey_prompt::{Assembler, Detokenizer, ExtractedCode, Healing, Prompt, TokenId};

use crate::first_text::FirstText;
use crate::job::{Generated, Partial, Priority, Stop};
use crate::openings::openings;
use crate::persist::KeptSpeed;
use crate::queue::Queued;
use crate::sampling::{Sampler, Sampling};
use crate::session::{Session, SessionPool};
use crate::speculate::Speculation;
use crate::turn::Turns;
use crate::warming::{Warming, Warmth};

/// Tokens per prefill chunk, at most: large enough for the blocked matrix product to reach its
/// speed, small enough that an interrupted chunk is a small loss.
pub const CHUNK_TOKENS: usize = 128;

/// Target time of a chunk in seconds, because the next key may have to wait for it.
const CHUNK_SECONDS: f64 = 0.1;

/// Smaller chunks would read all weights for a few tokens.
const LEAST_CHUNK_TOKENS: usize = 32;

/// The state of the worker thread.
pub(crate) struct Generator {
    pub(crate) model: Box<dyn CausalLm>,
    pub(crate) assembler: std::sync::Arc<Assembler>,
    pub(crate) pool: SessionPool,
    /// The machine's speed, updated by every job.
    pub(crate) speed: KeptSpeed,
    /// The token index for healing; `None` for models trained on fragmented middles.
    pub(crate) healing: Option<Healing>,
    /// The tokens that a decoding that must write text may not begin with.
    pub(crate) first_text: FirstText,
    /// Drafts tokens; `None` if drafts are disabled.
    pub(crate) speculation: Option<Speculation>,
    /// The whole prompt of a place whose small prompt was used.
    pub(crate) warming: Option<Warming>,
    pub(crate) warmth: std::sync::Arc<Warmth>,
    pub(crate) logits: Vec<f32>,
}

pub(crate) fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

impl Generator {
    /// Runs a job to its end and passes the result to its owner.
    pub(crate) fn run<R: Copy>(&mut self, queued: Queued<R>, interactive_waits: &dyn Fn() -> bool) {
        let Queued { job, cancellation } = queued;
        let background = job.priority == Priority::Background;
        let interruption = || {
            if cancellation.is_cancelled() {
                Some(Stop::Cancelled)
            } else if background && interactive_waits() {
                Some(Stop::Preempted)
            } else {
                None
            }
        };
        let mut made = Generated::default();
        made.ms.queued = ms_since(job.asked);
        if let Some(stop) = interruption() {
            made.stop = stop;
            made.ms.total = ms_since(job.asked);
            return (job.done)(made);
        }
        let preparing = Instant::now();
        let prompt = (job.prepare)(&self.assembler);
        let prompt = self.first(prompt, job.first, &cancellation, &mut made);
        made.ms.prepare = ms_since(preparing);
        made.stop = match prompt {
            None => Stop::Nothing,
            Some(prompt) if prompt.tokens.is_empty() => Stop::Nothing,
            Some(prompt) => {
                made.tokens.prompt = prompt.tokens.len();
                // A job that only computes a prompt extends the session of that prompt.
                let forks = background && job.max_tokens > 0;
                let mut session =
                    self.pool.take(&prompt.tokens, job.max_tokens, forks, &*self.model);
                let mut run = Run {
                    asked: job.asked,
                    max_tokens: job.max_tokens,
                    n_openings: job.n_openings,
                    // An instructed model begins with words or a fence, not with the text.
                    must_write: job.must_write && prompt.code_extractor.is_none(),
                    first_total: None,
                    sampling: job.sampling,
                    turns: Turns::new(job.second.filter(|_| {
                        job.sampling == Sampling::default() && prompt.code_extractor.is_none()
                    })),
                    stop: job.stop,
                    on_text: job.on_text,
                    interruption: &interruption,
                    gives_way: background,
                };
                let outcome = self.generate(&prompt, &mut session, &mut run, &mut made);
                if made.is_first {
                    session.hold_small_prompt();
                }
                self.pool.put(session);
                // After a small prompt, the whole one is noted already.
                if job.max_tokens == 0 && !made.is_first && matches!(outcome, Ok(Stop::Preempted)) {
                    let persists = self.pool.persists;
                    self.note(Some(Warming::new(prompt.tokens, cancellation.clone(), persists)));
                }
                outcome.unwrap_or_else(|error| {
                    tracing::error!(%error, "a forward pass failed");
                    Stop::Failed
                })
            }
        };
        made.ms.total = ms_since(job.asked);
        self.speed.observe(&made);
        (job.done)(made);
    }

    fn generate<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        run: &mut Run<'_, R>,
        made: &mut Generated<R>,
    ) -> Result<Stop<R>, ModelError> {
        let prefilling = Instant::now();
        let stop = self.prefill(prompt, session, run, made);
        made.ms.prefill = ms_since(prefilling);
        if let Some(stop) = stop? {
            return Ok(stop);
        }
        let decoding = Instant::now();
        let stop = self.decode(prompt, session, run, made);
        made.ms.decode = ms_since(decoding);
        stop
    }

    /// Computes the missing part of the prompt; `Some` if the job ends there.
    fn prefill<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        run: &Run<'_, R>,
        made: &mut Generated<R>,
    ) -> Result<Option<Stop<R>>, ModelError> {
        let n_reused = session.tokens.len();
        made.tokens.reused = n_reused;
        let missing = prompt.tokens.get(n_reused..).unwrap_or_default();
        let chunk_tokens = chunk_tokens(self.speed.seen().prefill);
        let n_chunks = missing.len().div_ceil(chunk_tokens);
        for (chunk_idx, chunk) in missing.chunks(chunk_tokens).enumerate() {
            if let Some(stop) = (run.interruption)() {
                return Ok(Some(stop));
            }
            let is_last = chunk_idx + 1 == n_chunks;
            let want =
                if is_last && run.max_tokens > 0 { LogitsMode::Last } else { LogitsMode::None };
            let cancelled = || run.gives_way && (run.interruption)().is_some();
            if !self.append(session, chunk, want, &cancelled)? {
                return Ok(Some((run.interruption)().unwrap_or(Stop::Cancelled)));
            }
            made.tokens.prefilled += chunk.len();
        }
        Ok(if run.max_tokens == 0 { Some(Stop::Limit) } else { None })
    }

    fn decode<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        run: &mut Run<'_, R>,
        made: &mut Generated<R>,
    ) -> Result<Stop<R>, ModelError> {
        if let Some(speculation) = &mut self.speculation {
            speculation.begin(prompt);
        }
        let mut decoded = Vec::new();
        let n_prompt = session.tokens.len();
        let mut n_kept = n_prompt;
        // The second attempt begins with these.
        let first_logits = if run.must_write { self.logits.clone() } else { Vec::new() };
        let mut stop = self.decode_tokens(prompt, session, &mut n_kept, &mut decoded, run, made);
        if run.must_write && matches!(stop, Ok(Stop::Rule(_))) && made.text.trim().is_empty() {
            let refused = decoded.first().copied();
            self.logits = first_logits;
            run.first_total = Some(log_sum_exp(&self.logits));
            if let Some(logit) = refused.and_then(|token| self.logits.get_mut(token as usize)) {
                *logit = f32::NEG_INFINITY;
            }
            decoded.clear();
            made.begin_again();
            session.truncate(n_prompt);
            n_kept = n_prompt;
            stop = self.decode_tokens(prompt, session, &mut n_kept, &mut decoded, run, made);
        } else if matches!(stop, Ok(Stop::Rule(_) | Stop::EndToken)) {
            session.truncate(n_kept);
            let turned = self.turn(prompt, session, n_prompt, &mut decoded, run, made);
            n_kept = session.tokens.len();
            stop = turned.and_then(|turned| turned.map_or(stop, Ok));
        }
        // Drafted tokens that were not chosen, or not yet.
        session.truncate(n_kept);
        if let Some(speculation) = &mut self.speculation {
            speculation.end(prompt, &decoded);
        }
        stop
    }

    /// Decodes. The first `n_kept` tokens of the session are chosen ones, the tokens after them are
    /// a draft.
    fn decode_tokens<R: Copy>(
        &mut self,
        prompt: &Prompt,
        session: &mut Session,
        n_kept: &mut usize,
        decoded: &mut Vec<TokenId>,
        run: &mut Run<'_, R>,
        made: &mut Generated<R>,
    ) -> Result<Stop<R>, ModelError> {
        let assembler = std::sync::Arc::clone(&self.assembler);
        let mut detokenizer = Detokenizer::new(assembler.tokenizer());
        let mut sampler = Sampler::new(run.sampling);
        let mut text = String::new();
        // The text that healing removed and that the answer must spell again.
        let mut unforced = prompt.unforced.as_bytes();
        let n_healed_bytes = unforced.len();
        let end_tokens = assembler.format().end_tokens();
        // The number of positions that the last forward pass gave logits for, and the position of
        // the next token.
        let (mut n_positions, mut position) = (1, 0);
        loop {
            if let Some(stop) = (run.interruption)() {
                return Ok(stop);
            }
            let vocab = self.logits.len() / n_positions;
            let logits = self.logits.get_mut(position * vocab..(position + 1) * vocab);
            let logits = logits.unwrap_or_default();
            let total = run.first_total.take().unwrap_or_else(|| log_sum_exp(logits));
            let before = session.tokens.get(..*n_kept).unwrap_or_default();
            let mut allowed = allowed(self.healing.as_ref(), unforced, end_tokens);
            if run.must_write && after_cursor(&text, n_healed_bytes).trim().is_empty() {
                let spelling = (allowed.as_mut(), unforced);
                let ruled_out = self.first_text.require(
                    logits,
                    total,
                    spelling,
                    end_tokens,
                    assembler.tokenizer(),
                );
                if decoded.is_empty() && !made.begun_again {
                    made.ruled_out = ruled_out;
                }
            }
            let logits = &*logits;
            let token = sampler.choose(logits, allowed.as_deref(), before);
            if allowed.is_none() && !made.begun_again {
                run.turns.note(logits, total, token, &made.log_probs, end_tokens);
            }
            if decoded.is_empty() && !made.begun_again {
                made.ms.first_token = ms_since(run.asked);
                let spelling = (allowed.as_deref(), unforced);
                made.openings =
                    openings(run.n_openings, logits, assembler.tokenizer(), spelling, end_tokens);
            }
            if end_tokens.binary_search(&token).is_ok() {
                return Ok(over(prompt, after_cursor(&text, n_healed_bytes), run, made)
                    .unwrap_or(Stop::EndToken));
            }
            let log_prob = logits.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY) - total;
            made.tokens.decoded += 1;
            made.log_probs.push(log_prob);
            decoded.push(token);
            if let Some(healing) = &self.healing {
                unforced = healing.remaining_after(unforced, token).unwrap_or_default();
            }
            text.push_str(&detokenizer.push(token));
            let code = code_of(prompt, after_cursor(&text, n_healed_bytes), false);
            if let Some(stop) = tell(code.text, run, made) {
                return Ok(stop);
            }
            if code.ended {
                return Ok(Stop::EndToken);
            }
            let n_wanted = run.max_tokens.saturating_sub(decoded.len());
            let n_free = session.cache.capacity().saturating_sub(*n_kept);
            if n_wanted == 0 || n_free == 0 {
                return Ok(over(prompt, after_cursor(&text, n_healed_bytes), run, made)
                    .unwrap_or(Stop::Limit));
            }
            if let Some(speculation) = &mut self.speculation {
                speculation.saw(token);
            }
            if session.tokens.get(*n_kept) == Some(&token) {
                // A drafted token, computed together with those before it.
                made.tokens.draft_accepted += 1;
                *n_kept += 1;
                position += 1;
                continue;
            }
            session.truncate(*n_kept);
            let batch = self.batch(session, token, (n_wanted - 1).min(n_free - 1));
            let cancelled = || (run.interruption)().is_some();
            if !self.append(session, &batch, LogitsMode::All, &cancelled)? {
                return Ok((run.interruption)().unwrap_or(Stop::Cancelled));
            }
            made.tokens.drafted += batch.len() - 1;
            *n_kept += 1;
            (n_positions, position) = (batch.len(), 0);
        }
    }

    /// Returns the token to compute next, and at most `room` guesses after it.
    fn batch(&mut self, session: &mut Session, token: TokenId, room: usize) -> Vec<TokenId> {
        let mut batch = vec![token];
        if let Some(speculation) = &mut self.speculation {
            // The look-up borrows the session with the token added; the token is removed
            // afterwards.
            session.tokens.push(token);
            batch.extend_from_slice(speculation.draft(&session.tokens, room));
            session.tokens.pop();
        }
        batch
    }

    /// Computes `tokens` and adds them to the session; `false` if interrupted.
    pub(crate) fn append(
        &mut self,
        session: &mut Session,
        tokens: &[TokenId],
        want: LogitsMode,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError> {
        let whole =
            self.model.forward(tokens, &mut session.cache, want, &mut self.logits, cancelled)?;
        if whole {
            session.tokens.extend_from_slice(tokens);
        }
        Ok(whole)
    }
}

impl<R> Generated<R> {
    /// Discards a text that `stop` rejected; its costs stay counted.
    fn begin_again(&mut self) {
        self.text.clear();
        self.log_probs.clear();
        self.begun_again = true;
    }
}

/// The parts of a job that generation needs.
pub(crate) struct Run<'a, R> {
    asked: Instant,
    max_tokens: usize,
    n_openings: usize,
    must_write: bool,
    /// The log-sum-exp that the first token's log-probability counts from, if the logits no longer
    /// give it.
    first_total: Option<f32>,
    sampling: Sampling,
    pub(crate) stop: crate::job::StopCheck<R>,
    pub(crate) on_text: Box<dyn FnMut(&Partial<'_>) + Send>,
    pub(crate) interruption: &'a dyn Fn() -> Option<Stop<R>>,
    /// Positions at which another token was nearly chosen.
    pub(crate) turns: Turns,
    /// Whether the job drops even a chunk in progress: look-ahead must not delay a request.
    gives_way: bool,
}

/// Returns the decoded text after the cursor.
pub(crate) fn after_cursor(text: &str, n_healed_bytes: usize) -> &str {
    text.get(n_healed_bytes..).unwrap_or_default()
}

/// Returns the part of the text after the cursor that is code.
fn code_of<'t>(prompt: &Prompt, text: &'t str, is_over: bool) -> ExtractedCode<'t> {
    let all = ExtractedCode { text, ended: false };
    prompt.code_extractor.as_ref().map_or(all, |extractor| extractor.code(text, is_over))
}

/// Reports the text so far; returns the stop reason if a rule ends it.
fn tell<R>(text: &str, run: &mut Run<'_, R>, made: &mut Generated<R>) -> Option<Stop<R>> {
    if text.is_empty() {
        return None;
    }
    made.text.clear();
    made.text.push_str(text);
    (run.on_text)(&Partial { text: &made.text, log_probs: &made.log_probs, is_whole: false });
    let (rule, keep) = (run.stop)(&made.text)?;
    made.text.truncate(made.text.floor_char_boundary(keep));
    Some(Stop::Rule(rule))
}

/// Reports the text that was held back, after the answer has ended.
fn over<R>(
    prompt: &Prompt,
    text: &str,
    run: &mut Run<'_, R>,
    made: &mut Generated<R>,
) -> Option<Stop<R>> {
    let code = code_of(prompt, text, true);
    if code.text.len() > made.text.len() { tell(code.text, run, made) } else { None }
}

/// Returns the prefill chunk size for a model that computes `per_second` tokens per second.
pub(crate) fn chunk_tokens(per_second: f64) -> usize {
    let affordable = (per_second * CHUNK_SECONDS) as usize / 16 * 16;
    affordable.clamp(LEAST_CHUNK_TOKENS, CHUNK_TOKENS)
}

/// Returns the tokens that spell the text that healing removed, while any of it is left.
/// `end_tokens` are sorted.
fn allowed(
    healing: Option<&Healing>,
    unforced: &[u8],
    end_tokens: &[TokenId],
) -> Option<Vec<TokenId>> {
    let mut allowed = healing.filter(|_| !unforced.is_empty())?.allowed(unforced);
    allowed.retain(|token| end_tokens.binary_search(token).is_err());
    Some(allowed)
}
