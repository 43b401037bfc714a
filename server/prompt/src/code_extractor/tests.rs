//! Answers of instructed models. In fixtures `│` separates the document before the cursor from the
//! answer.

use super::*;
use proptest::prelude::*;

fn extractor(before: &str) -> CodeExtractor {
    CodeExtractor { before: before.to_owned(), fence_chars: 3, is_prose: false }
}

/// Checks the code of a whole answer.
#[track_caller]
fn check(fixture: &str, code: &str) {
    let (before, raw) = fixture.split_once('│').unwrap_or_default();
    assert_eq!(extractor(before).code(raw, true).text, code);
}

#[test]
fn continued_answer_is_code() {
    check("def add(a, b):\n    return │a + b", "a + b");
    check("def add(a, b):\n│    return a + b\n", "    return a + b\n");
    check("x│", "");
}

#[test]
fn closing_fence_ends_code() {
    check("    return │a + b\n```\nThis adds **both**.", "a + b\n");
    check("    return │a + b\n  ```", "a + b\n  ");
    check("│```", "");
    check("return x│\n```\n", "\n");
    check("x = │1\n```python\nmore\n```", "1\n");
    let ExtractedCode { text, ended } = extractor("x = ").code("1\n```", false);
    assert_eq!((text, ended), ("1\n", true));
}

#[test]
fn inner_backticks_are_code() {
    check("x = │`a` + ``b``\ny", "`a` + ``b``\ny");
    check("def f():\n│    \"\"\"\n    ```\n    example\n", "    \"\"\"\n    ```\n    example\n");
    check("│// ```\n// x\n// ```\n", "// ```\n// x\n// ```\n");
}

#[test]
fn new_block_is_extracted() {
    check("def add(a, b):\n│```python\n    return a + b\n```\nDone.", "    return a + b\n");
    check("x = │```js\n1;\n```", "1;\n");
}

#[test]
fn introduction_is_dropped() {
    check("│Here is the completed code:\n\n```rust\nlet a = 1;\n```\n", "let a = 1;\n");
    check("│Sure! This adds them.\nIt is simple.\n```\na + b\n```", "a + b\n");
    check("    │Here's the missing line:\nreturn 1\n", "return 1\n");
    check("│Certainly!", "");
    check("│Sure thing, I can", "Sure thing, I can");
    // After other text on the line, or without a sentence end, it is the requested text.
    check("// │Here is the thing:\nfn a() {}\n", "Here is the thing:\nfn a() {}\n");
    check("│Sure = 1\nb = 2\n", "Sure = 1\nb = 2\n");
    let prose = CodeExtractor { is_prose: true, ..extractor("") };
    assert_eq!(prose.code("Here is the list:\n- a\n", true).text, "Here is the list:\n- a\n");
}

#[test]
fn repeated_prefix_is_removed() {
    check(
        "def add(a, b):\n    return │```python\ndef add(a, b):\n    return a + b\n```",
        "a + b\n",
    );
    check("a = 1\nb = 2\nc = │```python\nb = 2\nc = 3\n```", "3\n");
    check("a = 1\n    total = │```py\ntotal = a\n```", "a\n");
    check("    let value = compute(│let value = compute(7);", "7);");
    check("    let value = compute(│    let value = compute(7);", "7);");
    // Short repetitions may be intentional.
    check("    foo(│foo(1))", "foo(1))");
    check("x, │x, y", "x, y");
}

#[test]
fn partial_repetition_in_new_block() {
    check("    let value = compute(│let val", "let val");
    check("a = 1\nb = │```py\na = 1\n", "");
}

#[test]
fn markdown_uses_longer_fence() {
    let long = CodeExtractor { fence_chars: 6, ..extractor("# Title\n") };
    assert_eq!(long.code("```sh\nls\n```\n``````\n", true).text, "```sh\nls\n```\n");
}

/// Answers of parts that could be misread.
fn any_answer() -> impl Strategy<Value = String> {
    let pieces: &[&str] = &[
        "`",
        "``",
        "```",
        "```py\n",
        "\n",
        " ",
        "    ",
        "Here",
        " is the code:",
        "Here's ",
        "Sure",
        "!\n",
        "x = 1",
        "def f(a):",
        "return ",
        "    return ",
        "\n```\n",
        "é🦀",
        "The completed ",
        "line.\n",
    ];
    prop::collection::vec(prop::sample::select(pieces).prop_map(str::to_owned), 0..14)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn code_grows_with_the_answer(
        raw in any_answer(),
        before in prop::sample::select(&["", "x = 1\n", "def f(a):\n    return ", "    return é🦀x = 1", "\n    "][..]),
        is_prose: bool,
    ) {
        let extractor = CodeExtractor { is_prose, ..extractor(before) };
        let whole = extractor.code(&raw, true);
        let (mut so_far, mut has_ended) = ("", false);
        for (end, _) in raw.char_indices().chain([(raw.len(), ' ')]) {
            let code = extractor.code(&raw[..end], false);
            prop_assert!(code.text.starts_with(so_far), "{:?} then {:?}", so_far, code.text);
            prop_assert!(!has_ended || (code.ended && code.text == so_far));
            prop_assert!(raw.contains(code.text));
            (so_far, has_ended) = (code.text, code.ended);
        }
        prop_assert!(whole.text.starts_with(so_far), "{:?} at the end {:?}", so_far, whole.text);
        prop_assert!(!has_ended || whole.text == so_far);
    }

    #[test]
    fn plain_answer_is_all_code(raw in "[a-z =+()]{1,40}", before in "[A-Z]{0,9}\n?") {
        prop_assert_eq!(extractor(&before).code(&raw, true).text, raw.as_str());
    }
}
