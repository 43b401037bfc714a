//! The small vocabulary of the tests, and texts that are hard on tokenizers.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::{GgufVocab, Tokenizer};
use proptest::prelude::*;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// A `tokenizer.json` of 512 tokens, made by `examples/train_fixture.rs`.
pub(crate) const JSON: &[u8] = include_bytes!("../fixtures/small.json");

/// The same for all tests: they only read it.
pub(crate) fn tokenizer() -> Arc<Tokenizer> {
    static TOKENIZER: OnceLock<Arc<Tokenizer>> = OnceLock::new();
    Arc::clone(TOKENIZER.get_or_init(|| Arc::new(Tokenizer::from_json(JSON).unwrap())))
}

pub(crate) fn json() -> Value {
    serde_json::from_slice(JSON).unwrap()
}

/// The vocabulary as GGUF metadata would hold it, with the keys of the embedded model.
pub(crate) fn gguf() -> GgufVocab<'static> {
    let json = json();
    let mut tokens = vec![Cow::default(); 512];
    for (token, id) in json["model"]["vocab"].as_object().unwrap() {
        tokens[id.as_u64().unwrap() as usize] = token.clone().into();
    }
    let merge = |pair: &Value| {
        format!("{} {}", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()).into()
    };
    GgufVocab {
        model: "gpt2".to_owned(),
        pre: "qwen2".to_owned(),
        token_types: (0..512).map(|id| if id < 7 { 3 } else { 1 }).collect(),
        merges: json["model"]["merges"].as_array().unwrap().iter().map(merge).collect(),
        tokens,
        bos: Some(0),
        eos: Some(0),
        fim_pre: Some(1),
        fim_suf: Some(2),
        fim_mid: Some(3),
        fim_pad: Some(4),
        fim_rep: Some(5),
        fim_sep: Some(6),
        ..GgufVocab::default()
    }
}

/// Text made of what tokenizers stumble over.
pub(crate) fn hard_text() -> impl Strategy<Value = String> {
    text_of(&[
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        " \n  \n",
        "\t",
        "\u{a0}",
        "\u{2028}",
        "\u{3000}",
        "é",
        "e\u{301}",
        "日本",
        "👩‍👩‍👧",
        "🦀",
        "ſ",
        "½",
        "Ⅷ",
    ])
}

/// The same without line ends: what can be typed on one line.
pub(crate) fn hard_line() -> impl Strategy<Value = String> {
    text_of(&["\t", "\u{a0}", "é", "e\u{301}", "日本", "🦀", "  ", ")", "½"])
}

fn text_of(hard: &'static [&'static str]) -> impl Strategy<Value = String> {
    let plain = &[
        " ",
        "    ",
        "let ",
        "fn main() {",
        "return",
        "self.",
        "tokenizer",
        "42",
        "it's",
        "'LL",
        "::<>",
        "}\"",
        "= ",
        "// ",
        "<|fim_middle|>",
        "<|endoftext|>",
        "<|file_sep|>",
    ];
    let piece = prop_oneof![
        3 => prop::sample::select(&plain[..]).prop_map(str::to_owned),
        2 => prop::sample::select(hard).prop_map(str::to_owned),
        1 => "[ -~]{1,3}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The vocabulary with other special tokens, and no metadata keys that name them.
pub(crate) fn with_specials(specials: &[&str]) -> GgufVocab<'static> {
    let full = gguf();
    let mut tokens = full.tokens;
    for (idx, token) in tokens.iter_mut().take(7).enumerate() {
        let text = specials.get(idx).map(|&text| text.to_owned());
        *token = text.unwrap_or_else(|| format!("<|unused{idx}|>")).into();
    }
    GgufVocab {
        model: full.model,
        pre: full.pre,
        tokens,
        token_types: full.token_types,
        merges: full.merges,
        ..GgufVocab::default()
    }
}
