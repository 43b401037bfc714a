//! The places of a file: two distant parts of the text that are removed and typed again.

use std::collections::VecDeque;
use std::ops::Range;

use anyhow::bail;
use lowkey_document::lexical::{TextKind, TokenKind};
use lowkey_document::{
    ByteOffset, Change, Document, LineIdx, Position, PositionEncoding, Range as Span, Snapshot,
};

/// Shorter files do not have two places that are cold for each other.
pub(super) const MIN_LINES: usize = 60;
/// Length of a line of code in characters: shorter ones are closers, longer ones data.
const LINE_CHARS: Range<usize> = 12..201;

/// A part of the text that is removed before the file is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    /// The line of its start.
    pub(super) line: LineIdx,
    /// Its range in the whole text; it ends at the end of a line.
    pub(super) range: Range<usize>,
    /// The keys of the user: characters, and line ends with the indentation that editors add.
    pub(super) keys: Vec<String>,
}

/// The two places of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Places {
    /// In the middle of the file.
    pub(super) first: Hole,
    /// At least a third of the file's lines away from the first.
    pub(super) far: Hole,
}

/// Counts lines: text after the last line end counts as a line only if it is not empty.
pub(super) fn n_lines(text: &Snapshot) -> usize {
    let n_lines = text.n_lines();
    n_lines - usize::from(n_lines > 0 && text.line(n_lines - 1).is_empty())
}

/// Chooses the places: the first with at least `n_first` keys, if the file has as many there, the
/// far one with `n_far`.
pub(super) fn choose(text: &Snapshot, n_first: usize, n_far: usize) -> anyhow::Result<Places> {
    let n_lines = n_lines(text);
    if n_lines < MIN_LINES {
        bail!("it has {n_lines} lines, but needs at least {MIN_LINES}; choose a longer file");
    }
    let distance = n_lines.div_ceil(3);
    let middle = n_lines / 2;
    let mut lines: Vec<LineIdx> = (0..n_lines).filter(|&line| is_code(text, line)).collect();
    if lines.is_empty() {
        bail!(
            "it has no indented line of code of {} to {} characters; choose a source file with functions or blocks",
            LINE_CHARS.start,
            LINE_CHARS.end - 1
        );
    }
    lines.sort_by_key(|line| line.abs_diff(middle));
    for &line in &lines {
        let first = cut(text, line, n_first, n_lines);
        let last = text.line_of(ByteOffset(first.range.end));
        let is_far = |far: &LineIdx| far.abs_diff(line) >= distance && (*far < line || *far > last);
        let far = lines.iter().copied().filter(is_far).min_by_key(|far| far.abs_diff(line));
        if let Some(far) = far {
            let limit = if far < line { line } else { n_lines };
            return Ok(Places { far: cut(text, far, n_far, limit), first });
        }
    }
    bail!(
        "it has no two indented lines of code {distance} lines (a third of the file) apart; choose a file with code in all \
         its parts"
    )
}

/// Whether a line is indented and most of it is code.
fn is_code(text: &Snapshot, line: LineIdx) -> bool {
    let written = text.line(line);
    let content = written.trim();
    let indent = written.len() - written.trim_start().len();
    if indent == 0 || !LINE_CHARS.contains(&content.chars().count()) {
        return false;
    }
    let mut scanner = text.lexical_state(line);
    if scanner.text_kind() != TextKind::Code {
        return false;
    }
    let (mut n_code, mut n_text, mut starts_as_code) = (0, 0, false);
    scanner.scan_line(&written, |token| {
        if token.at < indent || token.at >= indent + content.len() {
            return;
        }
        let is_code =
            matches!(token.kind, TokenKind::Code | TokenKind::Open { .. } | TokenKind::Close);
        starts_as_code |= token.at == indent && is_code;
        *if is_code { &mut n_code } else { &mut n_text } += token.len;
    });
    starts_as_code && n_code >= n_text && content.chars().any(char::is_alphabetic)
}

/// Cuts from a third of `line` to the end of the line that reaches `n_keys`; stays before the line
/// `limit`.
fn cut(text: &Snapshot, line: LineIdx, n_keys: usize, limit: LineIdx) -> Hole {
    let written = text.line(line);
    let content = written.trim_start();
    let kept = content.chars().count() / 3;
    let skipped: usize = content.chars().take(kept).map(char::len_utf8).sum();
    let in_line = written.len() - content.len() + skipped;
    let ByteOffset(line_start) = text.line_start(line);
    let mut keys: Vec<String> =
        written.get(in_line..).unwrap_or_default().chars().map(String::from).collect();
    let mut last = line;
    while keys.len() < n_keys && last + 1 < limit {
        let whole = text.line_with_end(last);
        let end = whole.get(text.line(last).len()..).unwrap_or_default();
        last += 1;
        let next = text.line(last);
        let (indentation, rest) = next.split_at(next.len() - next.trim_start().len());
        keys.push(format!("{end}{indentation}"));
        keys.extend(rest.chars().map(String::from));
    }
    let ByteOffset(end) = text.line_end(last);
    Hole { line, range: line_start + in_line..end, keys }
}

/// One of the two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    First,
    Far,
}

/// Types the holes' text into the editor's document.
#[derive(Debug)]
pub(super) struct Typist {
    document: Document,
    version: i32,
    first: TypingCursor,
    far: TypingCursor,
}

#[derive(Debug)]
struct TypingCursor {
    cursor: usize,
    keys: VecDeque<String>,
}

/// A key: its text, its place, and the cursor after it.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) version: i32,
    pub(super) at: Position,
    pub(super) text: String,
    pub(super) cursor: Position,
}

const ENCODING: PositionEncoding = PositionEncoding::Utf16;

impl Typist {
    /// Removes the text of both places.
    pub(super) fn new(whole: &Snapshot, places: Places) -> Self {
        let Places { first, far } = places;
        let (upper, lower) = if first.line < far.line { (&first, &far) } else { (&far, &first) };
        let piece = |range| whole.slice(range);
        let text = [
            piece(ByteOffset(0)..ByteOffset(upper.range.start)),
            piece(ByteOffset(upper.range.end)..ByteOffset(lower.range.start)),
            piece(ByteOffset(lower.range.end)..ByteOffset(whole.n_bytes())),
        ]
        .concat();
        let cursor = |hole: &Hole| {
            let above = if hole == upper { 0 } else { upper.range.len() };
            hole.range.start - above
        };
        let cursors = (cursor(&first), cursor(&far));
        let document = Document::open(whole.uri(), whole.language_id(), 0, &text);
        let spot = |cursor, keys: Vec<String>| TypingCursor { cursor, keys: keys.into() };
        Self {
            document,
            version: 0,
            first: spot(cursors.0, first.keys),
            far: spot(cursors.1, far.keys),
        }
    }

    /// Returns the present text.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.document.snapshot()
    }

    /// Returns the version of that text.
    pub(super) fn version(&self) -> i32 {
        self.version
    }

    /// Returns how many keys are left at a place.
    pub(super) fn n_left(&self, at: Location) -> usize {
        match at {
            Location::First => self.first.keys.len(),
            Location::Far => self.far.keys.len(),
        }
    }

    /// Types the next key at a place; `None` when its text is complete.
    pub(super) fn press(&mut self, at: Location) -> Option<Key> {
        let (here, there) = match at {
            Location::First => (&mut self.first, &mut self.far),
            Location::Far => (&mut self.far, &mut self.first),
        };
        let text = here.keys.pop_front()?;
        let start = self.document.snapshot().position(ByteOffset(here.cursor), ENCODING);
        let change = Change::Edit { range: Span { start, end: start }, text: text.clone() };
        self.version += 1;
        self.document.change(self.version, &[change], ENCODING).ok()?;
        if there.cursor > here.cursor {
            there.cursor += text.len();
        }
        here.cursor += text.len();
        let cursor = self.document.snapshot().position(ByteOffset(here.cursor), ENCODING);
        Some(Key { version: self.version, at: start, text, cursor })
    }
}

#[cfg(test)]
mod tests;
