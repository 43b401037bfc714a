//! Properties for any session.

use proptest::prelude::*;

use crate::fixture::{hard_text, tokenizer};
use crate::next_edit::{
    EditHunk, NextEditFormat, NextEditInput, NextEditPrompt, NextEditSnippet, Prefill,
};
use crate::{GgufVocab, TokenId};

fn prefill() -> impl Strategy<Value = Prefill> {
    prop::sample::select(&[Prefill::None, Prefill::FirstLine, Prefill::ToCursor][..])
}

/// Several lines of difficult text.
fn lines() -> impl Strategy<Value = String> {
    prop::collection::vec(hard_text(), 0..12).prop_map(|lines| lines.join("\n"))
}

/// An old and a new text, their first line, and whether there are lines around them.
fn hunks() -> impl Strategy<Value = Vec<(String, String, usize, bool, bool)>> {
    let hunk = (hard_text(), hard_text(), 0usize..90, any::<bool>(), any::<bool>());
    prop::collection::vec(hunk, 0..9)
}

fn hunk(
    (old, new, first_line, above, below): &(String, String, usize, bool, bool),
) -> EditHunk<'_> {
    EditHunk {
        path: "b.py",
        first_line: *first_line,
        old,
        new,
        above: above.then_some("    above"),
        below: below.then_some("below"),
    }
}

fn tokens(prompt: &NextEditPrompt) -> Vec<TokenId> {
    let tokenizer = tokenizer();
    let format = NextEditFormat::detect(&tokenizer, &GgufVocab::default()).unwrap();
    prompt.prompt(&format, &tokenizer).tokens
}

proptest! {
    #[test]
    fn any_session_has_a_prompt_and_any_answer_edits(
        at_open in lines(),
        text in lines(),
        cursor in 0usize..400,
        hunk_texts in hunks(),
        snippets in prop::collection::vec(hard_text(), 0..5),
        prefill in prefill(),
        answer in lines(),
        is_cut: bool,
    ) {
        let hunks: Vec<EditHunk> = hunk_texts.iter().map(hunk).collect();
        let snippets: Vec<NextEditSnippet> =
            snippets.iter().map(|text| NextEditSnippet { path: "c.py", text }).collect();
        let input = NextEditInput {
            path: "a.py", at_open: &at_open, text: &text, cursor, hunks: &hunks, snippets: &snippets, prefill,
            max_file_bytes: usize::MAX,
        };
        let Ok(prompt) = NextEditPrompt::new(&input) else { return Ok(()) };
        let block = text.get(prompt.block_range());
        prop_assert!(block.is_some());
        let block = block.unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(&block, &[prompt.prefill(), prompt.draft()].concat());
        prop_assert!(prompt.draft().starts_with(prompt.forced()));
        let tokenizer = tokenizer();
        let without = |text: &str| text.replace("<|file_sep|>", "");
        prop_assert_eq!(without(&tokenizer.decode(&tokens(&prompt))), without(&prompt.text()));
        // The block itself is never an edit.
        prop_assert!(prompt.edits(prompt.draft(), is_cut).is_err());

        let Ok(edits) = prompt.edits(&answer, is_cut) else { return Ok(()) };
        prop_assert!(!edits.is_empty());
        let mut ranges: Vec<_> = edits.iter().map(|edit| edit.range.clone()).collect();
        ranges.sort_by_key(|range| (range.start, range.end));
        for pair in ranges.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
        for edit in &edits {
            let replaced = text.get(edit.range.clone());
            prop_assert!(replaced.is_some_and(|replaced| replaced != edit.text));
        }
    }

    #[test]
    fn edits_give_the_answer(
        texts in prop::collection::vec("[ a-c]{0,3}", 1..9),
        answers in prop::collection::vec("[ a-c]{0,3}", 1..9),
    ) {
        let (text, answer) = (texts.join("\n"), answers.join("\n"));
        let input = NextEditInput {
            path: "a.py", at_open: "", text: &text, cursor: 0, hunks: &[], snippets: &[], prefill: Prefill::None,
            max_file_bytes: usize::MAX,
        };
        let Ok(prompt) = NextEditPrompt::new(&input) else { return Ok(()) };
        let Ok(mut edits) = prompt.edits(&answer, false) else { return Ok(()) };
        edits.sort_by_key(|edit| std::cmp::Reverse((edit.range.start, edit.range.end)));
        let mut now = text.clone();
        for edit in edits {
            now.replace_range(edit.range, &edit.text);
        }
        // Blank lines at the start and line ends at the end of an answer are not a part of it.
        let block = prompt.block_range();
        let tail = text[block.start..].len() - text[block.clone()].trim_end_matches('\n').len();
        let start = answers.iter().position(|line| !line.trim().is_empty()).unwrap_or_default();
        let answer = answers[start..].join("\n");
        let edited = &now[block.start..now.len() - tail];
        prop_assert_eq!(edited, answer.trim_end_matches('\n'));
    }

    #[test]
    fn next_prompt_repeats_all_before_the_first_change(
        at_open in lines(),
        texts in (lines(), lines()),
        cursors in (0usize..400, 0usize..400),
        hunk_texts in hunks(),
        added in (1usize..90, any::<bool>(), any::<bool>()),
    ) {
        let mut hunk_texts = hunk_texts;
        hunk_texts.truncate(5);
        // The first prompt's last change ends differently from the same change before another.
        hunk_texts.push(("old\n".to_owned(), "new\n".to_owned(), added.0, added.1, added.2));
        let snippets = [NextEditSnippet { path: "c.py", text: "snippet\n" }];
        let hunks: Vec<EditHunk> = hunk_texts.iter().map(hunk).collect();
        let prompt = |text: &str, cursor: usize, hunks: &[EditHunk]| {
            let prefill = Prefill::FirstLine;
            let input = NextEditInput {
                path: "a.py", at_open: &at_open, text, cursor, hunks, snippets: &snippets, prefill,
            max_file_bytes: usize::MAX,
            };
            NextEditPrompt::new(&input)
        };
        let (Ok(first), Ok(second)) = (
            prompt(&texts.0, cursors.0, &hunks[..hunks.len() - 1]),
            prompt(&texts.1, cursors.1, &hunks),
        ) else { return Ok(()) };
        let texts = [first.text(), second.text()];
        let [head, _] = texts.each_ref().map(|text| text.split("<|file_sep|>original/").next().unwrap_or_default());
        let head = head.trim_end_matches('\n');
        prop_assert!(texts[1].starts_with(head));
        // Sections before the last one of these have the same tokens.
        let separator = tokenizer().id_of("<|file_sep|>").unwrap();
        let tokens = [&first, &second].map(tokens);
        let sections = |tokens: &[TokenId]| -> Vec<Vec<TokenId>> {
            tokens.split(|&id| id == separator).map(<[TokenId]>::to_vec).collect()
        };
        let [before, after] = tokens.each_ref().map(|tokens| sections(tokens));
        // The three blocks, and the section whose end joins the next one.
        let n_same = before.len() - 4;
        prop_assert!(n_same >= 2);
        prop_assert_eq!(&before[..n_same], &after[..n_same]);
    }
}
