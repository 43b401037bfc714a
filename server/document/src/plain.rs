//! The simplest correct document: one string, scanned from its start for every query.
//!
//! The property tests compare the rope with it. It deliberately shares no code with the rope.

use crate::position::{Position, PositionEncoding, Range};

/// A text without any index but its lines.
pub(crate) struct PlainDocument {
    pub(crate) text: String,
    /// Each line's start, the end of its text and the end of its line end, in bytes.
    pub(crate) lines: Vec<(usize, usize, usize)>,
}

impl PlainDocument {
    pub(crate) fn new(text: String) -> Self {
        let lines = lines(&text);
        Self { text, lines }
    }

    pub(crate) fn offset(&self, position: Position, encoding: PositionEncoding) -> usize {
        let Some(&(start, end, _)) = self.lines.get(position.line as usize) else {
            return self.text.len();
        };
        let mut column = 0;
        for (at, c) in self.text[start..end].char_indices() {
            column += width(c, encoding);
            if column > position.column as usize {
                return start + at;
            }
        }
        end
    }

    pub(crate) fn position(&self, offset: usize, encoding: PositionEncoding) -> Position {
        let line = self.lines.iter().rposition(|&(start, ..)| start <= offset).unwrap_or(0);
        let (start, end, _) = self.lines[line];
        let column: usize =
            self.text[start..offset.min(end)].chars().map(|c| width(c, encoding)).sum();
        Position::new(line as u32, column as u32)
    }

    pub(crate) fn edit(&mut self, range: Range, text: &str, encoding: PositionEncoding) {
        let start = self.offset(range.start, encoding);
        let end = self.offset(range.end, encoding);
        self.text.replace_range(start..end, text);
        self.lines = lines(&self.text);
    }
}

fn width(c: char, encoding: PositionEncoding) -> usize {
    match encoding {
        PositionEncoding::Utf8 => c.len_utf8(),
        PositionEncoding::Utf16 => c.len_utf16(),
        PositionEncoding::Utf32 => 1,
    }
}

fn lines(text: &str) -> Vec<(usize, usize, usize)> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        let end_len = match (bytes[at], bytes.get(at + 1)) {
            (b'\r', Some(b'\n')) => 2,
            (b'\r' | b'\n', _) => 1,
            _ => 0,
        };
        if end_len == 0 {
            at += 1;
        } else {
            lines.push((start, at, at + end_len));
            at += end_len;
            start = at;
        }
    }
    lines.push((start, bytes.len(), bytes.len()));
    lines
}
