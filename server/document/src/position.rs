//! Positions as editors send them, and their conversion to offsets in a rope.
//!
//! LSP counts columns in UTF-8, UTF-16 or UTF-32 units, and ends lines at LF, CRLF and CR only.
//!
//! Invariant: every position and every offset maps to an existing place that is not inside a
//! character and not between the CR and the LF of one line end. All conversions are O(log n).

use ropey::Rope;

/// Index of a line, from 0.
pub type LineIdx = usize;

/// Distance from the start of a document, in bytes of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteOffset(pub usize);

/// The unit in which a client counts columns; negotiated once per connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PositionEncoding {
    /// Columns count bytes.
    Utf8,
    /// Columns count UTF-16 code units: LSP's default.
    #[default]
    Utf16,
    /// Columns count Unicode scalar values.
    Utf32,
}

/// A place in a document, as the editor specifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Line, from 0.
    pub line: u32,
    /// Column from 0, in units of a [`PositionEncoding`] that is passed separately.
    pub column: u32,
}

/// The text between two positions; `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Range {
    /// First position inside the range.
    pub start: Position,
    /// First position after the range.
    pub end: Position,
}

impl Position {
    /// Returns the position `column` units into `line`, both from 0.
    pub const fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }
}

impl Range {
    /// Returns the range from `start` up to `end`.
    pub const fn new(start: Position, end: Position) -> Self {
        Self { start, end }
    }
}

/// Returns the char span of a line without its line end; empty at the text's end if the line does
/// not exist.
pub(crate) fn line_span(rope: &Rope, line: LineIdx) -> (usize, usize) {
    let n_chars = rope.len_chars();
    if line >= rope.len_lines() {
        return (n_chars, n_chars);
    }
    let start = rope.try_line_to_char(line).unwrap_or(n_chars);
    let mut end = rope.try_line_to_char(line + 1).unwrap_or(n_chars);
    let char_before = |end: usize| if end > start { rope.get_char(end - 1) } else { None };
    match char_before(end) {
        Some('\n') => {
            end -= 1;
            if char_before(end) == Some('\r') {
                end -= 1;
            }
        }
        Some('\r') => end -= 1,
        _ => {}
    }
    (start, end)
}

/// Returns the char index of a position, clamped to its line and to the text. A position inside a
/// character rounds down.
pub(crate) fn char_of(rope: &Rope, position: Position, encoding: PositionEncoding) -> usize {
    let (start, end) = line_span(rope, position.line as usize);
    let column = position.column as usize;
    let found = match encoding {
        PositionEncoding::Utf32 => Some(start.saturating_add(column)),
        PositionEncoding::Utf16 => {
            unit_to_char(rope, start, end, column, Rope::try_char_to_utf16_cu, |rope, unit| {
                rope.try_utf16_cu_to_char(unit)
            })
        }
        PositionEncoding::Utf8 => {
            unit_to_char(rope, start, end, column, Rope::try_char_to_byte, |rope, unit| {
                rope.try_byte_to_char(unit)
            })
        }
    };
    found.unwrap_or(end).clamp(start, end)
}

/// Moves `column` units from the char `start`, at most to the char `end`.
fn unit_to_char(
    rope: &Rope,
    start: usize,
    end: usize,
    column: usize,
    to_unit: fn(&Rope, usize) -> ropey::Result<usize>,
    to_char: fn(&Rope, usize) -> ropey::Result<usize>,
) -> Option<usize> {
    let first = to_unit(rope, start).ok()?;
    let last = to_unit(rope, end).ok()?;
    to_char(rope, first.saturating_add(column).min(last)).ok()
}

/// Returns the position of a byte offset, clamped to the text. An offset inside a character or a
/// line end rounds down.
pub(crate) fn position_of(rope: &Rope, offset: ByteOffset, encoding: PositionEncoding) -> Position {
    let at = char_at_or_before(rope, offset);
    let line = rope.try_char_to_line(at).unwrap_or(0);
    let (start, end) = line_span(rope, line);
    let at = at.clamp(start, end);
    let width = |to_unit: fn(&Rope, usize) -> ropey::Result<usize>| {
        let first = to_unit(rope, start).unwrap_or(0);
        to_unit(rope, at).unwrap_or(first).saturating_sub(first)
    };
    let column = match encoding {
        PositionEncoding::Utf32 => at - start,
        PositionEncoding::Utf16 => width(Rope::try_char_to_utf16_cu),
        PositionEncoding::Utf8 => width(Rope::try_char_to_byte),
    };
    Position { line: saturate(line), column: saturate(column) }
}

/// Returns the index of the char that contains or starts at a byte offset.
pub(crate) fn char_at_or_before(rope: &Rope, offset: ByteOffset) -> usize {
    rope.try_byte_to_char(offset.0.min(rope.len_bytes())).unwrap_or(0)
}

/// Returns the byte offset of a char index that is known to be inside the text.
pub(crate) fn byte_of(rope: &Rope, char_idx: usize) -> ByteOffset {
    ByteOffset(rope.try_char_to_byte(char_idx).unwrap_or_else(|_| rope.len_bytes()))
}

/// Converts to LSP's `u32`; larger counts saturate.
fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
