//! The text around the cursor, cut so that typing changes only its tail.
//!
//! The cut between prefix and middle is the *anchor*: the start of the cursor's line, or of its
//! group of lines, or the cursor itself. The text between anchor and cursor is the forced middle.
//! Closers right of the cursor that editors insert belong to neither side: the answer replaces
//! them.
//!
//! Invariant: `prefix` depends only on text before the anchor, and `suffix` only on text below the
//! cursor's line, except for their lengths: a side that needs less than its share lends the rest to
//! the other, in steps of a quarter of the whole.

use lowkey_document::{ByteOffset, Cursor, Snapshot};

use crate::window;

/// A line with at most this many bytes left (or right) of the cursor is never cut on that side,
/// even with a small budget.
const MIN_LINE_BYTES: usize = 256;

/// Longer text was not inserted by an editor's auto-closing.
const MAX_TAIL_BYTES: usize = 256;

/// Limits on the text on each side of the cursor's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WindowBudget {
    /// Maximum bytes of [`Context::prefix`]; the forced middle may add half of this.
    pub prefix_bytes: usize,
    /// Maximum bytes of [`Context::suffix`]; the rest of the cursor's line may add half of this.
    pub suffix_bytes: usize,
    /// If both sides together have at most this many bytes, neither is cut.
    pub whole_bytes: usize,
}

impl WindowBudget {
    /// Shares the budget by need between `n_above` bytes before the anchor and `n_below` below the
    /// cursor's line.
    fn by_need(self, n_above: usize, n_below: usize) -> Self {
        let Self { prefix_bytes, suffix_bytes, whole_bytes } = self;
        if n_above.saturating_add(n_below) <= whole_bytes {
            return Self {
                prefix_bytes: prefix_bytes.max(n_above),
                suffix_bytes: suffix_bytes.max(n_below.saturating_add(1)),
                whole_bytes,
            };
        }
        // In steps, so that an edit on one side rarely moves the window on the other.
        let step = whole_bytes / 4;
        let spare = |share: usize, need: usize| {
            share.saturating_sub(need).checked_div(step).map_or(0, |n_steps| n_steps * step)
        };
        Self {
            prefix_bytes: prefix_bytes.saturating_add(spare(suffix_bytes, n_below)),
            suffix_bytes: suffix_bytes.saturating_add(spare(prefix_bytes, n_above)),
            whole_bytes,
        }
    }
}

/// The position of the cut between prefix and forced middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// At the cursor: no middle is forced, and every keystroke moves the cut.
    Cursor,
    /// At the start of the group of this many lines that contains the cursor; with 1 every line is
    /// a group.
    Lines(usize),
}

/// A text from another place that may help.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Snippet {
    /// The label of its file, as in [`Context::label`].
    pub label: String,
    /// The text, with `\n` line ends.
    pub text: String,
    /// Why it may help, for reports, such as `imported: area_of`; "" if the caller chose it.
    pub reason: String,
}

/// All parts of a prompt. All texts have `\n` line ends, regardless of the file's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Context {
    /// The file's workspace-relative path with `/` between its parts.
    pub label: String,
    /// The window above the anchor: whole lines, except lines longer than half the budget.
    pub prefix: String,
    /// The forced middle: from the anchor to the cursor, without [`Self::replaced_indent`].
    pub line_before: String,
    /// Blanks left of the cursor on a line without other text. The model continues from column 0,
    /// and its answer replaces them.
    pub replaced_indent: String,
    /// The rest of the cursor's line; "" if that is [`Self::replaced_tail`].
    pub line_after: String,
    /// The rest of the cursor's line if it consists only of closers, punctuation and blanks; the
    /// answer replaces it.
    pub replaced_tail: String,
    /// The window below. It begins with the line end of the cursor's line, if there is one.
    pub suffix: String,
    /// Text from other places, most helpful last.
    pub snippets: Vec<Snippet>,
    /// The repository's name, for families that have it before the snippets; "" if there is none.
    pub repository: String,
    /// The end of the prefix and start of the forced middle.
    pub anchor: ByteOffset,
    pub cursor: ByteOffset,
    /// The part of the document from the prefix's first byte to the suffix's last.
    pub window: std::ops::Range<ByteOffset>,
}

impl Context {
    /// Cuts the windows around `cursor`. On a line of blanks the forced middle ends at the line's
    /// start, for any `anchor`.
    ///
    /// Costs O(budget + log n) for a document of any size.
    pub fn gather(
        snapshot: &Snapshot,
        cursor: &Cursor,
        label: &str,
        budget: &WindowBudget,
        anchor: Anchor,
    ) -> Self {
        let is_blank = is_blank(&cursor.before) && is_blank(&cursor.after);
        let anchor = match anchor {
            Anchor::Cursor if is_blank => cursor.line_start,
            Anchor::Cursor => cursor.offset,
            Anchor::Lines(n) => group_start(snapshot, cursor, budget.prefix_bytes, n),
        };
        let line_end = cursor.offset.0.saturating_add(cursor.after.len());
        let n_below = snapshot.n_bytes().saturating_sub(line_end);
        let budget = budget.by_need(anchor.0, n_below);
        let start = window::start_above(snapshot, anchor, budget.prefix_bytes);
        let split = if is_blank { cursor.line_start.max(anchor) } else { cursor.offset };
        let rest = Rest::of(snapshot, cursor, budget.suffix_bytes);
        Self {
            label: label.to_owned(),
            prefix: with_lf(snapshot.slice(start..anchor)),
            line_before: with_lf(snapshot.slice(anchor..split)),
            replaced_indent: snapshot.slice(split..cursor.offset),
            line_after: rest.line_after,
            replaced_tail: rest.replaced_tail,
            suffix: rest.suffix,
            snippets: Vec::new(),
            repository: String::new(),
            anchor,
            cursor: cursor.offset,
            window: start..rest.end,
        }
    }
}

/// Returns the start of the forced middle for a group of lines.
pub(crate) fn group_start(
    snapshot: &Snapshot,
    cursor: &Cursor,
    prefix_bytes: usize,
    group_lines: usize,
) -> ByteOffset {
    let limit = (prefix_bytes / 2).max(MIN_LINE_BYTES);
    let step = limit / 2;
    let before_bytes = cursor.before.len();
    if before_bytes > limit {
        // The line is too long for a forced middle: the anchor follows the cursor inside it, in
        // steps.
        let cut = (before_bytes - limit).div_ceil(step) * step;
        return ByteOffset(
            cursor.line_start.0.saturating_add(cursor.before.floor_char_boundary(cut)),
        );
    }
    let group_lines = group_lines.max(1);
    let group_start = snapshot.line_start(cursor.line / group_lines * group_lines);
    // Decided by the finished lines alone, so that typing on the cursor's line cannot move the
    // anchor.
    if cursor.line_start.0.saturating_sub(group_start.0) > step {
        cursor.line_start
    } else {
        group_start
    }
}

/// The text right of the cursor and below it.
struct Rest {
    line_after: String,
    replaced_tail: String,
    suffix: String,
    end: ByteOffset,
}

impl Rest {
    fn of(snapshot: &Snapshot, cursor: &Cursor, suffix_bytes: usize) -> Self {
        let after = cursor.after.as_str();
        let limit = (suffix_bytes / 2).max(MIN_LINE_BYTES);
        if is_tail(after) {
            let (suffix, end) = below(snapshot, cursor, suffix_bytes);
            return Self {
                line_after: String::new(),
                replaced_tail: after.to_owned(),
                suffix,
                end,
            };
        }
        if after.len() > limit {
            // Measured from the line's end, so that the cut does not move with the cursor.
            let step = limit / 2;
            let cut = (after.len() - limit).div_ceil(step) * step;
            let kept = after.floor_char_boundary(after.len().saturating_sub(cut));
            return Self {
                line_after: after.get(..kept).unwrap_or_default().to_owned(),
                replaced_tail: String::new(),
                suffix: String::new(),
                end: ByteOffset(cursor.offset.0.saturating_add(kept)),
            };
        }
        let (suffix, end) = below(snapshot, cursor, suffix_bytes);
        Self { line_after: after.to_owned(), replaced_tail: String::new(), suffix, end }
    }
}

/// Returns the window below the cursor's line, beginning with that line's end, and the offset of
/// its end.
fn below(snapshot: &Snapshot, cursor: &Cursor, suffix_bytes: usize) -> (String, ByteOffset) {
    let line_end = ByteOffset(cursor.offset.0.saturating_add(cursor.after.len()));
    if cursor.line + 1 >= snapshot.n_lines() || suffix_bytes == 0 {
        return (String::new(), line_end);
    }
    let next_line = snapshot.line_start(cursor.line + 1);
    // The suffix starts with the line end, which takes one byte.
    let end = window::end_below(snapshot, next_line, suffix_bytes - 1);
    (with_lf(snapshot.slice(line_end..end)), end)
}

/// Whether the rest of a line consists only of auto-inserted closers, punctuation and blanks.
fn is_tail(rest: &str) -> bool {
    let is_closer =
        |c: char| matches!(c, ')' | '}' | ']' | '"' | '\'' | '>' | ';' | ',' | ':' | '`');
    rest.len() <= MAX_TAIL_BYTES && rest.chars().all(|c| is_closer(c) || c == ' ' || c == '\t')
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c == ' ' || c == '\t')
}

/// Returns the text with every line end as LF, so that a document gives one prompt for all line
/// endings.
fn with_lf(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

#[cfg(test)]
mod tests;
