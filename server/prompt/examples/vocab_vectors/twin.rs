//! The `tokenizer.json` that a folder would have beside a GGUF vocabulary in the style of `SentencePiece`.
//!
//! Written as Hugging Face's converter does it: where the GGUF file has scores, every way to make a token of two others
//! is a merge, the best token's first. Three dialects say the same: a normalizer with `Prepend` and `Replace` (Llama 2,
//! Phi-3), `Metaspace` (Mistral), a normalizer with `Replace` alone (Gemma).

use lowkey_prompt::GgufVocab;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Types of tokens in GGUF files.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// The dialects by name.
pub(crate) const DIALECTS: [&str; 3] = ["Prepend", "Metaspace", "Replace"];

/// The file as JSON.
pub(crate) fn tokenizer_json(vocab: &GgufVocab, dialect: &str) -> Value {
    let kind = |id: usize| vocab.token_types.get(id).copied().unwrap_or(1);
    let added: Vec<Value> = (0..)
        .zip(&vocab.tokens)
        .filter(|(id, _)| matches!(kind(*id), UNKNOWN | CONTROL | USER_DEFINED))
        .map(|(id, text)| {
            let special = kind(id) != USER_DEFINED;
            json!({"id": id, "content": text, "special": special, "single_word": false,
                   "lstrip": false, "rstrip": false, "normalized": false})
        })
        .collect();
    let ids: HashMap<&str, usize> =
        vocab.tokens.iter().zip(0..).map(|(text, id)| (&**text, id)).collect();
    let unknown = (0..).zip(&vocab.tokens).find(|(id, _)| kind(*id) == UNKNOWN);
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let metaspace =
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false});
    let split = json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
    let (normalizer, pre_tokenizer) = match dialect {
        "Prepend" => (json!({"type": "Sequence", "normalizers": [prepend, replace]}), Value::Null),
        "Metaspace" => (Value::Null, metaspace),
        _ => (replace, split),
    };
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "model": {
            "type": "BPE",
            "unk_token": unknown.map(|(_, text)| text),
            "fuse_unk": true,
            "byte_fallback": true,
            "vocab": ids,
            "merges": merges(vocab, &ids),
        },
    })
}

/// Every pair of tokens that is a token, the best of these first.
fn merges(vocab: &GgufVocab, ids: &HashMap<&str, usize>) -> Vec<(String, String)> {
    let mut merges = Vec::new();
    for (id, text) in vocab.tokens.iter().enumerate() {
        // Tokens of other types are made by nothing.
        if vocab.token_types.get(id).is_some_and(|kind| *kind != 1) {
            continue;
        }
        let score = vocab.scores.get(id).copied().unwrap_or_default();
        for (at, _) in text.char_indices().skip(1) {
            let (left, right) = text.split_at(at);
            if ids.contains_key(left) && ids.contains_key(right) {
                merges.push((score, left, right));
            }
        }
    }
    let length = |text: &str| text.chars().count();
    merges.sort_by(|a, b| {
        let by_length = length(b.1).cmp(&length(a.1)).then(length(b.2).cmp(&length(a.2)));
        b.0.total_cmp(&a.0).then(by_length)
    });
    merges.into_iter().map(|(_, left, right)| (left.to_owned(), right.to_owned())).collect()
}
