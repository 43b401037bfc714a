//! From the model's text to edits, or to silence with a reason.
//!
//! The rules are those of the authors' program, in its order, with two differences:
//!
//! - They offer nothing if the answer ended at a limit, which is common on a slow machine. Here such
//!   an answer is used up to its last line with text that the block has, too; all after it stays as
//!   it is. So a limit never deletes the end of a block.
//! - They offer to remove or add blank lines alone. Here that is no change.

use std::ops::Range;

use super::hunks::{Edit, Hunk, Lines, applied};
use super::parts::CURSOR;

/// An answer with more additional lines is cut there.
const MAX_ADDED_LINES: usize = 20;
/// An answer that changes text above the cursor may not remove and add more lines than this.
const MAX_LINES_ABOVE: usize = 5;
/// A mistake in the models' training data.
const NO_NEWLINE: &str = " No newline at end of file";

/// A replacement in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockEdit {
    /// Bytes of the document; empty for an insertion.
    pub range: Range<usize>,
    /// The new text, with the document's line ends.
    pub text: String,
}

/// Why an answer gives no edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEdit {
    #[error("the model's answer is empty")]
    Empty,
    #[error("the model's answer changes nothing")]
    Unchanged,
    #[error("the model's answer only inserts lines above the cursor's line")]
    InsertsAbove,
    #[error("the model's answer rewrites more than {MAX_LINES_ABOVE} lines, some above the cursor")]
    RewritesAbove,
    #[error("the model's answer reverts a recent edit")]
    Reverts,
    #[error("the model's answer only changes the blanks of the cursor's line")]
    Blanks,
    #[error("the model's answer was cut before it agreed with the text again")]
    Cut,
}

/// The block that was sent to the model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'b> {
    pub(super) text: &'b str,
    /// In `text`.
    pub(super) cursor: usize,
    /// The block before recent changes.
    pub(super) earlier: &'b [String],
}

/// Returns the edits of the block that `answer`, the whole new block, makes; the one to offer first
/// is the first.
pub(super) fn edits(block: &Block, answer: &str, is_cut: bool) -> Result<Vec<Edit>, NoEdit> {
    // The block's last line end is not a part of the comparison: the prompt has none there.
    let old = block.text.trim_end_matches('\n');
    // A line that was being written may be a line of the block by chance.
    let whole = answer.rfind('\n').filter(|_| is_cut).map_or(answer.len(), |end| end + 1);
    let (new, is_shortened) = cleaned(block.text, answer.get(..whole).unwrap_or_default());
    let is_cut = is_cut || is_shortened;
    if new.is_empty() {
        return Err(NoEdit::Empty);
    }
    if !is_cut && is_same(old, &new) {
        return Err(NoEdit::Unchanged);
    }
    let lines = Lines::of(old, &new);
    let mut hunks = lines.hunks();
    if is_cut {
        hunks.truncate(lines.n_confirmed(&hunks));
        if hunks.is_empty() {
            return Err(NoEdit::Cut);
        }
    }
    let all: Vec<Edit> = hunks.iter().map(|hunk| lines.edit(hunk)).collect();
    let new = applied(old, &all);
    if is_same(old, &new) {
        return Err(NoEdit::Unchanged);
    }
    if inserts_above(old, &new, block.cursor) {
        return Err(NoEdit::InsertsAbove);
    }
    let above = |text: &str| text.as_bytes().get(..block.cursor).map(<[u8]>::to_vec);
    if is_large(&hunks) && above(old) != above(&new) {
        return Err(NoEdit::RewritesAbove);
    }
    let reverts = |new: &str| block.earlier.iter().any(|earlier| is_same(earlier, new));
    if reverts(&new) {
        return Err(NoEdit::Reverts);
    }
    let mut edits = all;
    edits.retain(|edit| !reverts(&applied(old, [edit])));
    if edits.is_empty() {
        return Err(NoEdit::Reverts);
    }
    in_order(&mut edits, block.cursor);
    if edits.first().is_some_and(|first| changes_blanks(old, first, block.cursor)) {
        return Err(NoEdit::Blanks);
    }
    Ok(edits)
}

/// Returns the code of the answer, and whether lines were cut off.
fn cleaned(block: &str, answer: &str) -> (String, bool) {
    let mut answer = answer;
    if answer.trim_end_matches('\n').ends_with(NO_NEWLINE) {
        answer = answer.split(NO_NEWLINE).next().unwrap_or_default();
    }
    let answer = super::line_ends::converted(answer).0;
    // Blank lines at the start.
    let start = answer.find(|c: char| !c.is_whitespace()).unwrap_or(answer.len());
    let start = super::lines::line_start(&answer, start);
    let mut answer = answer.get(start..).unwrap_or_default().to_owned();
    if answer.trim().is_empty() {
        answer.clear();
    }
    if !block.contains(CURSOR) {
        answer = answer.replace(CURSOR, "");
    }
    let most = super::lines::line_count(block) + MAX_ADDED_LINES;
    let kept: usize = answer.split_inclusive('\n').take(most).map(str::len).sum();
    let is_cut = kept < answer.trim_end_matches('\n').len();
    answer.truncate(kept);
    answer.truncate(answer.trim_end_matches('\n').len());
    (answer, is_cut)
}

/// Whether two texts are the same when several line ends count as one, and none at the ends.
fn is_same(a: &str, b: &str) -> bool {
    let [a, b] = [a, b].map(|text| text.split('\n').filter(|line| !line.is_empty()));
    a.eq(b)
}

/// Whether all new text is between the lines above the cursor's line and that line.
fn inserts_above(old: &str, new: &str, cursor: usize) -> bool {
    let line_start = super::lines::line_start(old, cursor.min(old.len()));
    let (above, below) = old.split_at_checked(line_start).unwrap_or((old, ""));
    let is_blank = below.split('\n').next().unwrap_or_default().trim().is_empty();
    // Both may share text, so the length is compared, too.
    let fits = new.len() >= old.len() && new.starts_with(above) && new.ends_with(below);
    !is_blank && fits
}

fn is_large(hunks: &[Hunk]) -> bool {
    let removed: usize = hunks.iter().map(|hunk| hunk.old.len()).sum();
    let added: usize = hunks.iter().map(|hunk| hunk.new.len()).sum();
    removed > MAX_LINES_ABOVE && added > MAX_LINES_ABOVE
}

/// Sorts edits: those that end at or after the cursor from the top, then the others from below.
fn in_order(edits: &mut [Edit], cursor: usize) {
    edits.sort_by_key(|edit| {
        let is_above = edit.range.end < cursor;
        let from = if is_above { cursor - edit.range.end } else { edit.range.start };
        (is_above, from)
    });
}

/// Whether an edit deletes the blanks of the cursor's line, or adds to them.
fn changes_blanks(old: &str, edit: &Edit, cursor: usize) -> bool {
    let cursor = cursor.min(old.len());
    let start = super::lines::line_start(old, cursor);
    let line = old.get(start..).unwrap_or_default().split('\n').next().unwrap_or_default();
    if !line.trim().is_empty() {
        return false;
    }
    let replaced = old.get(edit.range.clone()).unwrap_or_default();
    let is_here = [cursor, cursor + 1].contains(&edit.range.end);
    let deletes = edit.text.is_empty() && replaced.trim().is_empty() && is_here;
    let indents = edit.range == (cursor..cursor) && edit.text.starts_with(' ');
    deletes || (indents && !edit.text.contains('\n'))
}
