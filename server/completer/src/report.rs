//! The JSON of one completion: what `lowkey complete --json` prints and
//! `$/lowkey/explain` returns.
//!
//! This schema is a promise to editors and scripts; fields are added, never
//! renamed.

use lowkey_suggestion::{Confidence, StopReason};
use serde::{Deserialize, Serialize};

use crate::insert::Insert;

/// Everything that can be said about one answer.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct Report {
    /// The trimmed suggestion, also when a rule silenced it.
    pub text: String,
    /// What an editor would replace with what; `null` when nothing is shown.
    pub insert: Option<InsertReport>,
    /// Where the text came from.
    pub source: Source,
    /// Why decoding ended; `null` without decoding.
    pub stop: Option<StopReason>,
    /// The rule that silenced the suggestion; `null` when it is shown.
    pub silent: Option<String>,
    /// The model's name; empty while none is loaded.
    pub model: String,
    /// Which prompt was asked; `null` without decoding.
    pub prompt_size: Option<PromptSize>,
    /// What it cost in tokens.
    pub tokens: Tokens,
    /// What it cost in time.
    pub ms: Ms,
    /// What the gate estimated; `None` when nothing came so far. Not part of the schema: `why` says it.
    #[serde(skip)]
    pub gate: Option<GateReport>,
    /// How sure the model was; `None` without decoding. Not part of the schema: benchmarks read it.
    #[serde(skip)]
    pub confidence: Option<Confidence>,
    /// What accepting the model's own text would do, before the trims. Not part of the schema either.
    #[serde(skip)]
    pub untrimmed: Option<Insert>,
    /// The trims that changed the model's text, in order. Not part of the schema: `why` says it in words.
    #[serde(skip)]
    pub trims: Vec<&'static str>,
    /// Each stage's verdict in plain words; filled for `--explain` and `$/lowkey/explain`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

/// What the gate estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateReport {
    /// How likely the suggestion is right.
    pub probability: f32,
    /// From which probability on it is shown by itself.
    pub threshold: f32,
}

/// 0-based, UTF-16 columns.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct InsertReport {
    /// Line and column where the replaced range starts.
    pub start: [u32; 2],
    /// Line and column where it ends.
    pub end: [u32; 2],
    /// The text that replaces it.
    pub text: String,
}

/// Where a text came from.
#[derive(Debug, Clone, Copy, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The model, running for this request; also when it had nothing to add.
    Model,
    /// The completion memory: no inference.
    Memory,
    /// Neither was asked.
    #[default]
    None,
}

/// Which prompt was asked.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum PromptSize {
    /// The lines around the cursor, because the whole prompt was not computed yet.
    Small,
    /// All that fits.
    Full,
}

/// Token counts; see [`lowkey_engine::TokenCounts`].
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Tokens {
    /// Of the prompt.
    pub prompt: usize,
    /// Found in a KV cache.
    pub reused: usize,
    /// Computed for this request.
    pub prefilled: usize,
    /// Decoded.
    pub decoded: usize,
    /// Drafted by speculation.
    pub drafted: usize,
    /// Accepted of these.
    pub draft_accepted: usize,
}

/// Milliseconds; see [`lowkey_engine::Milliseconds`].
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq)]
pub struct Ms {
    /// Waiting for the worker.
    pub queued: f64,
    /// Building the prompt.
    pub prepare: f64,
    /// Computing the prompt.
    pub prefill: f64,
    /// From asking to the first token.
    pub first_token: f64,
    /// Decoding.
    pub decode: f64,
    /// From asking to the answer.
    pub total: f64,
}

impl From<lowkey_engine::TokenCounts> for Tokens {
    fn from(t: lowkey_engine::TokenCounts) -> Self {
        let lowkey_engine::TokenCounts {
            prompt,
            reused,
            prefilled,
            decoded,
            drafted,
            draft_accepted,
        } = t;
        Self { prompt, reused, prefilled, decoded, drafted, draft_accepted }
    }
}

impl From<lowkey_engine::Milliseconds> for Ms {
    fn from(t: lowkey_engine::Milliseconds) -> Self {
        let lowkey_engine::Milliseconds { queued, prepare, prefill, first_token, decode, total } =
            t;
        let [queued, prepare, prefill, first_token, decode, total] =
            [queued, prepare, prefill, first_token, decode, total].map(to_microseconds);
        Self { queued, prepare, prefill, first_token, decode, total }
    }
}

/// Rounds milliseconds to whole microseconds: more digits are noise to a reader.
pub fn to_microseconds(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
