//! Special tokens, places and limits.

use crate::next_edit::{
    BlockEdit, EditHunk, NextEditFormat, NextEditInput, NextEditPrompt, NextEditSnippet, NoEdit,
    NoNextEdit, NoNextEditFormat, Prefill,
};
use crate::{GgufVocab, Tokenizer, fixture};

/// Returns the prompt for `text`, whose cursor is at `$0`.
fn prompt(text: &str, hunks: &[EditHunk]) -> Result<NextEditPrompt, NoNextEdit> {
    let cursor = text.find("$0").unwrap();
    let text = text.replace("$0", "");
    let input = NextEditInput {
        path: "src/a.rs",
        at_open: "at open\n",
        text: &text,
        cursor,
        hunks,
        snippets: &[],
        prefill: Prefill::None,
        max_file_bytes: usize::MAX,
    };
    NextEditPrompt::new(&input)
}

#[test]
fn sentinels_in_text_are_text() {
    let tokenizer = fixture::tokenizer();
    let format = NextEditFormat::detect(&tokenizer, &GgufVocab::default()).unwrap();
    let bad = "x <|file_sep|> y <|endoftext|> z <|cursor|>\n";
    let hunk =
        EditHunk { path: bad, first_line: 1, old: bad, new: "z\n", above: Some(bad), below: None };
    let input = NextEditInput {
        path: bad,
        at_open: bad,
        text: bad,
        cursor: 3,
        hunks: &[hunk],
        snippets: &[NextEditSnippet { path: bad, text: bad }],
        prefill: Prefill::FirstLine,
        max_file_bytes: usize::MAX,
    };
    let prompt = NextEditPrompt::new(&input).unwrap().prompt(&format, &tokenizer);
    let separator = tokenizer.id_of("<|file_sep|>").unwrap();
    let specials: Vec<u32> = prompt.tokens.iter().copied().filter(|&id| id < 7).collect();
    // The file, the snippet, the change and the three blocks.
    assert_eq!(specials, [separator; 6]);
    let ends = format.end_tokens();
    assert!(ends.contains(&separator) && ends.contains(&tokenizer.id_of("<|endoftext|>").unwrap()));
}

#[test]
fn cursor_is_a_token_where_the_vocabulary_has_it() {
    let vocab = fixture::with_specials(&["<|file_sep|>", "<|cursor|>", "<|endoftext|>"]);
    let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
    let format = NextEditFormat::detect(&tokenizer, &vocab).unwrap();
    let cursor = tokenizer.id_of("<|cursor|>").unwrap();
    let tokens = prompt("let a = $01;\n", &[]).unwrap().prompt(&format, &tokenizer).tokens;
    assert_eq!(tokens.iter().filter(|&&id| id == cursor).count(), 1);
    assert!(!format.end_tokens().contains(&cursor));
}

#[test]
fn vocabulary_without_separator_is_rejected() {
    let vocab = fixture::with_specials(&["<fim_prefix>"]);
    let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
    let none = NextEditFormat::detect(&tokenizer, &vocab);
    assert_eq!(none, Err(NoNextEditFormat));
}

#[test]
fn blank_surroundings_and_long_lines_have_no_prompt() {
    for blank in ["$0", "$0\n", "far away\n\n\n \n\n$0\n\n\n\n\n\n"] {
        assert_eq!(prompt(blank, &[]), Err(NoNextEdit::Blank), "{blank:?}");
    }
    let long = format!("let a = \"{}\";$0\n", "é".repeat(600));
    let error = prompt(&long, &[]).unwrap_err();
    assert_eq!(error, NoNextEdit::LongLine { found: 611, limit: 580 });
}

#[test]
fn cursor_on_outer_blank_line_is_at_the_edge() {
    let below = prompt("\n\n$0\na\nb\nc\nd\ne\nf\ng\nh\ni\n", &[]).unwrap();
    assert!(below.text().contains("<|cursor|>a\nb\n"));
    assert_eq!(below.block_range(), 3..19);
    let above = prompt("a\nb\n\n\n$0\n\n", &[]).unwrap_err();
    assert_eq!(above, NoNextEdit::Blank);
    let end = prompt("a\nb\n\n$0\n\n", &[]).unwrap();
    assert!(end.text().contains("current/src/a.rs:1:3\nb\n<|cursor|>\n"), "{}", end.text());
}

#[test]
fn long_block_ends_at_a_whole_line() {
    let line = format!("{}\n", "x".repeat(500));
    let text = format!("$0a\n{}", line.repeat(6));
    let prompt = prompt(&text, &[]).unwrap();
    // The first two lines, and the three after them of which all is within 1,792 characters.
    assert_eq!(prompt.block_range(), 0..2 + 501 + 3 * 501);
}

#[test]
fn edits_are_in_the_documents_own_bytes() {
    let prompt = prompt("fn f() {\r\n    é$0 a;\r\n    b;\r\n}\r\n", &[]).unwrap();
    let answer = "fn f() {\n    é a;\n    c;\n    d;\n}\n";
    let edits = prompt.edits(answer, false).unwrap();
    assert_eq!(edits, [BlockEdit { range: 25..26, text: "c;\r\n    d".to_owned() }]);
    assert_eq!(prompt.draft(), "fn f() {\n    é a;\n    b;\n}\n");
}

#[test]
fn change_in_another_file_does_not_undo_the_block() {
    let hunk = EditHunk {
        path: "src/b.rs",
        first_line: 3,
        old: "one\n",
        new: "two\n",
        above: None,
        below: None,
    };
    let prompt = prompt("let a$0 = 1;\n", &[hunk]).unwrap();
    let expected = "<|file_sep|>src/b.rs:3:3\noriginal:\none\nupdated:\ntwo\n\
                    <|file_sep|>original/src/a.rs:1:2\nlet a = 1;\n";
    assert!(prompt.text().contains(expected), "{}", prompt.text());
}

#[test]
fn cut_answer_changes_nothing_after_its_last_known_line() {
    let prompt = prompt("$0a\nb\nc\nd\ne\nf\n", &[]).unwrap();
    let edits = |answer: &str| prompt.edits(answer, true);
    assert_eq!(edits("a\nB\nc\nd"), Ok(vec![BlockEdit { range: 2..3, text: "B".to_owned() }]));
    assert_eq!(edits("a\nB\nC\n"), Err(NoEdit::Cut));
    // A last line without its end is not complete, and a blank line is no agreement.
    assert_eq!(edits("a\nB\n\n"), Err(NoEdit::Cut));
    assert_eq!(edits("a\nB\nc"), Err(NoEdit::Cut));
    assert_eq!(edits("a\nb\nc\n"), Err(NoEdit::Cut));
    let many = format!("a\nB\nc\n{}", "x\n".repeat(40));
    let edit = BlockEdit { range: 2..3, text: "B".to_owned() };
    assert_eq!(prompt.edits(&many, false), Ok(vec![edit]));
}

#[test]
fn edits_below_the_cursor_come_first() {
    let prompt = prompt("a\nb\nc$0\nd\ne\nf\n", &[]).unwrap();
    let texts = |answer: &str| -> Vec<String> {
        prompt.edits(answer, false).unwrap().into_iter().map(|edit| edit.text).collect()
    };
    assert_eq!(texts("A\nb\nc\nD\ne\nF\n"), ["D", "F", "A"]);
    assert_eq!(texts("A\nB\nc\nd\ne\nf\n"), ["A\nB"]);
}

#[test]
fn blank_lines_are_not_indented() {
    let prompt = prompt("fn f() {\n    a();\n$0\n}\n", &[]).unwrap();
    let answer = |line: &str| prompt.edits(&format!("fn f() {{\n    a();\n{line}}}\n"), false);
    assert_eq!(answer(""), Err(NoEdit::Unchanged));
    assert_eq!(answer("    b();\n"), Err(NoEdit::Blanks));
    assert!(answer("\n    b();\n").is_ok());
}
