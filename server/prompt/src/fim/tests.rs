//! Formats detected in vocabularies, with and without metadata that name the sentinels.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use crate::fixture;

fn detect(vocab: &GgufVocab) -> Result<FimFormat, NoFim> {
    FimFormat::detect(&Tokenizer::from_gguf(vocab).unwrap(), vocab)
}

/// Returns the layout as text: sentinels by their texts, other parts by their names.
fn layout_of(vocab: &GgufVocab, format: &FimFormat) -> String {
    let part = |&piece: &Piece| match (piece, format.sentinel(piece)) {
        (_, Some(id)) => Some(vocab.tokens[id as usize].to_string()),
        (Piece::Bos | Piece::Separator, None) => None,
        (_, None) => Some(format!("{piece:?}").to_lowercase()),
    };
    format.layout().iter().filter_map(part).collect::<Vec<_>>().join(" ")
}

#[test]
fn metadata_names_sentinels() {
    let vocab = GgufVocab { fragmented_middle: true, ..fixture::gguf() };
    let format = detect(&vocab).unwrap();
    assert_eq!(format.family(), "qwen2.5-coder, lowkey");
    assert!(format.fragmented_middle());
    assert_eq!(
        layout_of(&vocab, &format),
        "<|file_sep|> path <|fim_prefix|> prefix <|fim_suffix|> suffix <|fim_middle|> middle"
    );
    assert_eq!(format.end_tokens(), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn every_family_is_detected_by_text() {
    let cases = [
        (
            "qwen2.5-coder, lowkey",
            &["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"][..],
            "<|file_sep|> path <|fim_prefix|> prefix <|fim_suffix|> suffix <|fim_middle|> middle",
        ),
        (
            "codegemma",
            &["<bos>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_separator|>"],
            "<bos> <|fim_prefix|> commentedpath prefix <|fim_suffix|> suffix <|fim_middle|> middle",
        ),
        (
            "granite",
            &["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>"],
            "<|fim_prefix|> commentedpath prefix <|fim_suffix|> suffix <|fim_middle|> middle",
        ),
        (
            "starcoder2",
            &[
                "<fim_prefix>",
                "<fim_middle>",
                "<fim_suffix>",
                "<fim_pad>",
                "<repo_name>",
                "<file_sep>",
            ],
            "<file_sep> <fim_prefix> path prefix <fim_suffix> suffix <fim_middle> middle",
        ),
        (
            "starcoder, granite-code, refact, stable-code",
            &[
                "<fim_prefix>",
                "<fim_middle>",
                "<fim_suffix>",
                "<fim_pad>",
                "<filename>",
                "<reponame>",
            ],
            "<fim_prefix> commentedpath prefix <fim_suffix> suffix <fim_middle> middle",
        ),
        (
            "santacoder",
            &["<fim-prefix>", "<fim-middle>", "<fim-suffix>"],
            "<fim-prefix> commentedpath prefix <fim-suffix> suffix <fim-middle> middle",
        ),
        (
            "deepseek-coder",
            &["<｜begin▁of▁sentence｜>", "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"],
            "<｜begin▁of▁sentence｜> <｜fim▁begin｜> commentedpath prefix <｜fim▁hole｜> suffix <｜fim▁end｜> middle",
        ),
        (
            "codellama",
            &["<s>", "▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"],
            "<s> ▁<PRE> commentedpath prefix ▁<SUF> suffix ▁<MID> middle",
        ),
        (
            "seed-coder",
            &["<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"],
            "<[fim-suffix]> suffix <[fim-prefix]> commentedpath prefix <[fim-middle]> middle",
        ),
        (
            "codestral",
            &["<s>", "[PREFIX]", "[SUFFIX]"],
            "<s> [SUFFIX] suffix [PREFIX] commentedpath prefix middle",
        ),
    ];
    for (family, specials, layout) in cases {
        let vocab = fixture::with_specials(specials);
        let format = detect(&vocab).unwrap();
        assert_eq!((format.family(), layout_of(&vocab, &format).as_str()), (family, layout));
        // Every special token ends a completion.
        assert_eq!(format.end_tokens(), [0, 1, 2, 3, 4, 5, 6], "{family}");
        assert!(!format.fragmented_middle());
    }
    let mut found: Vec<&str> = cases.iter().map(|case| case.0).collect();
    found.dedup();
    assert_eq!(found.len(), FAMILIES.len(), "a family has no case here");
}

#[test]
fn order_can_be_switched() {
    let vocab = fixture::gguf();
    let format = detect(&vocab).unwrap();
    assert_eq!(format.order(), FimOrder::Psm);
    let spm = format.with_order(FimOrder::Spm).unwrap();
    assert_eq!(spm.order(), FimOrder::Spm);
    assert_eq!(
        layout_of(&vocab, &spm),
        "<|file_sep|> path <|fim_prefix|> <|fim_suffix|> suffix <|fim_middle|> prefix middle"
    );
    let seed =
        detect(&fixture::with_specials(&["<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"]))
            .unwrap();
    assert_eq!(seed.order(), FimOrder::Spm);
    assert!(seed.with_order(FimOrder::Psm).is_none());
}

#[test]
fn unknown_sentinels_come_from_metadata() {
    let vocab = GgufVocab {
        fim_pre: Some(2),
        fim_suf: Some(0),
        fim_mid: Some(1),
        fim_sep: Some(3),
        eos: Some(5),
        bos: Some(6),
        add_bos: true,
        ..fixture::with_specials(&["<|s|>", "<|m|>", "<|p|>", "<|f|>"])
    };
    let format = detect(&vocab).unwrap();
    assert_eq!(
        layout_of(&vocab, &format),
        "<|unused6|> <|f|> path <|p|> prefix <|s|> suffix <|m|> middle"
    );
    let vocab = GgufVocab { fim_sep: None, add_bos: false, ..vocab };
    let format = detect(&vocab).unwrap();
    assert_eq!(layout_of(&vocab, &format), "<|p|> commentedpath prefix <|s|> suffix <|m|> middle");
}

#[test]
fn unknown_sentinels_need_a_middle() {
    let vocab = GgufVocab {
        fim_pre: Some(0),
        fim_suf: Some(1),
        ..fixture::with_specials(&["<|p|>", "<|s|>"])
    };
    assert!(detect(&vocab).is_err());
}

#[test]
fn metadata_wins_over_known_texts() {
    let vocab = GgufVocab { fim_pre: Some(4), fim_sep: None, ..fixture::gguf() };
    let format = detect(&vocab).unwrap();
    assert_eq!(format.family(), "sentinels named by the model file");
    assert_eq!(format.sentinel(Piece::Pre), Some(4));
}

#[test]
fn missing_sentinels_are_an_error() {
    let error = detect(&fixture::with_specials(&["<|endoftext|>", "<|im_end|>"])).unwrap_err();
    assert!(
        error.to_string().starts_with("the model has no fill-in-the-middle sentinels"),
        "{error}"
    );
    assert!(error.known.contains("deepseek-coder"));
}

#[test]
fn partial_sentinels_are_not_enough() {
    assert!(detect(&fixture::with_specials(&["<|fim_prefix|>", "<|fim_suffix|>"])).is_err());
}

#[test]
fn tokenizer_json_sentinels_are_found() {
    let format = FimFormat::detect(&fixture::tokenizer(), &GgufVocab::default()).unwrap();
    assert_eq!(format.family(), "qwen2.5-coder, lowkey");
    assert_eq!(format.sentinel(Piece::Separator), Some(6));
}
