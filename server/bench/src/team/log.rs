//! A log of requests: JSON lines, the first of which describes the others.

use std::path::Path;

use anyhow::{Context as _, bail};
use lowkey_completer::regular_file;
use lowkey_remote::{Ask, PromptParts, RemotePrompt, VocabularySample};
use serde::{Deserialize, Serialize};

/// The version of the format.
const FORMAT: u32 = 1;

/// A longer log is refused; a prompt has ten kilobytes.
const MAX_BYTES: u64 = 256 << 20;

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Head {
    lowkey_requests: u32,
    /// Whose requests these are.
    pub(super) policy: String,
    /// Keys that were pressed.
    pub(super) keys: usize,
    /// The time that they took, in milliseconds.
    pub(super) ms: u64,
    /// A text and its tokens, which show whether the server has the vocabulary of the prompts.
    #[serde(default)]
    sample: Option<(String, Vec<u32>)>,
}

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in super::super) struct LoggedRequest {
    /// The key that it was made for, from 0.
    pub(super) key: usize,
    /// When, in milliseconds from the start.
    pub(super) at_ms: u64,
    /// Whether the local model was unsure, or several lines were asked.
    pub(super) unsure: bool,
    tokens: Vec<u32>,
    text: String,
    prefix: String,
    middle: String,
    suffix: String,
    required_start: String,
    max_tokens: usize,
    stop: Vec<String>,
    end_tokens: Vec<u32>,
}

/// All requests of a trace.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct RequestLog {
    pub(super) head: Head,
    pub(super) requests: Vec<LoggedRequest>,
    sample: Option<std::sync::Arc<VocabularySample>>,
}

impl LoggedRequest {
    /// Records a request of which `n_decoded` tokens were needed.
    pub(in super::super) fn of(
        ask: Ask,
        (key, at_ms): (usize, u64),
        unsure: bool,
        n_decoded: usize,
    ) -> Self {
        let RemotePrompt { tokens, text, parts } = ask.prompt;
        let PromptParts { prefix, middle, suffix, .. } = parts;
        Self {
            key,
            at_ms,
            unsure,
            tokens,
            text,
            prefix,
            middle,
            suffix,
            required_start: ask.required_start,
            max_tokens: n_decoded.clamp(1, ask.max_tokens.max(1)),
            stop: ask.stop,
            end_tokens: ask.end_tokens,
        }
    }
}

impl RequestLog {
    pub(in super::super) fn new(
        policy: &str,
        (keys, ms): (usize, u64),
        sample: Option<&VocabularySample>,
        requests: Vec<LoggedRequest>,
    ) -> Self {
        let sample = sample.map(|sample| (sample.text.clone(), sample.tokens.clone()));
        let head = Head { lowkey_requests: FORMAT, policy: policy.to_owned(), keys, ms, sample };
        Self::with(head, requests)
    }

    fn with(head: Head, requests: Vec<LoggedRequest>) -> Self {
        let sample = head.sample.clone();
        let sample = sample.map(|(text, tokens)| VocabularySample { text, tokens }.into());
        Self { head, requests, sample }
    }

    /// Returns the log as JSON lines.
    pub(in super::super) fn written(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&self.head)? + "\n";
        for request in &self.requests {
            text += &(serde_json::to_string(request)? + "\n");
        }
        Ok(text)
    }

    /// Reads a log; fails if it is none, or has no request.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let reading = || format!("cannot read the log {}", path.display());
        let text = regular_file::read_text(path, MAX_BYTES).with_context(reading)?;
        Self::parse(&text).with_context(reading)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut lines = text.lines();
        let head: Head = serde_json::from_str(lines.next().unwrap_or_default()).context(
            "its first line is not that of a log; `lowkey bench replay --requests` makes one",
        )?;
        if head.lowkey_requests != FORMAT {
            bail!("it has format {}; this program reads {FORMAT}", head.lowkey_requests);
        }
        let requests = lines
            .enumerate()
            .map(|(idx, line)| {
                serde_json::from_str(line).with_context(|| format!("line {}", idx + 2))
            })
            .collect::<anyhow::Result<Vec<LoggedRequest>>>()?;
        if requests.is_empty() {
            bail!("it has no request");
        }
        Ok(Self::with(head, requests))
    }

    /// Returns what the server is asked.
    pub(super) fn ask(&self, request: &LoggedRequest) -> Ask {
        let request = request.clone();
        Ask {
            prompt: RemotePrompt {
                tokens: request.tokens,
                text: request.text,
                parts: PromptParts {
                    prefix: request.prefix,
                    middle: request.middle,
                    suffix: request.suffix,
                    extras: Vec::new(),
                },
            },
            required_start: request.required_start,
            // A log has one call for each key. The second one, of an answer that begins otherwise,
            // costs the server a few tokens.
            unhealed: None,
            max_tokens: request.max_tokens,
            stop: request.stop,
            end_tokens: request.end_tokens,
            vocabulary: self.sample.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_is_read_as_it_was_written() {
        let ask = Ask {
            prompt: RemotePrompt {
                tokens: vec![1, 2],
                text: "<fim>a".to_owned(),
                parts: PromptParts { prefix: "a".to_owned(), ..PromptParts::default() },
            },
            max_tokens: 64,
            stop: vec!["\n".to_owned()],
            ..Ask::default()
        };
        let request = LoggedRequest::of(ask.clone(), (3, 1200), true, 9);
        let sample = VocabularySample { text: "x".to_owned(), tokens: vec![7] };
        let log = RequestLog::new("lowkey", (10, 5000), Some(&sample), vec![request]);
        let read = RequestLog::parse(&log.written().unwrap()).unwrap();
        assert_eq!(read, log);
        let again = read.ask(&read.requests[0]);
        assert_eq!((again.prompt, again.max_tokens), (ask.prompt, 9));
        assert_eq!(again.vocabulary.unwrap().tokens, [7]);
    }

    #[test]
    fn other_files_are_refused() {
        let head = r#"{"lowkey_requests":1,"policy":"a","keys":1,"ms":1}"#;
        for (text, expected) in [
            ("", "not that of a log"),
            ("{}", "not that of a log"),
            ("[]", "not that of a log"),
            (&head.replace("requests\":1", "requests\":9"), "has format 9"),
            (head, "no request"),
            (&format!("{head}\n7\n"), "line 2"),
        ] {
            let error = format!("{:#}", RequestLog::parse(text).unwrap_err());
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
