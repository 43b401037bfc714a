//! How likely the model finds a text after another one.
//!
//! A judgement waits until no job does. An interactive job interrupts it, and it goes on afterwards
//! with what it has computed. Its positions are in a session of its own, so that it takes nothing
//! from the sessions of requests. The next judgement reuses the common prefix of token ids.

use lowkey_model::{KvCache, LogitsMode, ModelError, log_sum_exp};
use lowkey_prompt::TokenId;

use crate::generate::{Generator, chunk_tokens};
use crate::ticket::Cancellation;

/// Tokens of the text before that count; the rest of it is left out at its start.
const MAX_PREFIX_TOKENS: usize = 512;
/// Tokens of a judged text; a longer one is not judged.
const MAX_TEXT_TOKENS: usize = 256;

/// A request to judge texts.
pub struct JudgementJob {
    /// The text before each of them.
    pub prefix: String,
    pub texts: Vec<String>,
    /// Called exactly once: the tokens of each text, or `None` if it was cancelled, a text is empty
    /// or too long, or the model failed.
    pub done: Box<dyn FnOnce(Option<Judged>) + Send>,
}

/// The judged texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    pub texts: Vec<Vec<JudgedToken>>,
    /// Tokens that were computed for it, and those that the session had.
    pub n_computed: usize,
    pub n_reused: usize,
}

/// A token of a judged text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedToken {
    pub n_bytes: usize,
    /// The natural logarithm of its probability after all text before it.
    pub log_prob: f32,
}

/// A judgement and its cancellation.
pub(crate) struct QueuedJudgement {
    pub(crate) judgement: JudgementJob,
    pub(crate) cancellation: Cancellation,
}

/// The session of judgements.
#[derive(Default)]
pub(crate) struct JudgeSession {
    tokens: Vec<TokenId>,
    cache: Option<KvCache>,
}

impl JudgeSession {
    fn truncate(&mut self, n: usize) {
        self.tokens.truncate(n);
        if let Some(cache) = &mut self.cache {
            cache.truncate(n);
        }
    }
}

impl Generator {
    /// Judges texts until it is done or `has_interactive_job` returns true. Returns a judgement that
    /// must wait for such a job.
    pub(crate) fn judge(
        &mut self,
        queued: QueuedJudgement,
        has_interactive_job: &dyn Fn() -> bool,
    ) -> Option<QueuedJudgement> {
        let QueuedJudgement { judgement, cancellation } = queued;
        let interrupted = || cancellation.is_cancelled() || has_interactive_job();
        let outcome = self.log_probs(&judgement, &interrupted);
        match outcome {
            Ok(None) if !cancellation.is_cancelled() && has_interactive_job() => {
                return Some(QueuedJudgement { judgement, cancellation });
            }
            Ok(judged) => (judgement.done)(judged.filter(|_| !cancellation.is_cancelled())),
            Err(error) => {
                tracing::error!(%error, "a forward pass failed");
                self.judge_session = JudgeSession::default();
                (judgement.done)(None);
            }
        }
        None
    }

    fn log_probs(
        &mut self,
        judgement: &JudgementJob,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Judged>, ModelError> {
        let tokenizer = std::sync::Arc::clone(self.assembler.tokenizer());
        let mut prefix = tokenizer.encode(&judgement.prefix);
        prefix.drain(..prefix.len().saturating_sub(MAX_PREFIX_TOKENS));
        let texts: Vec<Vec<TokenId>> =
            judgement.texts.iter().map(|text| tokenizer.encode(text)).collect();
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        let shortest = texts.iter().map(Vec::len).min().unwrap_or(0);
        let capacity = MAX_PREFIX_TOKENS + MAX_TEXT_TOKENS;
        let fits = prefix.len() + longest <= self.model.config().context_length.min(capacity);
        if prefix.is_empty() || shortest == 0 || longest > MAX_TEXT_TOKENS || !fits {
            return Ok(None);
        }
        let mut session = std::mem::take(&mut self.judge_session);
        let judged = self.judge_texts(&mut session, capacity, &prefix, &texts, interrupted);
        session.truncate(prefix.len());
        self.judge_session = session;
        let Some(mut judged) = judged? else { return Ok(None) };
        for (tokens, text) in judged.texts.iter_mut().zip(&texts) {
            for (token, id) in tokens.iter_mut().zip(text) {
                token.n_bytes = tokenizer.token_bytes(*id).len();
            }
        }
        Ok(Some(judged))
    }

    fn judge_texts(
        &mut self,
        session: &mut JudgeSession,
        capacity: usize,
        prefix: &[TokenId],
        texts: &[Vec<TokenId>],
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Judged>, ModelError> {
        let n_shared = crate::session::common_prefix(&session.tokens, prefix).min(prefix.len() - 1);
        session.truncate(n_shared);
        let mut judged = Judged { n_reused: n_shared, ..Judged::default() };
        let missing = prefix.get(n_shared..).unwrap_or_default();
        let n_chunk = chunk_tokens(self.speed.estimate().prefill / 2.0);
        for chunk in missing.chunks(n_chunk) {
            if !self.extend(session, capacity, chunk, LogitsMode::Last, interrupted)? {
                return Ok(None);
            }
            judged.n_computed += chunk.len();
        }
        let after_prefix = self.logits.clone();
        let mut previous: &[TokenId] = &[];
        for text in texts {
            let earlier = judged.texts.last().cloned().unwrap_or_default();
            // The last common token is computed again, because its logits are needed.
            let n_kept = crate::session::common_prefix(previous, text).min(text.len() - 1);
            let from = n_kept.saturating_sub(1);
            session.truncate(prefix.len() + from);
            let mut tokens: Vec<JudgedToken> = earlier.into_iter().take(n_kept).collect();
            if tokens.is_empty() {
                tokens.extend(text.first().map(|id| judged_token(&after_prefix, *id)));
            }
            let inputs = text.get(from..text.len() - 1).unwrap_or_default();
            let mut at = from;
            for chunk in inputs.chunks(n_chunk) {
                if !self.extend(session, capacity, chunk, LogitsMode::All, interrupted)? {
                    return Ok(None);
                }
                judged.n_computed += chunk.len();
                for row in self.logits.chunks_exact(self.model.config().vocab) {
                    at += 1;
                    if let Some(id) = text.get(at).filter(|_| at >= tokens.len()) {
                        tokens.push(judged_token(row, *id));
                    }
                }
            }
            judged.texts.push(tokens);
            previous = text;
        }
        Ok(Some(judged))
    }

    fn extend(
        &mut self,
        session: &mut JudgeSession,
        capacity: usize,
        tokens: &[TokenId],
        mode: LogitsMode,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<bool, ModelError> {
        if interrupted() {
            return Ok(false);
        }
        let model = &mut *self.model;
        let cache = session.cache.get_or_insert_with(|| model.new_cache(capacity));
        let whole = model.forward(tokens, cache, mode, &mut self.logits, interrupted)?;
        if whole {
            session.tokens.extend_from_slice(tokens);
        }
        Ok(whole)
    }
}

/// Returns a token with its log-probability; its length is not known here.
fn judged_token(logits: &[f32], id: TokenId) -> JudgedToken {
    let logit = logits.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
    JudgedToken { n_bytes: 0, log_prob: logit - log_sum_exp(logits) }
}
