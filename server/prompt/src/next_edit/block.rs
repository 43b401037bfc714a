//! The block: the lines around the cursor that the model rewrites.
//!
//! Two lines above the cursor's line to five below, without blank lines at its ends. For each blank
//! line at its start there is one more line at its end. A block of many long lines ends earlier,
//! because an answer has a limit.

use std::ops::Range;

use super::NoNextEdit;
use super::lines::{chars, line_count, line_end, line_start, take_chars};

/// Lines of the block above and below the cursor's line.
const LINES_ABOVE: usize = 2;
const LINES_BELOW: usize = 5;

/// The first lines of a block are always whole; the rest has at most about this many tokens, half
/// of the longest answer.
const MAX_REST_TOKENS: usize = 512;

/// The authors estimate tokens by characters: 3.5 per token.
const MAX_REST_CHARS: usize = MAX_REST_TOKENS * 7 / 2;

/// A block has no line of more characters than this. The authors allow 1,000, but cut lines of 600
/// in the prompt: the answer would repeat the cut line, and the edit would delete the rest of it.
/// The margin is for the mark of the cursor.
pub(super) const MAX_LINE_CHARS: usize = 580;

/// The part of a text that the model rewrites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// In the text.
    pub(super) range: Range<usize>,
    /// The cursor, relative to the block's start. At the block's start or end if the cursor is on a
    /// blank line outside of it.
    pub(super) cursor: usize,
}

/// Returns the block around `cursor`, a character boundary of `text`, which has `\n` line ends.
pub(super) fn around(text: &str, cursor: usize) -> Result<Block, NoNextEdit> {
    // At the end of a text that ends a line, the authors' cursor is on the last line with text.
    let at = if cursor == text.len() && text.ends_with('\n') { cursor - 1 } else { cursor };
    let mut start = line_start(text, at);
    for _ in 0..LINES_ABOVE {
        start = line_start(text, start.saturating_sub(1));
    }
    let mut end = line_end(text, at);
    for _ in 0..LINES_BELOW {
        end = line_end(text, end);
    }
    while start < end && is_blank(text, start..line_end(text, start)) {
        start = line_end(text, start);
        end = line_end(text, end);
    }
    while start < end {
        let last = line_start(text, end - 1);
        if !is_blank(text, last..end) {
            break;
        }
        end = last;
    }
    end = shortened(text, start..end);
    let lines = text.get(start..end).unwrap_or_default();
    if lines.is_empty() {
        return Err(NoNextEdit::Blank);
    }
    if let Some(found) = lines.split('\n').map(chars).find(|&n| n > MAX_LINE_CHARS) {
        return Err(NoNextEdit::LongLine { found, limit: MAX_LINE_CHARS });
    }
    Ok(Block { range: start..end, cursor: cursor.clamp(start, end) - start })
}

fn is_blank(text: &str, line: Range<usize>) -> bool {
    text.get(line).is_none_or(|line| line.trim().is_empty())
}

/// Returns the end of the block after the limit for its length: the first lines, and the whole
/// lines after them that fit.
fn shortened(text: &str, block: Range<usize>) -> usize {
    let mut rest_start = block.start;
    for _ in 0..LINES_ABOVE {
        rest_start = line_end(text, rest_start).min(block.end);
    }
    let rest = text.get(rest_start..block.end).unwrap_or_default();
    if 2 * chars(rest) / 7 <= MAX_REST_TOKENS {
        return block.end;
    }
    let fitting = take_chars(rest, MAX_REST_CHARS);
    // The last line is cut, or taken for a cut one.
    let whole = fitting.strip_suffix('\n').unwrap_or(fitting).rfind('\n').map_or(0, |at| at + 1);
    rest_start + whole
}

/// The cursor's line in a block, and the number of the block's lines, as the prompt's headings have
/// them: from 0, counted in the block and not in the file.
pub(super) fn cursor_line(block: &str, cursor: usize) -> usize {
    if cursor >= block.len() {
        return line_count(block).saturating_sub(1);
    }
    block.get(..cursor).unwrap_or_default().matches('\n').count()
}
