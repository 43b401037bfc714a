//! `POST /v1/completions`: the body, the completion request, the answer.
//!
//! The answer is only text to insert at the cursor. A suggestion that replaces text is returned
//! only if the replaced text is at its end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use lowkey_completer::{
    Completer, CompletionRequest, Insert, Outcome, Status, StopReason, TimeLimit,
};
use lowkey_document::{ByteOffset, Document, Language};
use serde::Deserialize;
use serde_json::{Value, json};

use super::response::{self, ApiError, Response};
use super::{fim, guess};

/// Maximum number of choices in one request.
const MAX_CHOICES: u64 = 4;

/// Numbers the requests of this process: each is its own document and supersedes no other.
static N_REQUESTS: AtomicU64 = AtomicU64::new(1);

/// The parts of a request's body that are used; other fields (temperature and others) have no
/// effect.
#[derive(Debug, Deserialize)]
struct Body {
    prompt: Option<Value>,
    #[serde(default)]
    suffix: Option<String>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    stop: Option<Value>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    n: Option<u64>,
}

/// The parameters of a valid request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CompletionParams {
    prefix: String,
    suffix: String,
    path: Option<String>,
    max_tokens: Option<usize>,
    stops: Vec<String>,
    streams: bool,
    n_choices: usize,
}

impl CompletionParams {
    /// Parses a body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let reject = |message: &str| ApiError::new(StatusCode::BAD_REQUEST, message.to_owned());
        let body: Body = serde_json::from_slice(body).map_err(|error| {
            // The parser's message may quote the text, so only its position is reported.
            let (line, column) = (error.line(), error.column());
            reject(&format!(
                "the body is not valid JSON for this request, at line {line} column {column}"
            ))
        })?;
        let prompt = match body.prompt {
            Some(Value::String(prompt)) => prompt,
            Some(Value::Array(mut prompts)) if prompts.len() == 1 => match prompts.pop() {
                Some(Value::String(prompt)) => prompt,
                _ => return Err(reject("prompt holds token ids; send it as text")),
            },
            None => {
                return Err(reject(
                    "prompt is missing; send the text around the cursor with your model's fill-in-the-middle markers",
                ));
            }
            Some(_) => return Err(reject("prompt is not a string")),
        };
        let Some(middle) = fim::read(&prompt) else {
            return Err(reject(
                "the prompt requests a rewritten region; set the client's prompt format to qwen",
            ));
        };
        let stops = match body.stop {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(stop)) => vec![stop],
            Some(Value::Array(stops)) => {
                let stops = stops.into_iter().map(|stop| stop.as_str().map(str::to_owned));
                stops
                    .collect::<Option<_>>()
                    .ok_or_else(|| reject("stop contains a value that is not a string"))?
            }
            Some(_) => return Err(reject("stop is neither a string nor a list of strings")),
        };
        let n = body.n.unwrap_or(1);
        if !(1..=MAX_CHOICES).contains(&n) {
            return Err(reject(&format!("n is {n}, the limit is {MAX_CHOICES}")));
        }
        Ok(Self {
            suffix: format!("{}{}", middle.suffix, body.suffix.unwrap_or_default()),
            path: middle.path.map(str::to_owned),
            prefix: middle.prefix,
            max_tokens: body.max_tokens.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
            stops: stops.into_iter().filter(|stop: &String| !stop.is_empty()).collect(),
            streams: body.stream == Some(true),
            n_choices: n as usize,
        })
    }

    /// Cuts a text where a stop begins; returns whether it was cut.
    fn cut<'t>(&self, text: &'t str) -> (&'t str, bool) {
        let at = self.stops.iter().filter_map(|stop| text.find(stop)).min();
        (at.and_then(|at| text.get(..at)).unwrap_or(text), at.is_some())
    }
}

/// Answers a request.
pub(super) async fn complete(
    completer: &Arc<Completer>,
    params: CompletionParams,
) -> Result<Response, ApiError> {
    let number = N_REQUESTS.fetch_add(1, Ordering::Relaxed);
    let document = OpenDocument::new(completer, number, &params);
    let cursor = ByteOffset(params.prefix.len());
    let snapshot = document.document.snapshot();
    let request = CompletionRequest {
        time_limit: TimeLimit::Unlimited,
        max_tokens: params.max_tokens,
        alternatives: params.n_choices - 1,
        // A client that stops at a line end only uses the first line.
        multiline: params.stops.iter().any(|stop| stop == "\n").then_some(false),
        ..CompletionRequest::new(snapshot.clone(), cursor)
    };
    let answer = completer.complete(request).await;
    if let Status::Failed(reason) = completer.status() {
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, reason));
    }
    let report = &answer.report;
    let inserts: Vec<Insert> = match answer.outcome {
        Outcome::Insert(best) => {
            std::iter::once(best).chain(answer.others.into_iter().map(|(_, other)| other)).collect()
        }
        Outcome::Nothing | Outcome::Superseded => Vec::new(),
    };
    let texts = inserts.iter().filter_map(|insert| insert.continuation(&snapshot, cursor));
    let mut texts: Vec<(&str, bool)> = texts.map(|text| params.cut(text)).collect();
    if texts.is_empty() {
        texts.push(("", true));
    }
    let is_cut = report.stop == Some(StopReason::Limit);
    let choice = |index: usize, text: &str, finish: Option<&str>| json!({"index": index, "text": text, "logprobs": null, "finish_reason": finish});
    let finish = |stopped: bool| if is_cut && !stopped { "length" } else { "stop" };
    let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let envelope = |choices: Value| {
        json!({
            "id": format!("cmpl-{number}"),
            "object": "text_completion",
            "created": created,
            "model": report.model,
            "choices": choices,
        })
    };
    if params.streams {
        // Trims need the whole text, so the answer is one event.
        let mut events = Vec::new();
        for (index, (text, stopped)) in texts.iter().enumerate() {
            events.push(envelope(json!([choice(index, text, None)])));
            events.push(envelope(json!([choice(index, "", Some(finish(*stopped)))])));
        }
        return Ok(response::events(&events));
    }
    let choices: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, (text, stopped))| choice(index, text, Some(finish(*stopped))))
        .collect();
    let mut body = envelope(json!(choices));
    let (n_prompt, n_decoded) = (report.tokens.prompt, report.tokens.decoded);
    body["usage"] = json!({
        "prompt_tokens": n_prompt,
        "completion_tokens": n_decoded,
        "total_tokens": n_prompt + n_decoded,
    });
    Ok(response::json(StatusCode::OK, &body))
}

/// A request's text as a document; Drop closes it.
struct OpenDocument<'c> {
    completer: &'c Completer,
    document: Document,
}

impl<'c> OpenDocument<'c> {
    /// Opens the document. The number keeps documents apart, and the prompt's label must not
    /// contain it.
    fn new(completer: &'c Completer, number: u64, params: &CompletionParams) -> Self {
        // The dots of the file name are kept: the name of a secret file may begin with one.
        let named = params.path.as_deref().map(|path| path.trim_start_matches("./"));
        let path = named.or_else(|| guess::file_name(&params.prefix, &params.suffix));
        let (uri, language) = match path {
            Some(path) => (
                format!("file:///{number}/{}", path.trim_start_matches('/')),
                Language::by_path(Path::new(path)).id,
            ),
            None => (format!("untitled:{number}/"), Language::plain_text().id),
        };
        let text = format!("{}{}", params.prefix, params.suffix);
        Self { completer, document: Document::open(&uri, language, 1, &text) }
    }
}

impl Drop for OpenDocument<'_> {
    fn drop(&mut self) {
        self.completer.closed(self.document.snapshot().uri());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(body: &str) -> String {
        let error = CompletionParams::parse(body.as_bytes()).unwrap_err();
        assert_eq!(error.status, StatusCode::BAD_REQUEST);
        error.message.into_owned()
    }

    #[test]
    fn invalid_bodies_are_rejected_unquoted() {
        for (body, word) in [
            ("", "JSON"),
            (r#"{"prompt": secret}"#, "line 1 column"),
            (r#"{"prompt": "secret""#, "JSON"),
            ("{}", "missing"),
            (r#"{"prompt": 3}"#, "not a string"),
            (r#"{"prompt": ["a", "b"]}"#, "not a string"),
            (r#"{"prompt": [[1, 2]]}"#, "token ids"),
            (r#"{"prompt": "a", "stop": 3}"#, "stop"),
            (r#"{"prompt": "a", "stop": [3]}"#, "stop"),
            (r#"{"prompt": "a", "n": 5}"#, "limit is 4"),
            (r#"{"prompt": "a", "n": 0}"#, "limit is 4"),
            (r#"{"prompt": "<|editable_region_start|>"}"#, "prompt format"),
            (r#"{"prompt": "a", "max_tokens": -1}"#, "JSON"),
        ] {
            let message = rejection(body);
            assert!(message.contains(word) && !message.contains("secret"), "{body}: {message}");
        }
    }

    #[test]
    fn zed_request_is_parsed() {
        let body = r#"{"model":"qwen2.5-coder","prompt":"<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>","max_tokens":64,"temperature":null,"stop":["<|endoftext|>","<|fim_prefix|>"],"environment":null}"#;
        let params = CompletionParams::parse(body.as_bytes()).unwrap();
        assert_eq!((&*params.prefix, &*params.suffix), ("a", "b"));
        assert_eq!((params.max_tokens, params.n_choices, params.streams), (Some(64), 1, false));
        assert_eq!(params.cut("x<|fim_prefix|>y"), ("x", true));
        assert_eq!(params.cut("xy"), ("xy", false));
    }
}
