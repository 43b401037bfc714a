//! Whole prompts: their text and its order.
//!
//! The properties for every text and budget are in `properties`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use super::*;
use crate::fim::FimOrder;
use crate::fixture;
use crate::gguf::GgufVocab;
use expect_test::{Expect, expect};
use lowkey_context::{Anchor, Snippet};
use lowkey_document::{ByteOffset, Document};
use std::sync::LazyLock;

mod properties;
mod snippets;

fn assembler_of(vocab: &GgufVocab, order: FimOrder) -> Assembler {
    let tokenizer = Tokenizer::from_gguf(vocab).unwrap();
    let format = FimFormat::detect(&tokenizer, vocab).unwrap().with_order(order).unwrap();
    Assembler::new(Arc::new(tokenizer), format)
}

/// A model whose middles begin at any position, like lowkey's own models.
fn fragmented() -> &'static Assembler {
    embedded(FimOrder::Psm, false)
}

/// A model that needs healing.
fn healing() -> &'static Assembler {
    embedded(FimOrder::Psm, true)
}

/// A model with the sentinels of the embedded one; built once for all cases of a property.
fn embedded(order: FimOrder, heal: bool) -> &'static Assembler {
    static ASSEMBLERS: LazyLock<[Assembler; 4]> = LazyLock::new(|| {
        [
            (FimOrder::Psm, false),
            (FimOrder::Psm, true),
            (FimOrder::Spm, false),
            (FimOrder::Spm, true),
        ]
        .map(|(order, heal)| {
            let vocab = GgufVocab { fragmented_middle: !heal, ..fixture::gguf() };
            assembler_of(&vocab, order)
        })
    });
    &ASSEMBLERS[usize::from(order == FimOrder::Spm) * 2 + usize::from(heal)]
}

fn context_at(text: &str, cursor: usize, budget: Budget, group_lines: usize) -> Context {
    let snapshot = Document::open("file:///w/src/a.rs", "rust", 1, text).snapshot();
    let cursor = snapshot.cursor(ByteOffset(cursor));
    let anchor = Anchor::Lines(group_lines);
    Context::gather(&snapshot, &cursor, "src/a.rs", &budget.window(), anchor)
}

/// The same with the anchor at the cursor.
fn context_at_cursor(fixture: &str) -> Context {
    let (text, cursor) = lowkey_document::fixture::parse(fixture);
    let snapshot = Document::open("file:///w/src/a.rs", "rust", 1, &text).snapshot();
    let window = Budget::of(900).window();
    Context::gather(&snapshot, &snapshot.cursor(cursor), "src/a.rs", &window, Anchor::Cursor)
}

fn context_of(fixture: &str, group_lines: usize) -> Context {
    let (text, cursor) = lowkey_document::fixture::parse(fixture);
    context_at(&text, cursor.0, Budget::of(900), group_lines)
}

/// The prompt as text, with sentinels by their texts and a bar at the start of the middle.
fn shown(assembler: &Assembler, prompt: &Prompt) -> String {
    let specials: Vec<(&str, TokenId)> = assembler.tokenizer.vocabulary.specials().collect();
    let text_of = |tokens: &[TokenId]| -> String {
        let parts = tokens.chunk_by(|a, b| (*a > 6) == (*b > 6)).map(|part| {
            let sentinel =
                |id: &TokenId| specials.iter().find(|known| known.1 == *id).map(|known| known.0);
            let sentinels: String = part.iter().filter_map(sentinel).collect();
            if sentinels.is_empty() { assembler.tokenizer.decode(part) } else { sentinels }
        });
        parts.collect()
    };
    let (fixed, middle) = prompt.tokens.split_at(prompt.n_fixed);
    format!(
        "{}▮{} forced {:?} unforced {:?}",
        text_of(fixed),
        text_of(middle),
        prompt.forced,
        prompt.unforced
    )
}

fn check(assembler: &Assembler, context: &Context, expected: &Expect) {
    let prompt = assembler.assemble(context, &Budget::of(900));
    expected.assert_eq(&shown(assembler, &prompt));
}

#[test]
fn psm_puts_line_after_suffix() {
    let context = context_of("fn main() {\n    let x = fo$0);\n}\n", 1);
    check(
        fragmented(),
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>fn main() {
        <|fim_suffix|>
        }
        <|fim_middle|>▮    let x = fo forced "    let x = fo" unforced """#]],
    );
}

#[test]
fn text_after_cursor_stays_in_suffix() {
    check(
        fragmented(),
        &context_of("a(\n  b$0 + c)\nd\n", 1),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>a(
        <|fim_suffix|> + c)
        d
        <|fim_middle|>▮  b forced "  b" unforced """#]],
    );
}

#[test]
fn line_group_has_one_anchor() {
    check(
        fragmented(),
        &context_of("1\n2\n3\n4\n5\nsix$0\n7\n", 4),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>1
        2
        3
        4
        <|fim_suffix|>
        7
        <|fim_middle|>▮5
        six forced "5\nsix" unforced """#]],
    );
}

#[test]
fn blank_line_starts_at_column_0() {
    check(
        fragmented(),
        &context_of("if a {\n    b\n    $0\n}\n", 1),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>if a {
            b
        <|fim_suffix|>
        }
        <|fim_middle|>▮ forced "" unforced """#]],
    );
}

#[test]
fn empty_document_has_a_prompt() {
    check(
        fragmented(),
        &context_of("$0", 1),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|><|fim_middle|>▮ forced "" unforced """#]],
    );
}

#[test]
fn healing_removes_last_piece() {
    check(
        healing(),
        &context_of("let value = tokeni$0\n", 1),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|>
        <|fim_middle|>▮let value = forced "let value =" unforced " tokeni""#]],
    );
    check(
        healing(),
        &context_of("return $0\n", 1),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|>
        <|fim_middle|>▮return forced "return" unforced " ""#]],
    );
    check(
        healing(),
        &context_of("$0\n", 1),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|>
        <|fim_middle|>▮ forced "" unforced """#]],
    );
}

#[test]
fn healing_keeps_the_script() {
    let unforced = |text: &str| {
        let context = Context { label: "src/a.py".to_owned(), ..context_of(text, 1) };
        healing().assemble(&context, &Budget::of(900)).unforced
    };
    assert_eq!(unforced("hello = 1\nprint($0)\n"), "(");
    for name in ["привет", "μήκος", "高さ", "높이"] {
        assert_eq!(unforced(&format!("{name} = 1\nprint($0)\n")), "", "{name}");
        // Text is not a name, and a partial name determines its alphabet.
        assert_eq!(unforced(&format!("hello = '{name}'  # {name}\nprint($0)\n")), "(", "{name}");
        assert!(!unforced(&format!("{name} = 1\nprint(va$0)\n")).is_empty(), "{name}");
    }
}

#[test]
fn anchor_at_cursor_heals_the_prefix() {
    let context = context_at_cursor("a = 1\nlet value = tokeni$0)\nb\n");
    check(
        fragmented(),
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>a = 1
        let value = tokeni<|fim_suffix|>
        b
        <|fim_middle|>▮ forced "" unforced """#]],
    );
    check(
        healing(),
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>a = 1
        let value =<|fim_suffix|>
        b
        <|fim_middle|>▮ forced "" unforced " tokeni""#]],
    );
    // At the start of a line no text is healed: the line end above stays.
    check(
        healing(),
        &context_at_cursor("a\n    $0\nb\n"),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>a
        <|fim_suffix|>
        b
        <|fim_middle|>▮ forced "" unforced """#]],
    );
}

#[test]
fn healing_removes_at_most_four_tokens() {
    let prompt = healing().assemble(&context_of("xqzwvjkyq$0", 1), &Budget::of(900));
    assert_eq!((prompt.forced.as_str(), prompt.unforced.as_str()), ("xqzwv", "jkyq"));
    // Each of these letters is three tokens: only the last one is complete within four.
    let prompt = healing().assemble(&context_of("語語語$0", 1), &Budget::of(900));
    assert_eq!((prompt.forced.as_str(), prompt.unforced.as_str()), ("語語", "語"));
}

#[test]
fn blank_lines_at_cut_split_by_part() {
    let context = context_of("a {\n\n\n$0\n\n\n}\n", 1);
    assert_eq!((context.prefix.as_str(), context.suffix.as_str()), ("a {\n\n\n", "\n\n\n}\n"));
    let assembler = fragmented();
    let prompt = assembler.assemble(&context, &Budget::of(900));
    let (pre, suf, mid) = (1, 2, 3);
    let at = |sentinel: TokenId| prompt.tokens.iter().position(|&id| id == sentinel).unwrap();
    // Parts are encoded separately: the run of one never joins the run of the other.
    let tokenizer = &assembler.tokenizer;
    assert_eq!(prompt.tokens[at(pre) + 1..at(suf)], tokenizer.encode("a {\n\n\n"));
    assert_eq!(prompt.tokens[at(suf) + 1..at(mid)], tokenizer.encode("\n\n\n}\n"));
    assert_ne!(
        tokenizer.encode(&format!("{}{}", context.prefix, context.suffix)),
        [tokenizer.encode(&context.prefix), tokenizer.encode(&context.suffix)].concat(),
        "as one text the run would be one piece"
    );
    // Enter lengthens the run: the change is at the prefix's end.
    let longer = assembler.assemble(&context_of("a {\n\n\n\n$0\n\n\n}\n", 1), &Budget::of(900));
    let n_common = longer.tokens.iter().zip(&prompt.tokens).take_while(|(a, b)| a == b).count();
    assert!(n_common + 2 >= at(suf), "{n_common} of {}", at(suf));
}

#[test]
fn spm_puts_suffix_first() {
    let assembler = embedded(FimOrder::Spm, false);
    check(
        assembler,
        &context_of("above\nli$0ne\nbelow\n", 1),
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|>ne
        below
        <|fim_middle|>above
        ▮li forced "li" unforced """#]],
    );
}

const WITH_SNIPPETS: Budget = Budget { prompt_tokens: 900, snippet_tokens: 100 };

#[test]
fn path_is_comment_without_separator() {
    let vocab = fixture::with_specials(&[
        "<｜begin▁of▁sentence｜>",
        "<｜fim▁hole｜>",
        "<｜fim▁begin｜>",
        "<｜fim▁end｜>",
    ]);
    let assembler = assembler_of(&GgufVocab { fragmented_middle: true, ..vocab }, FimOrder::Psm);
    let mut context = context_of("above\nli$0ne\nbelow\n", 1);
    check(
        &assembler,
        &context,
        &expect![[r#"
        <｜begin▁of▁sentence｜><｜fim▁begin｜>// src/a.rs
        above
        <｜fim▁hole｜>ne
        below
        <｜fim▁end｜>▮li forced "li" unforced """#]],
    );
    context.snippets = vec![Snippet {
        label: "src/b.rs".to_owned(),
        text: "fn b() {\n}".to_owned(),
        ..Snippet::default()
    }];
    let check = |assembler: &Assembler, context: &Context, expected: &Expect| {
        let prompt = assembler.assemble(context, &WITH_SNIPPETS);
        expected.assert_eq(&shown(assembler, &prompt));
    };
    check(
        &assembler,
        &context,
        &expect![[r#"
        <｜begin▁of▁sentence｜><｜fim▁begin｜>// src/b.rs
        // fn b() {
        // }
        // src/a.rs
        above
        <｜fim▁hole｜>ne
        below
        <｜fim▁end｜>▮li forced "li" unforced """#]],
    );
    context.label = "page.css".to_owned();
    check(
        &assembler,
        &context,
        &expect![[r#"
        <｜begin▁of▁sentence｜><｜fim▁begin｜>/* src/b.rs */
        /* fn b() { */
        /* } */
        /* page.css */
        above
        <｜fim▁hole｜>ne
        below
        <｜fim▁end｜>▮li forced "li" unforced """#]],
    );
    context.label = "notes.txt".to_owned();
    check(
        &assembler,
        &context,
        &expect![[r#"
        <｜begin▁of▁sentence｜><｜fim▁begin｜>above
        <｜fim▁hole｜>ne
        below
        <｜fim▁end｜>▮li forced "li" unforced """#]],
    );
}

#[test]
fn long_line_is_kept_if_it_fits() {
    let line = "The clock reads the time from the network once an hour, and keeps it. ".repeat(3);
    let budget = Budget::of(256);
    for (above, below) in [("# Clock\n\n", ""), ("", "\nnext\n")] {
        let text = format!("{above}{line}$0{below}");
        let context = context_of(&text, 1);
        let prompt = fragmented().assemble(&context, &budget);
        let tokens = fragmented().tokenizer.encode(&line).len();
        assert!(tokens > 256 / 8, "the line is longer than the middle's share");
        let shown = shown(fragmented(), &prompt);
        assert!(shown.contains(&format!("▮{line}")), "{shown}");
    }
}

#[test]
fn fitting_document_is_whole() {
    let text = "let a = 1;\n".repeat(30);
    let budget = Budget::of(300);
    let n_tokens = fragmented().tokenizer.encode(&text).len();
    assert!(n_tokens < 250, "{n_tokens}");
    for cursor in [0, 11 * 15, 11 * 30] {
        let prompt = fragmented().assemble(&context_at(&text, cursor, budget, 1), &budget);
        let written = shown(fragmented(), &prompt).matches("let a").count();
        assert_eq!(written, 30, "cursor at {cursor}");
    }
}

#[test]
fn prefix_gets_unused_context_share() {
    let mut context = context_of("$0", 1);
    context.prefix = "x1;\n".repeat(400);
    let n_prefix = |context: &Context| {
        let prompt = fragmented().assemble(context, &Budget::of(900));
        let at = |sentinel: TokenId| prompt.tokens.iter().position(|&id| id == sentinel).unwrap();
        at(2) - at(1) - 1
    };
    let alone = n_prefix(&context);
    // ⅚ of ⅞ of 900 tokens, minus at most a step and the path.
    assert!((480..=787).contains(&alone), "{alone}");
    context.suffix = "y2;\n".repeat(400);
    let beside_suffix = n_prefix(&context);
    assert!(beside_suffix < alone, "{beside_suffix}");
}
