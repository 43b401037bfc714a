//! The files of `fixtures/next_edit`, written by the authors' program.

use serde::Deserialize;
use std::path::{Path, PathBuf};

use crate::next_edit::{
    BlockEdit, EditHunk, NextEditInput, NextEditPrompt, NextEditSnippet, NoEdit, Prefill,
};

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    input: Input,
    prompt: String,
    forced: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    at_open: String,
    text: String,
    cursor: usize,
    hunks: Vec<Hunk>,
    snippets: Vec<Snippet>,
    prefill: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hunk {
    path: String,
    first_line: usize,
    old: String,
    new: String,
    above: Option<String>,
    below: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snippet {
    path: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    text: String,
    cut: bool,
    /// The program's name for what it did.
    verdict: String,
    /// The text after the offered edits, if there are any.
    after: Option<String>,
}

impl Hunk {
    fn hunk(&self) -> EditHunk<'_> {
        let Hunk { path, first_line, old, new, above, below } = self;
        let (above, below) = (above.as_deref(), below.as_deref());
        EditHunk { path, first_line: *first_line, old, new, above, below }
    }
}

impl Golden {
    fn prompt(&self) -> NextEditPrompt {
        let Input { path, at_open, text, cursor, hunks, snippets, prefill } = &self.input;
        let hunks: Vec<EditHunk> = hunks.iter().map(Hunk::hunk).collect();
        let snippets: Vec<NextEditSnippet> = snippets
            .iter()
            .map(|snippet| NextEditSnippet { path: &snippet.path, text: &snippet.text })
            .collect();
        let prefill = match prefill.as_str() {
            "none" => Prefill::None,
            "first_line" => Prefill::FirstLine,
            "to_cursor" => Prefill::ToCursor,
            other => panic!("{other} is no prefill"),
        };
        let input = NextEditInput {
            path,
            at_open,
            text,
            cursor: *cursor,
            hunks: &hunks,
            snippets: &snippets,
            prefill,
            max_file_bytes: usize::MAX,
        };
        NextEditPrompt::new(&input).unwrap()
    }
}

fn goldens() -> Vec<(String, Golden)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/next_edit");
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let golden = serde_json::from_str(&std::fs::read_to_string(file).unwrap());
        (name.clone(), golden.unwrap_or_else(|e| panic!("{name}: {e}")))
    };
    files.iter().map(read).collect()
}

#[test]
fn prompts_equal_the_authors_prompts() {
    let goldens = goldens();
    assert!(goldens.len() >= 20, "only {} files", goldens.len());
    for (name, golden) in &goldens {
        let prompt = golden.prompt();
        assert_eq!(prompt.text(), golden.prompt, "{name}");
        assert_eq!(prompt.forced(), golden.forced, "{name}");
    }
}

#[test]
fn edits_agree_with_the_authors_edits() {
    let mut n_answers = 0;
    for (name, golden) in &goldens() {
        let prompt = golden.prompt();
        for answer in &golden.answers {
            let case = format!("{name}, {}: {}", answer.verdict, answer.text);
            let edits = prompt.edits(&answer.text, answer.cut);
            let silence = match answer.verdict.as_str() {
                "no_completion_received" => Some(NoEdit::Empty),
                "no_changes_made" => Some(NoEdit::Unchanged),
                "pure_insertion_above_cursor" => Some(NoEdit::InsertsAbove),
                "large_diff_above_cursor" => Some(NoEdit::RewritesAbove),
                "revert_detected" => Some(NoEdit::Reverts),
                // Here a cut answer is used up to its last line that the block has, too.
                "hit_max_tokens" => {
                    assert!(answer.cut && edits.is_ok(), "{case}");
                    continue;
                }
                "success" => None,
                other => panic!("{other} is no verdict"),
            };
            n_answers += 1;
            match (&answer.after, silence) {
                (Some(after), None) => {
                    assert_eq!(&offered(&golden.input, &edits.unwrap()), after, "{case}");
                }
                (None, Some(silence)) => assert_eq!(edits, Err(silence), "{case}"),
                (after, _) => panic!("{case}: {after:?}"),
            }
        }
    }
    assert!(n_answers >= 15, "only {n_answers} answers");
}

/// Returns the text after the edits that the authors' program offers of these: those above the
/// cursor only if there are no others.
fn offered(input: &Input, edits: &[BlockEdit]) -> String {
    let below = |edit: &&BlockEdit| edit.range.end >= input.cursor;
    let mut chosen: Vec<&BlockEdit> = edits.iter().filter(below).collect();
    if chosen.is_empty() {
        chosen = edits.iter().collect();
    }
    chosen.sort_by_key(|edit| std::cmp::Reverse((edit.range.start, edit.range.end)));
    let mut text = input.text.clone();
    for edit in chosen {
        text.replace_range(edit.range.clone(), &edit.text);
    }
    text
}
