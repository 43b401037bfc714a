//! The prompt and the answer of a next-edit model: a block of lines around the cursor, rewritten.
//!
//! The format is the one of Sweep's open models (Apache-2.0, 0.5B and 1.5B, plain `qwen2`). It was
//! read in the authors' own program, the Python package `sweep-autocomplete` 0.1.1, and
//! `fixtures/next_edit` has prompts that this program wrote (`server/training/next_edit_golden.py`).
//!
//! ```text
//! <|file_sep|>{path}
//! {the file as it was when it was opened}
//! <|file_sep|>{path of a snippet}           at most 3 snippets
//! {text}
//!
//! <|file_sep|>{path}:{first}:{last}         the last 6 changes, the newest last
//! original:
//! {old lines, with a line above and below}
//! updated:
//! {new lines}
//! <|file_sep|>original/{path}:{first}:{last}
//! {the block before the changes}
//! <|file_sep|>current/{path}:{first}:{last}
//! {the block with <|cursor|>}
//! <|file_sep|>updated/{path}:{first}:{last}
//! {prefill}                                 the model continues here
//! ```
//!
//! **Stable from the start.** The file at open and the snippets come first and do not change while
//! the user types. Changes are appended until there are six. Only the blocks and the newest change
//! differ between two requests, so a session computes little more than them.
//!
//! **Deviations from the authors' program**, all on purpose:
//!
//! - Texts have `\n` line ends in the prompt, regardless of the document's. Only `\n`, `\r\n` and
//!   `\r` end a line; Python also splits lines at form feeds and other separators.
//! - `<|file_sep|>` and `<|cursor|>` in a document are text, never special tokens.
//! - The block's place is known; the authors search for its text and take the first match.
//! - On a blank line outside of the block, the cursor is at the block's start or end. The authors'
//!   program counts from the block's other end there.
//! - A block with a line of more than 580 characters has no prompt (`block::MAX_LINE_CHARS`).
//! - Whole files as context before the document are not written: they would change while the user
//!   works, and with them the cache of all that follows.
//! - On a slow machine the part of the file at open is shorter (`NextEditInput::max_file_bytes`).
//!
//! Every function is pure and total.

use std::ops::Range;

use crate::prompt::Prompt;
use crate::tokenizer::Tokenizer;
use changes::Change;
use lines::push_cut;
use parts::Parts;

mod answer;
mod block;
mod changes;
mod hunks;
mod initial_file;
mod line_ends;
mod lines;
mod parts;
mod prefill;

pub use answer::{BlockEdit, NoEdit};
pub use changes::EditHunk;
pub use parts::{NextEditFormat, NoNextEditFormat};
pub use prefill::Prefill;

/// Most snippets in a prompt, and their longest texts.
const MAX_SNIPPETS: usize = 3;
const MAX_SNIPPET_LINES: usize = 25;
/// All snippets with their paths: 2,048 tokens of 3.5 characters, as the authors estimate them.
const MAX_SNIPPET_CHARS: usize = 7168;
/// A prompt without snippets has at most this many characters.
const MAX_PROMPT_CHARS: usize = 65_536;

/// Longest answer, in tokens.
pub const MAX_ANSWER_TOKENS: usize = 1024;

/// All that a prompt depends on.
#[derive(Debug, Clone, Copy)]
pub struct NextEditInput<'t> {
    /// The document's path in its workspace, with `/`.
    pub path: &'t str,
    /// The document's text when it was opened.
    pub at_open: &'t str,
    /// The document's text now.
    pub text: &'t str,
    /// The cursor, in bytes of `text`. Inside a character it is moved to the character's start.
    pub cursor: usize,
    /// The session's edits, the oldest first.
    pub hunks: &'t [EditHunk<'t>],
    /// Text of other files, the most helpful last. At most the last three are used.
    pub snippets: &'t [NextEditSnippet<'t>],
    /// How much of the answer is given.
    pub prefill: Prefill,
    /// The part of the file at open in the prompt has about this many bytes at most. With less than
    /// the authors' 800 or 300 lines, it has 150 or 76 of them.
    pub max_file_bytes: usize,
}

/// A part of another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextEditSnippet<'t> {
    /// The other file's path in its workspace.
    pub path: &'t str,
    /// Its first 25 lines are used.
    pub text: &'t str,
}

/// Why there is no prompt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoNextEdit {
    #[error("predicting the next edit: the lines around the cursor are blank")]
    Blank,
    #[error(
        "predicting the next edit: a line near the cursor has {found} characters, at most {limit} are used"
    )]
    LongLine { found: usize, limit: usize },
    #[error(
        "predicting the next edit: the prompt has {found} characters, at most {limit} are used"
    )]
    TooLong { found: usize, limit: usize },
}

/// A prompt, and the means to read its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextEditPrompt {
    /// All parts up to the prefill.
    parts: Parts,
    /// The block with `\n` line ends, where it starts in the converted text, and the cursor in it.
    block: String,
    block_start: usize,
    cursor: usize,
    /// How many bytes of the block the prompt already has as the answer's start.
    n_prefilled: usize,
    /// How many bytes after them the answer must begin with.
    n_forced: usize,
    /// The block before the newest change, before the two newest, and so on.
    earlier_blocks: Vec<String>,
    n_snippets: usize,
    line_ends: line_ends::LineEnds,
}

impl NextEditPrompt {
    /// Writes the prompt for the block around the cursor.
    pub fn new(input: &NextEditInput) -> Result<NextEditPrompt, NoNextEdit> {
        let (text, line_ends) = line_ends::converted(input.text);
        let cursor = input.text.floor_char_boundary(input.cursor);
        let cursor = line_ends.in_converted(cursor);
        let around = block::around(&text, cursor)?;
        let block = text.get(around.range.clone()).unwrap_or_default();
        let changes: Vec<Change> = input.hunks.iter().filter_map(Change::of).collect();
        let earlier_blocks = changes::earlier_blocks(&changes, block);
        let before = earlier_blocks.last().map_or(block, String::as_str);

        let mut parts = Parts::default();
        let (n_snippets, n_snippet_chars) =
            write_context(&mut parts, input, text.get(..cursor).unwrap_or_default());
        changes::write(&changes, &mut parts);
        write_blocks(&mut parts, input.path, block, around.cursor, before);
        let prefill = prefill::of(block, around.cursor, input.prefill);
        let found = lines::chars(&parts.written()) + lines::chars(prefill.text);
        let found = found.saturating_sub(n_snippet_chars);
        if found > MAX_PROMPT_CHARS {
            return Err(NoNextEdit::TooLong { found, limit: MAX_PROMPT_CHARS });
        }
        Ok(NextEditPrompt {
            parts,
            n_prefilled: prefill.text.len(),
            n_forced: prefill.forced.len(),
            block: block.to_owned(),
            block_start: around.range.start,
            cursor: around.cursor,
            earlier_blocks,
            n_snippets,
            line_ends,
        })
    }

    /// Returns the prompt as the authors' program writes it, the prefill last.
    pub fn text(&self) -> String {
        self.parts.written() + self.prefill()
    }

    /// Returns the prompt for the engine. Its `forced` text is the prefill, and `unforced` is what
    /// the answer must begin with.
    pub fn prompt(&self, format: &NextEditFormat, tokenizer: &Tokenizer) -> Prompt {
        // The prefill is after a line end, where every pre-tokenizer of these models cuts.
        let mut tokens = self.parts.tokens(format, tokenizer);
        let n_fixed = tokens.len();
        tokens.append(&mut tokenizer.encode(self.prefill()));
        Prompt {
            tokens,
            n_fixed,
            forced: self.prefill().to_owned(),
            unforced: self.forced().to_owned(),
            code_extractor: None,
            n_snippets: self.n_snippets,
            // The answer ends without the block's last line end.
            draft: tokenizer.encode(self.draft().trim_end_matches('\n')),
            end_tokens: Some(format.end_tokens().to_vec()),
        }
    }

    /// Returns the block's bytes in the document.
    pub fn block_range(&self) -> Range<usize> {
        let [start, end] = [self.block_start, self.block_start + self.block.len()]
            .map(|offset| self.line_ends.in_document(offset));
        start..end
    }

    /// Returns the start of the block that the prompt has as the answer's start.
    pub fn prefill(&self) -> &str {
        self.block.get(..self.n_prefilled).unwrap_or_default()
    }

    /// Returns what the answer must begin with after the prefill: "" except for
    /// [`Prefill::ToCursor`].
    pub fn forced(&self) -> &str {
        self.draft().get(..self.n_forced).unwrap_or_default()
    }

    /// Returns the likely answer: the block after the prefill, unchanged. Most of its tokens are
    /// right, so a decoder verifies many of them in one forward pass.
    pub fn draft(&self) -> &str {
        self.block.get(self.n_prefilled..).unwrap_or_default()
    }

    /// Reads the model's text, which continues the prefill and includes the forced text. `is_cut`
    /// is true if decoding ended at a limit or a deadline and not at an end token.
    ///
    /// Returns the edits in the order in which to offer them: those at or below the cursor from the
    /// top, then those above, the nearest first. Ranges are of the document that the prompt was
    /// made for; they do not overlap.
    pub fn edits(&self, answer: &str, is_cut: bool) -> Result<Vec<BlockEdit>, NoEdit> {
        let of_block =
            answer::Block { text: &self.block, cursor: self.cursor, earlier: &self.earlier_blocks };
        if answer.is_empty() {
            return Err(NoEdit::Empty);
        }
        let answer = [self.prefill(), answer].concat();
        let edits = answer::edits(&of_block, &answer, is_cut)?;
        let in_document = |edit: hunks::Edit| {
            let [start, end] = [edit.range.start, edit.range.end]
                .map(|offset| self.line_ends.in_document(self.block_start + offset));
            BlockEdit { range: start..end, text: self.line_ends.written(&edit.text) }
        };
        Ok(edits.into_iter().map(in_document).collect())
    }
}

/// Appends the file at open and the snippets. Returns the number of snippets, and of
/// their characters.
fn write_context(parts: &mut Parts, input: &NextEditInput, before_cursor: &str) -> (usize, usize) {
    let (at_open, _) = line_ends::converted(input.at_open);
    parts.separator();
    let text = parts.text();
    text.push_str(input.path);
    text.push('\n');
    push_cut(text, &initial_file::part(&at_open, before_cursor, input.max_file_bytes));
    let mut chosen = Vec::new();
    let mut n_chars = 0;
    for snippet in input.snippets.iter().rev().take(MAX_SNIPPETS) {
        let (text, _) = line_ends::converted(snippet.text);
        let text: String = text.split_inclusive('\n').take(MAX_SNIPPET_LINES).collect();
        // With the separator and two line ends.
        let with = n_chars + lines::chars(snippet.path) + lines::chars(&text) + 14;
        if with > MAX_SNIPPET_CHARS {
            break;
        }
        n_chars = with;
        chosen.push((snippet.path, text));
    }
    let n_snippets = chosen.len();
    for (path, snippet) in chosen.into_iter().rev() {
        parts.text().push('\n');
        parts.separator();
        let text = parts.text();
        text.push_str(path);
        text.push('\n');
        push_cut(text, &snippet);
        text.push('\n');
    }
    parts.text().push('\n');
    (n_snippets, n_chars)
}

/// Appends the three sections of the block, up to the prefill.
fn write_blocks(parts: &mut Parts, path: &str, block: &str, cursor: usize, before: &str) {
    // The authors' marked block ends with the mark if the cursor is at the end.
    let (mut now, mut before) = (block, before);
    if cursor < block.len()
        && let (Some(now_line), Some(before_line)) =
            (block.strip_suffix('\n'), before.strip_suffix('\n'))
    {
        (now, before) = (now_line, before_line);
    }
    let line = block::cursor_line(block, cursor);
    let is_new_line = cursor == block.len() && block.ends_with('\n');
    let n_lines = lines::line_count(now) + usize::from(is_new_line);
    let range = format!("{path}:{}:{}\n", line + 1, line + n_lines + 1);

    parts.text().push('\n');
    parts.separator();
    parts.text().push_str(&["original/", &range].concat());
    push_cut(parts.text(), before);
    parts.text().push('\n');
    parts.separator();
    parts.text().push_str(&["current/", &range].concat());
    let (left, right) = now.split_at_checked(cursor).unwrap_or((now, ""));
    parts.text().push_str(left);
    parts.cursor();
    parts.text().push_str(right);
    parts.text().push('\n');
    parts.separator();
    parts.text().push_str(&["updated/", &range].concat());
}

#[cfg(test)]
mod tests;
