//! llama-server: `/completion` with token ids, or `/infill`, where the server adds the sentinels.
//!
//! `/infill` puts the text of `prompt` at the end of the prefix, so a typed letter changes the
//! tokens of the whole suffix. With ids lowkey places it after the suffix, and one letter costs a
//! token.

use serde_json::{Value, json};

use super::{Body, Part, count, log_probs};
use crate::ask::{Ask, RemoteCounts, RemoteEnd};

pub(super) fn body(ask: &Ask, sends_ids: bool) -> Body {
    let mut json = json!({
        "n_predict": ask.max_tokens,
        "temperature": 0,
        "repeat_penalty": 1.0,
        "n_probs": 1,
        "stream": true,
        "cache_prompt": true,
        // The server looks for the slot with the longest common prefix. A fixed number would let
        // two windows evict each other.
        "id_slot": -1,
        "stop": ask.stop,
        // Otherwise the last event repeats the prompt.
        "response_fields": [
            "content", "stop", "stop_type", "tokens_predicted", "tokens_evaluated", "timings",
        ],
    });
    if sends_ids {
        json["prompt"] = json!(ask.prompt.tokens);
        return Body { path: "/completion", json, form: "token ids" };
    }
    let parts = &ask.prompt.parts;
    json["input_prefix"] = json!(parts.prefix);
    json["input_suffix"] = json!(parts.suffix);
    json["prompt"] = json!(parts.middle);
    let extra = |(filename, text): &(String, String)| json!({"filename": filename, "text": text});
    json["input_extra"] = parts.extras.iter().map(extra).collect();
    Body { path: "/infill", json, form: "prefix and suffix" }
}

pub(super) fn part(json: &Value) -> Part {
    let is_last = json.get("stop").and_then(Value::as_bool) == Some(true);
    let end = is_last.then(|| match json.get("stop_type").and_then(Value::as_str) {
        Some("limit") => RemoteEnd::Limit,
        _ => RemoteEnd::Stop,
    });
    let counts = is_last.then(|| RemoteCounts {
        prompt: count(json.get("tokens_evaluated")),
        cached: count(json.pointer("/timings/cache_n")),
        decoded: count(json.get("tokens_predicted")),
    });
    Part {
        text: json.get("content").and_then(Value::as_str).unwrap_or_default().to_owned(),
        log_probs: log_probs(json.get("completion_probabilities")),
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
    fn prompt_is_ids_or_parts() {
        let ids = body(&ask(), true);
        assert_eq!((ids.path, &ids.json["prompt"]), ("/completion", &json!([7, 8, 9])));
        let parts = body(&ask(), false);
        assert_eq!((parts.path, &parts.json["input_prefix"]), ("/infill", &json!("a")));
        assert_eq!(
            (&parts.json["prompt"], &parts.json["input_suffix"]),
            (&json!("b"), &json!("c"))
        );
        assert_eq!(parts.json["input_extra"], json!([{"filename": "x.rs", "text": "fn x();"}]));
    }

    #[test]
    fn events_of_llama_server_are_read() {
        let part = |text: &str| Dialect::LlamaServer.part(text).unwrap();
        let first = part(
            r#"{"index":0,"content":" x","tokens":[856],"stop":false,"id_slot":-1,"tokens_predicted":1,"tokens_evaluated":12,"completion_probabilities":[{"id":856,"token":" x","bytes":[32,120],"logprob":-0.5,"top_logprobs":[]}]}"#,
        );
        assert_eq!((first.text.as_str(), first.log_probs.as_slice()), (" x", &[-0.5][..]));
        assert_eq!((first.end, first.counts), (None, None));
        let last = part(
            r#"{"content":"","stop":true,"stop_type":"word","tokens_predicted":6,"tokens_evaluated":12,"timings":{"cache_n":11,"prompt_n":1}}"#,
        );
        let counts = RemoteCounts { prompt: Some(12), cached: Some(11), decoded: Some(6) };
        assert_eq!((last.end, last.counts), (Some(RemoteEnd::Stop), Some(counts)));
        assert_eq!(part(r#"{"stop":true,"stop_type":"limit"}"#).end, Some(RemoteEnd::Limit));
    }
}
