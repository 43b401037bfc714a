//! What a server is asked, and what it answers.

use std::sync::Arc;
use std::time::Duration;

/// A request for a text.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub prompt: RemotePrompt,
    /// Text before the cursor that was removed from the end of the prompt. The answer must begin
    /// with it, and the text passed on does not have it.
    pub required_start: String,
    /// The prompt with that text, for a second call if the answer does not begin as required.
    pub unhealed: Option<RemotePrompt>,
    /// Maximum number of tokens of the answer.
    pub max_tokens: usize,
    /// Texts that end the answer at the server; at most four.
    pub stop: Vec<String>,
    /// Tokens that end the answer, in the vocabulary of [`RemotePrompt::tokens`].
    pub end_tokens: Vec<u32>,
    /// Shows whether the server's model has the vocabulary of [`RemotePrompt::tokens`].
    pub vocabulary: Option<Arc<VocabularySample>>,
}

/// A prompt in the forms that servers take. The protocol and the server's vocabulary decide which
/// one is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemotePrompt {
    /// Token ids; empty if the local model has no sentinels.
    pub tokens: Vec<u32>,
    /// The same as text with the sentinels, without a beginning-of-text token; empty if the local
    /// model has no sentinels.
    pub text: String,
    pub parts: PromptParts,
}

/// The parts of a prompt, for a server that adds the sentinels itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptParts {
    /// The text before the anchor.
    pub prefix: String,
    /// The text from the anchor to the cursor.
    pub middle: String,
    /// The text after the cursor.
    pub suffix: String,
    /// Text of other files: name and text.
    pub extras: Vec<(String, String)>,
}

/// A text with its tokens in the local model's vocabulary, sentinels included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VocabularySample {
    pub text: String,
    pub tokens: Vec<u32>,
}

/// Whether a server shall go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Continue,
    /// The text is long enough: the connection is closed.
    Stop,
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteEnd {
    /// The model or a stop text ended it.
    Stop,
    /// At the maximum number of tokens.
    Limit,
    /// The caller returned [`Flow::Stop`].
    Caller,
}

/// Token counts, as far as the server reports them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RemoteCounts {
    pub prompt: Option<usize>,
    /// Prompt tokens that were in the server's cache.
    pub cached: Option<usize>,
    pub decoded: Option<usize>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteText {
    /// The text after [`Ask::required_start`].
    pub text: String,
    /// Natural-log probability of each token; empty if the server does not report it.
    pub log_probs: Vec<f32>,
    pub end: RemoteEnd,
    pub counts: RemoteCounts,
    /// From the call to the first text.
    pub first_text: Duration,
    pub total: Duration,
    /// The model's name at the server.
    pub model: String,
    /// The form of the prompt: `token ids`, `text with sentinels`, `prefix and suffix`.
    pub form: &'static str,
}
