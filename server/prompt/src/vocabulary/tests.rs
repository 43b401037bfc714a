//! Vocabularies that are wrong in one place each: one clear refusal, never a panic.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::fixture;
use crate::{GgufVocab, Tokenizer};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

fn check_gguf(spoil: impl FnOnce(&mut GgufVocab<'static>), expected: &Expect) {
    let mut vocab = fixture::gguf();
    spoil(&mut vocab);
    expected.assert_eq(&Tokenizer::from_gguf(&vocab).unwrap_err().to_string());
}

fn check_json(spoil: impl FnOnce(&mut Value), expected: &Expect) {
    let mut json = fixture::json();
    spoil(&mut json);
    let error = Tokenizer::from_json(json.to_string().as_bytes()).unwrap_err().to_string();
    // The place in the file would change whenever the fixture does.
    expected.assert_eq(error.split(" at line ").next().unwrap());
}

#[test]
fn unknown_kinds_are_refused_with_what_is_supported() {
    check_gguf(
        |v| "bert".clone_into(&mut v.model),
        &expect![[
            r#"reading the tokenizer: model "bert" is not supported; supported: gpt2 (byte-level BPE), llama (SentencePiece BPE)"#
        ]],
    );
    check_gguf(
        |v| "llama".clone_into(&mut v.model),
        &expect!["reading the tokenizer: 0 scores (tokenizer.ggml.scores) for 512 tokens"],
    );
    check_gguf(
        |v| v.pre.clear(),
        &expect![[
            r#"reading the tokenizer: pre-tokenizer "" is not supported; supported: qwen2, deepseek-r1-qwen, stablelm2, megrez, llama-bpe, llama3, llama-v3, falcon3, starcoder, refact, command-r, smollm, codeshell, gpt-2, phi-2, mellum, deepseek-coder"#
        ]],
    );
    check_json(
        |j| j["model"]["type"] = json!("Unigram"),
        &expect![[r#"reading the tokenizer: model "Unigram" is not supported; supported: BPE"#]],
    );
    check_json(
        |j| j["model"]["byte_fallback"] = json!(true),
        &expect![[
            r#"reading tokenizer.json: pre_tokenizer {"behavior":"Isolated","invert":false,"pattern":{"Regex":"(?i:'s|' is not supported; supported with byte_fallback: normalizers Replace (blank by ▁) and Prepend (▁), pre-tokenizer Metaspace"#
        ]],
    );
    check_json(
        |j| j["normalizer"] = json!({"type": "Lowercase"}),
        &expect!["reading tokenizer.json: normalizer Lowercase is not supported here"],
    );
    check_json(
        |j| j["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = json!(".*"),
        &expect![[
            r#"reading the tokenizer: pre-tokenizer ".*" is not supported; supported: qwen2, deepseek-r1-qwen, stablelm2, megrez, llama-bpe, llama3, llama-v3, falcon3, starcoder, refact, command-r, smollm, codeshell, gpt-2, phi-2, mellum, deepseek-coder"#
        ]],
    );
    check_json(
        |j| j["pre_tokenizer"] = Value::Null,
        &expect![[
            r#"reading the tokenizer: pre-tokenizer "null" is not supported; supported: Sequence[Split(Regex, Isolated) or Digits(individual)…, ByteLevel(no prefix space)]"#
        ]],
    );
}

#[test]
fn an_empty_vocabulary_is_refused() {
    check_gguf(
        |v| *v = GgufVocab { model: v.model.clone(), pre: v.pre.clone(), ..GgufVocab::default() },
        &expect!["reading the tokenizer: the vocabulary is empty"],
    );
    check_json(
        |j| {
            j["model"]["vocab"] = json!({});
            j["added_tokens"] = json!([]);
        },
        &expect!["reading the tokenizer: the vocabulary is empty"],
    );
}

#[test]
fn tokens_that_clash_are_refused() {
    check_gguf(
        |v| v.tokens[300] = v.tokens[299].clone(),
        &expect![[r#"reading the tokenizer: token "re" stands twice, as 299 and as 300"#]],
    );
    check_json(
        |j| j["model"]["vocab"]["!"] = json!(300),
        &expect![[r#"reading the tokenizer: tokens "!" and "()" both have id 300"#]],
    );
    check_json(
        |j| j["added_tokens"][0]["content"] = json!("<|other|>"),
        &expect![[
            r#"reading the tokenizer: tokens "<|endoftext|>" and "<|other|>" both have id 0"#
        ]],
    );
    check_json(
        |j| j["added_tokens"][0]["id"] = json!(700),
        &expect![[r#"reading the tokenizer: token "<|endoftext|>" stands twice, as 0 and as 700"#]],
    );
    check_gguf(
        |v| {
            v.token_types.pop();
        },
        &expect!["reading the tokenizer: 511 token types for 512 tokens"],
    );
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let text = String::from_utf8(fixture::JSON.to_vec()).unwrap();
    let text = text.replacen(r#""vocab":{"#, r#""vocab":{"!":900,"#, 1);
    let error = Tokenizer::from_json(text.as_bytes()).unwrap_err();
    expect![[r#"reading the tokenizer: token "!" stands twice, as 7 and as 900"#]]
        .assert_eq(&error.to_string());
}

#[test]
fn absurd_ids_are_refused_before_anything_is_allocated_for_them() {
    check_json(
        |j| j["model"]["vocab"]["new"] = json!(-1),
        &expect!["reading the tokenizer: new has id -1, ids must be from 0 to 1048575"],
    );
    check_json(
        |j| j["model"]["vocab"]["new"] = json!(4_000_000_000_u64),
        &expect!["reading the tokenizer: new has id 4000000000, ids must be from 0 to 1048575"],
    );
    check_json(
        |j| j["model"]["vocab"]["new"] = json!(i64::MAX),
        &expect![
            "reading the tokenizer: new has id 9223372036854775807, ids must be from 0 to 1048575"
        ],
    );
    check_json(
        |j| j["model"]["vocab"]["new"] = json!(u64::MAX),
        &expect![
            "reading tokenizer.json: invalid value: integer `18446744073709551615`, expected i64"
        ],
    );
    check_json(
        |j| j["model"]["vocab"]["new"] = json!(1e300),
        &expect!["reading tokenizer.json: invalid type: floating point `1e+300`, expected i64"],
    );
    check_json(
        |j| j["model"]["vocab"] = json!([1, 2]),
        &expect![
            "reading tokenizer.json: invalid type: sequence, expected an object of token ids by token"
        ],
    );
    check_gguf(
        |v| v.fim_mid = Some(u32::MAX),
        &expect![
            "reading the tokenizer: tokenizer.ggml.fim_mid_token_id has id 4294967295, ids must be from 0 to 511"
        ],
    );
}

#[test]
fn merges_that_cannot_work_are_refused() {
    check_gguf(
        |v| v.merges[7] = "Ġ".into(),
        &expect![[
            r#"reading the tokenizer: merge 7 ("Ġ") is not two tokens with one space between"#
        ]],
    );
    check_gguf(
        |v| v.merges[7] = "a b c".into(),
        &expect![[
            r#"reading the tokenizer: merge 7 ("a b c") is not two tokens with one space between"#
        ]],
    );
    check_gguf(
        |v| v.merges[7] = "nowhere a".into(),
        &expect![[
            r#"reading the tokenizer: merge 7 needs token "nowhere", which is not in the vocabulary"#
        ]],
    );
    check_gguf(
        |v| v.merges[7] = "z Q".into(),
        &expect![[
            r#"reading the tokenizer: merge 7 needs token "zQ", which is not in the vocabulary"#
        ]],
    );
    check_gguf(
        |v| v.merges.push("<|fim_prefix|> a".into()),
        &expect![[
            r#"reading the tokenizer: merge 249 needs token "<|fim_prefix|>", which is not in the vocabulary"#
        ]],
    );
    check_json(
        |j| j["model"]["merges"][0] = json!(["a"]),
        &expect!["reading tokenizer.json: data did not match any variant of untagged enum Merge"],
    );
}

#[test]
fn a_missing_byte_is_refused() {
    let newline = fixture::tokenizer().encode("\n")[0] as usize;
    check_gguf(
        |v| v.tokens[newline] = "<|replaced|>".into(),
        &expect![
            "reading the tokenizer: no token for byte 0x0a; a vocabulary that spells any text has one for every byte"
        ],
    );
}

#[test]
fn a_merge_that_stands_twice_keeps_its_first_rank() {
    let mut vocab = fixture::gguf();
    vocab.merges.push(vocab.merges[0].clone());
    let text = "fn main() {\n        let x = 1;\n    }";
    assert_eq!(
        Tokenizer::from_gguf(&vocab).unwrap().encode(text),
        fixture::tokenizer().encode(text)
    );
}

#[test]
fn gaps_between_ids_have_no_bytes() {
    let mut json = fixture::json();
    json["model"]["vocab"]["<|far|>"] = json!(1000);
    let tokenizer = Tokenizer::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!((tokenizer.vocab_size(), tokenizer.token_bytes(800)), (1001, &b""[..]));
}

#[test]
fn tokens_added_by_hand_are_text_unless_they_look_like_markup() {
    let mut vocab = fixture::gguf();
    vocab.tokens.extend(["<|tool|>", "      ", "[PAD7]"].map(Into::into));
    vocab.token_types.extend([4, 4, 4]);
    let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
    assert_eq!(tokenizer.token_bytes(512), b"");
    assert_eq!(tokenizer.token_bytes(513), b"      ");
    assert_eq!(tokenizer.token_bytes(514), b"");
    assert_eq!(tokenizer.id_of("<|tool|>"), Some(512));
}

#[test]
fn sentinels_that_a_file_marks_as_ordinary_are_special_all_the_same() {
    let vocab = GgufVocab { token_types: Vec::new(), ..fixture::gguf() };
    let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
    for id in 0..7 {
        assert_eq!(tokenizer.token_bytes(id), b"");
    }
}

proptest! {
    #[test]
    fn a_damaged_file_gives_an_error_or_a_tokenizer(at in 0usize..fixture::JSON.len(), byte: u8, end in 0usize..fixture::JSON.len()) {
        let mut bytes = fixture::JSON.to_vec();
        bytes[at] = byte;
        let _outcome = Tokenizer::from_json(&bytes);
        prop_assert!(Tokenizer::from_json(&bytes[..end]).is_err());
    }
}
