//! `POST /v1/completions`: the body, the completion request, the answer.
//!
//! The answer is only text to insert at the cursor. A suggestion that replaces text is returned
//! only if the replaced text is at its end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use lowkey_completer::{
    Completer, CompletionRequest, Insert, Outcome, Status, StopReason, TimeLimit,
};
use lowkey_document::{ByteOffset, Document, Language};
use serde::Deserialize;
use serde_json::{Value, json};

use super::response::{Refusal, Response};
use super::{fim, guess};

/// Maximum number of choices in one request.
const MOST_CHOICES: u64 = 4;

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

/// A valid request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    prefix: String,
    suffix: String,
    path: Option<String>,
    max_tokens: Option<usize>,
    stops: Vec<String>,
    streams: bool,
    n_choices: usize,
}

impl Asked {
    /// Parses a body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let refuse = |why: &str| Refusal::new(400, why.to_owned());
        let body: Body = serde_json::from_slice(body).map_err(|error| {
            // The parser's message may quote the text, so only its position is reported.
            let (line, column) = (error.line(), error.column());
            refuse(&format!(
                "the body is not valid JSON for this request, at line {line} column {column}"
            ))
        })?;
        let prompt = match body.prompt {
            Some(Value::String(prompt)) => prompt,
            Some(Value::Array(mut prompts)) if prompts.len() == 1 => match prompts.pop() {
                Some(Value::String(prompt)) => prompt,
                _ => return Err(refuse("prompt holds token ids; send it as text")),
            },
            None => {
                return Err(refuse(
                    "prompt is missing; send the text around the cursor with your model's fill-in-the-middle markers",
                ));
            }
            Some(_) => return Err(refuse("prompt is not a string")),
        };
        let Some(middle) = fim::read(&prompt) else {
            return Err(refuse(
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
                    .ok_or_else(|| refuse("stop contains a value that is not a string"))?
            }
            Some(_) => return Err(refuse("stop is neither a string nor a list of strings")),
        };
        let n = body.n.unwrap_or(1);
        if !(1..=MOST_CHOICES).contains(&n) {
            return Err(refuse(&format!("n is {n}, the limit is {MOST_CHOICES}")));
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
    asked: Asked,
) -> Result<Response, Refusal> {
    let number = N_REQUESTS.fetch_add(1, Ordering::Relaxed);
    let document = Opened::new(completer, number, &asked);
    let cursor = ByteOffset(asked.prefix.len());
    let snapshot = document.document.snapshot();
    let request = CompletionRequest {
        time_limit: TimeLimit::Unlimited,
        max_tokens: asked.max_tokens,
        alternatives: asked.n_choices - 1,
        // A client that stops at a line end only uses the first line.
        multiline: asked.stops.iter().any(|stop| stop == "\n").then_some(false),
        ..CompletionRequest::new(snapshot.clone(), cursor)
    };
    let answer = completer.complete(request).await;
    if let Status::Failed(reason) = completer.status() {
        return Err(Refusal::new(503, reason));
    }
    let report = &answer.report;
    let inserts: Vec<Insert> = match answer.outcome {
        Outcome::Insert(best) => {
            std::iter::once(best).chain(answer.others.into_iter().map(|(_, other)| other)).collect()
        }
        Outcome::Nothing | Outcome::Superseded => Vec::new(),
    };
    let texts = inserts.iter().filter_map(|insert| insert.continuation(&snapshot, cursor));
    let mut texts: Vec<(&str, bool)> = texts.map(|text| asked.cut(text)).collect();
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
    if asked.streams {
        // Trims need the whole text, so the answer is one event.
        let mut events = Vec::new();
        for (index, (text, stopped)) in texts.iter().enumerate() {
            events.push(envelope(json!([choice(index, text, None)])));
            events.push(envelope(json!([choice(index, "", Some(finish(*stopped)))])));
        }
        return Ok(Response::events(&events));
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
    Ok(Response::json(200, &body))
}

/// A request's text as a document; Drop closes it.
struct Opened<'c> {
    completer: &'c Completer,
    document: Document,
}

impl<'c> Opened<'c> {
    /// Opens the document. The number keeps documents apart, and the prompt's label must not
    /// contain it.
    fn new(completer: &'c Completer, number: u64, asked: &Asked) -> Self {
        // The dots of the file name are kept: the name of a secret file may begin with one.
        let named = asked.path.as_deref().map(|path| path.trim_start_matches("./"));
        let path = named.or_else(|| guess::file_name(&asked.prefix, &asked.suffix));
        let (uri, language) = match path {
            Some(path) => (
                format!("file:///{number}/{}", path.trim_start_matches('/')),
                Language::by_path(Path::new(path)).id,
            ),
            None => (format!("untitled:{number}/"), Language::plain_text().id),
        };
        let text = format!("{}{}", asked.prefix, asked.suffix);
        Self { completer, document: Document::open(&uri, language, 1, &text) }
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.completer.closed(self.document.snapshot().uri());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(body: &str) -> String {
        let refusal = Asked::parse(body.as_bytes()).unwrap_err();
        assert_eq!(refusal.status, 400);
        refusal.why
    }

    #[test]
    fn invalid_bodies_are_refused_unquoted() {
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
            let why = why(body);
            assert!(why.contains(word) && !why.contains("secret"), "{body}: {why}");
        }
    }

    #[test]
    fn zed_request_is_parsed() {
        let body = r#"{"model":"qwen2.5-coder","prompt":"<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>","max_tokens":64,"temperature":null,"stop":["<|endoftext|>","<|fim_prefix|>"],"environment":null}"#;
        let asked = Asked::parse(body.as_bytes()).unwrap();
        assert_eq!((&*asked.prefix, &*asked.suffix), ("a", "b"));
        assert_eq!((asked.max_tokens, asked.n_choices, asked.streams), (Some(64), 1, false));
        assert_eq!(asked.cut("x<|fim_prefix|>y"), ("x", true));
        assert_eq!(asked.cut("xy"), ("xy", false));
    }
}
