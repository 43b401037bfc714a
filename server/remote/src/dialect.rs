//! The protocols of servers: the bodies of requests, and the events of answers.
//!
//! An event is read leniently: a field that is missing or of another type counts as absent, because
//! servers differ and change. Only an event that is no JSON object is an error.

use serde_json::Value;

use crate::ask::{Ask, RemoteCounts, RemoteEnd};
use crate::stream::Framing;

mod llama_server;
mod ollama;
mod openai;

/// The protocol in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RemoteProtocol {
    /// Found out by asking the server.
    #[default]
    Auto,
    OpenAi,
    LlamaServer,
    Ollama,
}

/// A server's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `POST /v1/completions`, as vLLM and many others.
    OpenAi,
    /// `POST /completion` and `/infill` of llama-server.
    LlamaServer,
    /// `POST /api/generate` of Ollama.
    Ollama,
}

/// The request for a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Body {
    pub(crate) path: &'static str,
    pub(crate) json: Value,
    /// The form of the prompt, in words.
    pub(crate) form: &'static str,
}

/// A part of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) log_probs: Vec<f32>,
    pub(crate) end: Option<RemoteEnd>,
    pub(crate) counts: Option<RemoteCounts>,
    /// The server's failure while it answers: kind and message.
    pub(crate) failure: Option<(String, String)>,
}

impl Dialect {
    /// Returns the protocol's name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::LlamaServer => "llama-server",
            Self::Ollama => "ollama",
        }
    }

    /// Returns how the server divides an answer into events.
    #[doc(hidden)]
    pub fn framing(self) -> Framing {
        match self {
            Self::OpenAi | Self::LlamaServer => Framing::ServerSentEvents,
            Self::Ollama => Framing::Lines,
        }
    }

    /// Builds the request; `None` if the prompt has no form that the server takes.
    ///
    /// `shares_vocabulary`: whether the server's model has the token ids of the prompt.
    pub(crate) fn body(self, ask: &Ask, model: &str, shares_vocabulary: bool) -> Option<Body> {
        let sends_ids = shares_vocabulary && !ask.prompt.tokens.is_empty();
        match self {
            Self::OpenAi => openai::body(ask, model, sends_ids),
            Self::LlamaServer => Some(llama_server::body(ask, sends_ids)),
            Self::Ollama => Some(ollama::body(ask, model)),
        }
    }

    /// Reads an event for the fuzz target: returns the text and the log-probabilities, `None` if it
    /// is not a JSON object.
    #[doc(hidden)]
    pub fn read_event(self, event: &str) -> Option<(String, Vec<f32>)> {
        self.part(event).map(|part| (part.text, part.log_probs))
    }

    /// Reads an event; `None` if it is not a JSON object.
    pub(crate) fn part(self, event: &str) -> Option<Part> {
        let json: Value = serde_json::from_str(event).ok()?;
        let mut part = match self {
            _ if !json.is_object() => return None,
            Self::OpenAi => openai::part(&json),
            Self::LlamaServer => llama_server::part(&json),
            Self::Ollama => ollama::part(&json),
        };
        part.failure = failure(&json);
        Some(part)
    }
}

/// Returns kind and message of an error object: `{"error": {"type", "message"}}`, `{"error":
/// "message"}`, or the same fields without the outer object.
pub(crate) fn failure(json: &Value) -> Option<(String, String)> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    match json.get("error") {
        Some(Value::String(message)) => Some((String::new(), message.clone())),
        Some(error @ Value::Object(_)) => {
            Some((text(error.get("type")), text(error.get("message"))))
        }
        _ if json.get("object").and_then(Value::as_str) == Some("error") => {
            Some((text(json.get("type")), text(json.get("message"))))
        }
        // FastAPI, on which vLLM is built.
        _ => {
            let detail = json.get("detail").filter(|detail| !detail.is_null())?;
            let message = detail.as_str().map_or_else(|| detail.to_string(), str::to_owned);
            Some((String::new(), message))
        }
    }
}

/// Returns a field as a count.
pub(crate) fn count(json: Option<&Value>) -> Option<usize> {
    json?.as_u64()?.try_into().ok()
}

/// Returns the log-probabilities in a list of numbers, or of objects with the field `logprob`.
///
/// Servers write negative infinity as `null` or as a very large number; both become the lowest
/// number.
fn log_probs(list: Option<&Value>) -> Vec<f32> {
    let tokens = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of_token = |token: &Value| {
        let number = token.get("logprob").unwrap_or(token).as_f64().unwrap_or(f64::MIN);
        (number as f32).clamp(f32::MIN, 0.0)
    };
    tokens.iter().map(of_token).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ask::{PromptParts, RemotePrompt};

    pub(super) fn ask() -> Ask {
        Ask {
            prompt: RemotePrompt {
                tokens: vec![7, 8, 9],
                text: "<pre>a<suf>c<mid>b".into(),
                parts: PromptParts {
                    prefix: "a".into(),
                    middle: "b".into(),
                    suffix: "c".into(),
                    extras: vec![("x.rs".into(), "fn x();".into())],
                },
            },
            max_tokens: 64,
            stop: vec!["\n".into()],
            end_tokens: vec![1, 2],
            ..Ask::default()
        }
    }

    #[test]
    fn errors_of_servers_are_read() {
        for (json, kind, message) in [
            (json!({"error": {"type": "NotFoundError", "message": "no"}}), "NotFoundError", "no"),
            (json!({"error": "model 'x' not found"}), "", "model 'x' not found"),
            (json!({"object": "error", "type": "T", "message": "m"}), "T", "m"),
            (json!({"detail": "Not Found"}), "", "Not Found"),
        ] {
            assert_eq!(failure(&json), Some((kind.to_owned(), message.to_owned())), "{json}");
        }
        assert_eq!(failure(&json!({"choices": [], "error": null})), None);
    }

    #[test]
    fn log_probs_are_finite_and_at_most_zero() {
        let list = json!([-0.5, {"logprob": -1.0}, null, {"logprob": -3.5e38}, 0.25, "x"]);
        assert_eq!(log_probs(Some(&list)), [-0.5, -1.0, f32::MIN, f32::MIN, 0.0, f32::MIN]);
        assert_eq!(log_probs(Some(&json!(null))), [] as [f32; 0]);
    }

    #[test]
    fn events_that_are_no_object_are_refused() {
        for dialect in [Dialect::OpenAi, Dialect::LlamaServer, Dialect::Ollama] {
            assert_eq!(dialect.part("[1]"), None);
            assert_eq!(dialect.part("{\"a\""), None);
            assert_eq!(
                dialect.part("{\"choices\":7,\"content\":[],\"response\":{}}"),
                Some(Part::default())
            );
        }
    }
}
