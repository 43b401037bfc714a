//! Checks the remote server, for `lowkey doctor`. Waits on the caller's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lowkey_remote::{
    Ask, Flow, Remote, RemoteConfig, RemoteError, RemoteText, RemoteTimeouts, ServerInfo,
};
use lowkey_suggestion::{Confidence, StopRules};

use crate::answer::Answer;
use crate::answer_builder::RawCompletion;
use crate::prepared_request::PreparedRequest;
use crate::remote_call::kept_bytes;
use crate::remote_prompt::RemotePrompts;
use crate::report::{Report, TextSource};
use crate::request::{ActiveRequest, CompletionRequest};
use crate::state::Completer;

/// No key waits for a check, and a slow server is worth a measurement.
const PATIENCE: Duration = Duration::from_mins(1);
/// Tokens for the measurement of the speed.
const SPEED_TOKENS: usize = 64;

/// A server under examination. Nothing is stored, and failures make no pause.
pub struct RemoteCheck {
    completer: Arc<Completer>,
    server: Remote,
}

/// The result of sending one prompt twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RemoteSpeed {
    pub prompt_tokens: Option<usize>,
    /// Prompt tokens that were in the server's cache at the second time.
    pub cached_tokens: Option<usize>,
    /// Until the first text, at the first and the second time.
    pub first_text: [Duration; 2],
    /// Tokens per second after the first one; `None` for fewer than two tokens.
    pub tokens_per_s: Option<f64>,
}

impl RemoteCheck {
    /// The local model must be loaded: the prompts are in its format.
    pub fn new(completer: &Arc<Completer>, config: RemoteConfig) -> Self {
        let timeouts = RemoteTimeouts { read: PATIENCE, total: PATIENCE, ..config.timeouts };
        let config = RemoteConfig { timeouts, ..config };
        Self { completer: Arc::clone(completer), server: Remote::new(config, |_| {}) }
    }

    /// Asks the server for its protocol, its model and its vocabulary.
    pub fn find(&self) -> Result<ServerInfo, RemoteError> {
        let prompts = self.completer.remote.prompts();
        let sample = prompts.as_ref().and_then(|prompts| prompts.sample());
        self.server.check(sample.as_deref())
    }

    /// Returns the time of a short request on an open connection.
    pub fn round_trip(&self) -> Result<Duration, RemoteError> {
        self.server.round_trip()
    }

    /// Asks for a text and makes an answer of it, as for an editor.
    pub fn ask(&self, request: CompletionRequest) -> Result<Answer, RemoteError> {
        let (active, prepared, prompts) = self.prepared(request)?;
        let ask = prepared.remote_ask(&prompts);
        let mut rules = StopRules::new(&prepared.for_suggestion());
        let mut kept = None;
        let answer = self.server.ask_now(&ask, &mut |text, _| {
            kept = kept_bytes(&mut rules, prompts.end_texts(), text);
            if kept.is_some() { Flow::Stop } else { Flow::Continue }
        })?;
        let RemoteText { text, log_probs, model, .. } = answer;
        let raw = RawCompletion {
            text: text.get(..kept.unwrap_or(text.len())).unwrap_or_default(),
            is_complete: true,
            confidence: Confidence::of(&log_probs),
            typed_bytes: prepared.typed().len(),
        };
        let report =
            Report { source: TextSource::Remote, model, is_refined: true, ..Report::default() };
        Ok(self.completer.build_answer(&active, &prepared, raw, report))
    }

    /// Sends one prompt twice and measures.
    pub fn speed(&self, request: CompletionRequest) -> Result<RemoteSpeed, RemoteError> {
        let (_, prepared, prompts) = self.prepared(request)?;
        let ask = prompts.ask(&prepared.prompt_source(), SPEED_TOKENS, false);
        let first = self.timed(&ask)?;
        let second = self.timed(&ask)?;
        let n_tokens = second.0.counts.decoded.unwrap_or(second.0.log_probs.len());
        let seconds = second.0.total.saturating_sub(second.0.first_text).as_secs_f64();
        let tokens_per_s = (n_tokens > 1 && seconds > 0.0).then(|| (n_tokens - 1) as f64 / seconds);
        Ok(RemoteSpeed {
            prompt_tokens: second.0.counts.prompt,
            cached_tokens: second.0.counts.cached,
            first_text: [first.1, second.1],
            tokens_per_s,
        })
    }

    /// Prepares a request; fails if the rules hide the document or no model is loaded.
    fn prepared(
        &self,
        request: CompletionRequest,
    ) -> Result<(ActiveRequest, PreparedRequest, Arc<RemotePrompts>), RemoteError> {
        let active = ActiveRequest::background(request);
        let prepared = self.completer.prepare(&active, &self.completer.settings());
        let prepared = prepared.map_err(|_| RemoteError::NothingToAsk)?;
        let prompts = self.completer.remote.prompts().ok_or(RemoteError::NothingToAsk)?;
        Ok((active, prepared, prompts))
    }

    /// Asks; also returns the time until the first text, or until the end of an answer without one.
    fn timed(&self, ask: &Ask) -> Result<(RemoteText, Duration), RemoteError> {
        let began = Instant::now();
        let mut first = None;
        let text = self.server.ask_now(ask, &mut |_, _| {
            first.get_or_insert_with(|| began.elapsed());
            Flow::Continue
        })?;
        Ok((text, first.unwrap_or_else(|| began.elapsed())))
    }
}
