//! The JSON of one completion: what `lowkey complete --json` prints and
//! `$/lowkey/explain` returns.
//!
//! This schema is a promise to editors and scripts: fields are added, never renamed.

use lowkey_suggestion::{Confidence, StopReason};
use serde::{Deserialize, Serialize};

use crate::insert::Insert;

/// All information about one answer.
#[derive(Debug, Clone, Default, Serialize, PartialEq)]
pub struct Report {
    /// The trimmed suggestion, even if a rule suppressed it.
    pub text: String,
    /// The edit of an editor; `null` if nothing is shown.
    pub insert: Option<InsertReport>,
    /// The source of the text.
    pub source: TextSource,
    /// Why decoding ended; `null` without decoding.
    pub stop: Option<StopReason>,
    /// The rule that suppressed the suggestion; `null` if it is shown.
    pub silent: Option<String>,
    /// The model's name; empty until one is loaded.
    pub model: String,
    /// The prompt that was used; `null` without decoding.
    pub prompt_size: Option<PromptSize>,
    /// Token counts.
    pub tokens: Tokens,
    /// Times.
    pub ms: Ms,
    /// The gate's estimate; `None` without a text. Not part of the schema: `why` has it in words.
    #[serde(skip)]
    pub gate: Option<GateReport>,
    /// The model's confidence; `None` without decoding. Not part of the schema: benchmarks read it.
    #[serde(skip)]
    pub confidence: Option<Confidence>,
    /// How many snippets of other files were offered to the prompt. Not part of the schema: `why`
    /// names them.
    #[serde(skip)]
    pub n_snippets: usize,
    /// Whether the text is the remote server's or the second model's. Not part of the schema: `why`
    /// says it.
    #[serde(skip)]
    pub is_refined: bool,
    /// The edit of the model's own text, before the trims. Not part of the schema either.
    #[serde(skip)]
    pub untrimmed: Option<Insert>,
    /// The trims that changed the model's text, in order. Not part of the schema: `why` has them in
    /// words.
    #[serde(skip)]
    pub trims: Vec<&'static str>,
    /// Each stage's decision in words; filled for `--explain` and `$/lowkey/explain`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

/// The gate's estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateReport {
    /// The probability that the suggestion is right.
    pub probability: f32,
    /// The lowest probability at which it is shown automatically.
    pub threshold: f32,
}

/// 0-based, UTF-16 columns.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct InsertReport {
    /// Line and column of the start of the replaced range.
    pub start: [u32; 2],
    /// Line and column of its end.
    pub end: [u32; 2],
    /// The new text.
    pub text: String,
}

/// The source of a text.
#[derive(Debug, Clone, Copy, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum TextSource {
    /// A model on this machine, running for this request; also if it had nothing to add.
    Model,
    /// The completion memory, without inference.
    Memory,
    /// The remote server.
    Remote,
    /// No source was used.
    #[default]
    None,
}

/// The prompt that was used.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum PromptSize {
    /// The lines around the cursor, because the whole prompt was not computed yet.
    Small,
    /// The whole prompt.
    Full,
}

/// Token counts; see [`lowkey_engine::TokenCounts`].
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Tokens {
    pub prompt: usize,
    /// Found in a KV cache.
    pub reused: usize,
    /// Computed for this request.
    pub prefilled: usize,
    pub decoded: usize,
    pub drafted: usize,
    /// Drafted tokens that were accepted.
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
    /// From the request to the first token.
    pub first_token: f64,
    /// Decoding.
    pub decode: f64,
    /// From the request to the answer.
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

/// Rounds milliseconds to whole microseconds, because more digits are noise.
pub fn to_microseconds(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
