//! Ollama: `/api/generate` with `suffix`. The server adds the sentinels of the model's template.

use serde_json::{Value, json};

use super::{Body, Part, count, log_probs};
use crate::ask::{Ask, RemoteCounts, RemoteEnd};

pub(super) fn body(ask: &Ask, model: &str) -> Body {
    let parts = &ask.prompt.parts;
    // Without a suffix Ollama uses the chat template, and the model talks.
    let suffix = if parts.suffix.is_empty() { "\n" } else { &parts.suffix };
    let json = json!({
        "model": model,
        "prompt": format!("{}{}", parts.prefix, parts.middle),
        "suffix": suffix,
        "stream": true,
        "logprobs": true,
        "options": {"temperature": 0, "num_predict": ask.max_tokens, "stop": ask.stop},
    });
    Body { path: "/api/generate", json, form: "prefix and suffix" }
}

pub(super) fn part(json: &Value) -> Part {
    let is_last = json.get("done").and_then(Value::as_bool) == Some(true);
    let end = is_last.then(|| match json.get("done_reason").and_then(Value::as_str) {
        Some("length") => RemoteEnd::Limit,
        _ => RemoteEnd::Stop,
    });
    let counts = is_last.then(|| RemoteCounts {
        prompt: count(json.get("prompt_eval_count")),
        cached: None,
        decoded: count(json.get("eval_count")),
    });
    Part {
        text: json.get("response").and_then(Value::as_str).unwrap_or_default().to_owned(),
        log_probs: log_probs(json.get("logprobs")),
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
    fn suffix_is_never_empty() {
        let mut ask = ask();
        let sent = body(&ask, "m");
        assert_eq!((&sent.json["prompt"], &sent.json["suffix"]), (&json!("ab"), &json!("c")));
        ask.prompt.parts.suffix.clear();
        assert_eq!(body(&ask, "m").json["suffix"], "\n");
    }

    #[test]
    fn lines_of_ollama_are_read() {
        let part = |text: &str| Dialect::Ollama.part(text).unwrap();
        let first = part(
            r#"{"model":"m","created_at":"t","response":" x","done":false,"logprobs":[{"token":" x","logprob":-0.5}]}"#,
        );
        assert_eq!((first.text.as_str(), first.log_probs.as_slice()), (" x", &[-0.5][..]));
        let last = part(
            r#"{"response":"","done":true,"done_reason":"length","prompt_eval_count":20,"eval_count":4,"eval_duration":9}"#,
        );
        let counts = RemoteCounts { prompt: Some(20), cached: None, decoded: Some(4) };
        assert_eq!((last.end, last.counts), (Some(RemoteEnd::Limit), Some(counts)));
    }
}
