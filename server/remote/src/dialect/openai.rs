//! `OpenAI`'s completions protocol. vLLM takes token ids and `stop_token_ids` too.

use serde_json::{Value, json};

use super::{Body, Part, count, log_probs};
use crate::ask::{Ask, RemoteCounts, RemoteEnd};

/// More end tokens are not sent; some vocabularies have hundreds of special tokens.
const MAX_END_TOKENS: usize = 128;

pub(super) fn body(ask: &Ask, model: &str, sends_ids: bool) -> Option<Body> {
    if !sends_ids && ask.prompt.text.is_empty() {
        return None;
    }
    let mut json = json!({
        "model": model,
        "max_tokens": ask.max_tokens,
        "temperature": 0,
        "stream": true,
        "stream_options": {"include_usage": true},
        "logprobs": 1,
    });
    if !ask.stop.is_empty() {
        json["stop"] = json!(ask.stop);
    }
    if sends_ids {
        json["prompt"] = json!(ask.prompt.tokens);
        // Only servers that take ids know this field; the others refuse unknown ones.
        let ends: Vec<u32> = ask.end_tokens.iter().copied().take(MAX_END_TOKENS).collect();
        json["stop_token_ids"] = json!(ends);
    } else {
        json["prompt"] = json!(ask.prompt.text);
    }
    let form = if sends_ids { "token ids" } else { "text with sentinels" };
    Some(Body { path: "/v1/completions", json, form })
}

pub(super) fn part(json: &Value) -> Part {
    let choice = json.get("choices").and_then(|choices| choices.get(0));
    let field = |name| choice.and_then(|choice| choice.get(name));
    let logs = field("logprobs");
    let listed = logs.and_then(|logs| logs.get("token_logprobs").or_else(|| logs.get("content")));
    let end = field("finish_reason").and_then(Value::as_str).map(|reason| match reason {
        "length" => RemoteEnd::Limit,
        _ => RemoteEnd::Stop,
    });
    let counts = json.get("usage").filter(|usage| usage.is_object()).map(|usage| RemoteCounts {
        prompt: count(usage.get("prompt_tokens")),
        cached: count(usage.pointer("/prompt_tokens_details/cached_tokens")),
        decoded: count(usage.get("completion_tokens")),
    });
    Part {
        text: field("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
        log_probs: log_probs(listed),
        end,
        counts,
        failure: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ask;
    use super::*;
    use crate::dialect::Dialect;

    #[test]
    fn prompt_is_ids_or_text() {
        let ids = body(&ask(), "m", true).unwrap();
        assert_eq!((ids.path, ids.json["prompt"].clone()), ("/v1/completions", json!([7, 8, 9])));
        assert_eq!(
            (&ids.json["stop_token_ids"], &ids.json["stop"]),
            (&json!([1, 2]), &json!(["\n"]))
        );
        let text = body(&ask(), "m", false).unwrap();
        assert_eq!(text.json["prompt"], "<pre>a<suf>c<mid>b");
        assert_eq!(text.json.get("stop_token_ids"), None);
        let mut without = ask();
        without.prompt.text.clear();
        without.prompt.tokens.clear();
        assert!(Dialect::OpenAi.body(&without, "m", true).is_none());
    }

    #[test]
    fn events_of_vllm_are_read() {
        let part = |text: &str| Dialect::OpenAi.part(text).unwrap();
        let first = part(
            r#"{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":" x","logprobs":{"text_offset":[0],"token_logprobs":[-0.25],"tokens":[" x"],"top_logprobs":[{" x":-0.25}]},"finish_reason":null,"stop_reason":null}],"usage":null}"#,
        );
        assert_eq!((first.text.as_str(), first.log_probs.as_slice()), (" x", &[-0.25][..]));
        assert_eq!((first.end, first.counts), (None, None));
        let last = part(r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#);
        assert_eq!(last.end, Some(RemoteEnd::Limit));
        let usage = part(
            r#"{"choices":[],"usage":{"prompt_tokens":40,"total_tokens":45,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":32}}}"#,
        );
        let counts = RemoteCounts { prompt: Some(40), cached: Some(32), decoded: Some(5) };
        assert_eq!((usage.text.as_str(), usage.counts), ("", Some(counts)));
    }
}
