//! Vocabularies with blanks in their tokens, from a `tokenizer.json`, compared with the
//! `tokenizers` crate, which defines the format, in every dialect of the model folders of Llama 2,
//! `CodeLlama`, Mistral, Phi-3 and Gemma.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::fixture::{self, hard_text};
use crate::{FimFormat, FimOrder, GgufVocab, Tokenizer};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// The byte-level vocabulary of the other tests in this style: the same merges, with literal blanks
/// and line ends.
fn vocabulary(specials: &[&str]) -> Value {
    let fixture = fixture::json();
    let written = |text: &str| text.replace('Ġ', "▁").replace('Ċ', "\n");
    let is_text = |text: &str| {
        text.chars().all(|c| matches!(c, ' '..='~' | '▁' | '\n')) && !text.starts_with("<|")
    };
    let mut tokens: Vec<String> =
        ["<unk>", "<s>", "</s>"].iter().chain(specials).map(|&text| text.to_owned()).collect();
    let n_special = tokens.len();
    tokens.extend((0..=255_u8).map(|byte| format!("<0x{byte:02X}>")));
    let mut ordinary: Vec<(u64, String)> = fixture["model"]["vocab"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(text, id)| (id.as_u64().unwrap(), written(text)))
        .filter(|(_, text)| is_text(text))
        .collect();
    ordinary.sort();
    tokens.extend(ordinary.into_iter().map(|(_, text)| text));
    let merges: Vec<Value> = fixture["model"]["merges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| [0, 1].map(|half| written(pair[half].as_str().unwrap())))
        .filter(|pair| pair.iter().all(|half| is_text(half)))
        .map(|[left, right]| json!([left, right]))
        .collect();
    let added: Vec<Value> =
        tokens[..n_special].iter().enumerate().map(|(id, text)| added(id, text, true)).collect();
    let vocab: serde_json::Map<String, Value> =
        tokens.into_iter().zip(0..).map(|(text, id)| (text, json!(id))).collect();
    json!({
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": null,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true,
            "ignore_merges": false, "vocab": vocab, "merges": merges,
        },
    })
}

fn added(id: usize, text: &str, special: bool) -> Value {
    json!({"id": id, "content": text, "special": special, "single_word": false, "lstrip": false, "rstrip": false,
           "normalized": false})
}

fn replace() -> Value {
    json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})
}

/// The dialects of the families' model folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Prepend,
    Metaspace,
    MetaspaceWords,
    Gemma,
}

fn json_of(dialect: Dialect) -> Value {
    let mut json = vocabulary(&[]);
    let metaspace = |split: bool| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": split});
    match dialect {
        Dialect::Prepend => {
            let prepend = json!({"type": "Prepend", "prepend": "▁"});
            json["normalizer"] = json!({"type": "Sequence", "normalizers": [prepend, replace()]});
        }
        Dialect::Metaspace => json["pre_tokenizer"] = metaspace(false),
        Dialect::MetaspaceWords => json["pre_tokenizer"] = metaspace(true),
        Dialect::Gemma => {
            json["normalizer"] = replace();
            json["pre_tokenizer"] = json!({"type": "Split", "pattern": {"String": " "},
                "behavior": "MergedWithPrevious", "invert": false});
            let mut next = json["model"]["vocab"].as_object().unwrap().len();
            for text in ["\n", "\n\n", "\n\n\n", "\t\t", "<table>", "let x"] {
                let known = json["model"]["vocab"].get(text).and_then(Value::as_u64);
                let id = known.map_or(next, |id| id as usize);
                next += usize::from(known.is_none());
                json["added_tokens"].as_array_mut().unwrap().push(added(id, text, false));
            }
        }
    }
    json
}

/// This crate's tokenizer and the reference.
type Both = (Tokenizer, tokenizers::Tokenizer);

fn both(json: &Value) -> Both {
    let bytes = json.to_string();
    let reference = tokenizers::Tokenizer::from_bytes(bytes.as_bytes()).unwrap();
    (Tokenizer::from_json(bytes.as_bytes()).unwrap(), reference)
}

static BOTH: LazyLock<Vec<(Dialect, Both)>> = LazyLock::new(|| {
    [Dialect::Prepend, Dialect::Metaspace, Dialect::MetaspaceWords, Dialect::Gemma]
        .into_iter()
        .map(|dialect| (dialect, both(&json_of(dialect))))
        .collect()
});

fn check(text: &str) -> Result<(), TestCaseError> {
    for (dialect, (ours, reference)) in &*BOTH {
        let wanted = reference.encode(text, false).unwrap();
        // The reference's normalizer prepends to any text; prompt parts are fragments.
        let prepended = *dialect == Dialect::Prepend && !text.is_empty();
        let text = if prepended { format!(" {text}") } else { text.to_owned() };
        let found = ours.encode(&text);
        prop_assert_eq!(&found, wanted.get_ids(), "{:?}: {:?}", dialect, text);
        prop_assert_eq!(ours.decode(&found), text);
    }
    Ok(())
}

proptest! {
    #[test]
    fn encoding_matches_reference(text in hard_text()) {
        check(&text)?;
    }

    #[test]
    fn literal_runs_match_reference(text in "[ \n\t<tabel>/x]{0,40}") {
        check(&text)?;
    }
}

#[test]
fn literals_are_found_before_merging() {
    let (_, (ours, _)) = &BOTH[3];
    let texts = |text: &str| -> Vec<String> {
        ours.encode(text).iter().map(|&id| ours.decode(&[id])).collect()
    };
    assert_eq!(texts("\n\n\n\n"), ["\n\n\n", "\n"]);
    assert_eq!(texts("a<table>"), ["a", "<table>"]);
    assert_eq!(texts("let x"), ["let x"]);
}

#[test]
fn sentinel_in_document_is_text() {
    for (dialect, (ours, _)) in &*BOTH {
        for text in ["<s>", "</s>", "<unk>", "<0x0A>", "a▁b", "▁"] {
            let found = ours.encode(text);
            assert_eq!(ours.decode(&found), text, "{dialect:?}");
            assert!(found.iter().all(|&id| id > 2), "{dialect:?}: {text:?} became {found:?}");
        }
    }
}

#[test]
fn whole_texts_are_optional() {
    let mut json = json_of(Dialect::Metaspace);
    // No merge makes it.
    json["model"]["vocab"]["zqzq"] = json!(9000);
    json["model"]["vocab"]["<0x41>b"] = json!(9001);
    json["model"]["ignore_merges"] = json!(true);
    let (ours, reference) = both(&json);
    for text in ["zqzq", "zqzq zqzq", " zqzq", "<0x41>b"] {
        assert_eq!(ours.encode(text), reference.encode(text, false).unwrap().get_ids(), "{text:?}");
    }
}

#[test]
fn family_sentinels_are_detected() {
    let cases = [
        (&["▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"][..], "codellama", FimOrder::Psm),
        (&["[PREFIX]", "[SUFFIX]", "[MIDDLE]"], "codestral", FimOrder::Spm),
        (
            &["<bos>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"],
            "codegemma",
            FimOrder::Psm,
        ),
    ];
    for (sentinels, family, order) in cases {
        let mut json = vocabulary(sentinels);
        json["normalizer"] = replace();
        let tokenizer = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
        let format = FimFormat::detect(&tokenizer, &GgufVocab::default()).unwrap();
        assert_eq!((format.family(), format.order()), (family, order));
        for sentinel in sentinels {
            let id = tokenizer.id_of(sentinel).unwrap();
            assert!(format.is_end(id), "{sentinel}");
            assert!(!tokenizer.encode(sentinel).contains(&id), "{sentinel}");
        }
        // The file marks the end-of-text token as special.
        assert!(format.is_end(tokenizer.id_of("</s>").unwrap()));
    }
}

#[test]
fn unsupported_steps_are_named() {
    let check = |spoil: fn(&mut Value), expected: Expect| {
        let mut json = json_of(Dialect::Prepend);
        spoil(&mut json);
        let error = Tokenizer::from_json(json.to_string().as_bytes()).unwrap_err();
        expected.assert_eq(&error.to_string());
    };
    check(
        |j| j["normalizer"] = json!({"type": "NFKC"}),
        expect![[
            r#"reading tokenizer.json: normalizer {"type":"NFKC"} is not supported; supported with byte_fallback: normalizers Replace (blank by ▁) and Prepend (▁), pre-tokenizer Metaspace"#
        ]],
    );
    check(
        |j| j["normalizer"] = Value::Null,
        expect![[
            "reading tokenizer.json: normalizer null is not supported; supported with byte_fallback: normalizers Replace (blank by ▁) and Prepend (▁), pre-tokenizer Metaspace"
        ]],
    );
    check(
        |j| j["pre_tokenizer"] = json!({"type": "Whitespace"}),
        expect![[
            r#"reading tokenizer.json: pre_tokenizer {"type":"Whitespace"} is not supported; supported with byte_fallback: normalizers Replace (blank by ▁) and Prepend (▁), pre-tokenizer Metaspace"#
        ]],
    );
    check(
        |j| j["model"]["end_of_word_suffix"] = json!("</w>"),
        expect![[
            r#"reading tokenizer.json: model.end_of_word_suffix = "</w>" is not supported here"#
        ]],
    );
    check(
        |j| j["model"]["merges"][0] = json!(["nowhere", "a"]),
        expect![[
            r#"reading the tokenizer: merge 0 needs token "nowhere", which is not in the vocabulary"#
        ]],
    );
}
