//! An immutable view of a document, and the cursor in it.
//!
//! All later stages see only snapshots, so an edit that arrives while a suggestion is computed
//! cannot change its input. Cloning is cheap: the rope shares its tree.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ropey::Rope;

use crate::language::Language;
use crate::lexical::{Checkpoints, Scanner};
use crate::line_ending::LineEnding;
use crate::position::{self, ByteOffset, LineIdx, Position, PositionEncoding};
use crate::uri::Uri;

/// The text of a document at one version.
#[derive(Debug, Clone)]
pub struct Snapshot {
    uri: Uri,
    language_id: Arc<str>,
    language: &'static Language,
    version: i32,
    revision: u64,
    rope: Rope,
    lexical: Arc<Mutex<Checkpoints>>,
}

/// The cursor, with the text of its line on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Offset of the cursor from the document's start.
    pub offset: ByteOffset,
    /// The line that contains the cursor.
    pub line: LineIdx,
    pub line_start: ByteOffset,
    /// The line's text up to the cursor.
    pub before: String,
    /// The line's text after the cursor, without the line end.
    pub after: String,
}

impl Snapshot {
    pub(crate) fn new(
        uri: Uri,
        language_id: Arc<str>,
        language: &'static Language,
        version: i32,
        revision: u64,
        rope: Rope,
        lexical: Arc<Mutex<Checkpoints>>,
    ) -> Self {
        Self { uri, language_id, language, version, revision, rope, lexical }
    }

    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the language of the editor's id, else of the path, else plain text.
    pub fn language(&self) -> &'static Language {
        self.language
    }

    /// Returns the language id as the editor sent it, known or not.
    pub fn language_id(&self) -> &str {
        &self.language_id
    }

    /// Returns `name` with an extension of the language, unless it has one already. If the language
    /// is in no table, the editor's id is the extension.
    pub fn name_with_language(&self, name: &str) -> String {
        let id = &*self.language_id;
        let is_unknown = Language::find(id).is_none() && self.language.id == "plaintext";
        let is_extension = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric());
        if is_unknown && is_extension && !name.ends_with(&format!(".{id}")) {
            return format!("{name}.{id}");
        }
        self.language.name_of(name)
    }

    /// Returns the editor's version of this text.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Returns the number of changes to the document so far; distinguishes texts with the same
    /// version.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns the number of lines, at least 1: a text that ends with a line end has an empty last
    /// line.
    pub fn n_lines(&self) -> usize {
        self.rope.len_lines()
    }

    /// Returns the length in bytes of UTF-8.
    pub fn n_bytes(&self) -> usize {
        self.rope.len_bytes()
    }

    /// Returns a line without its line end; "" for a line that does not exist.
    pub fn line(&self, line: LineIdx) -> String {
        let (start, end) = position::line_span(&self.rope, line);
        self.chars(start, end)
    }

    /// Returns a line with its line end as in the file; "" for a line that does not exist.
    pub fn line_with_end(&self, line: LineIdx) -> String {
        self.rope.get_line(line).map(String::from).unwrap_or_default()
    }

    /// Returns the start of a line; the text's end for a line that does not exist.
    pub fn line_start(&self, line: LineIdx) -> ByteOffset {
        ByteOffset(self.rope.try_line_to_byte(line).unwrap_or_else(|_| self.rope.len_bytes()))
    }

    /// Returns the end of a line's text, before its line end; the text's end for a line that does
    /// not exist.
    pub fn line_end(&self, line: LineIdx) -> ByteOffset {
        position::byte_of(&self.rope, position::line_span(&self.rope, line).1)
    }

    /// Returns the text between two offsets; both are clamped to the text and rounded down to whole
    /// characters.
    pub fn slice(&self, range: std::ops::Range<ByteOffset>) -> String {
        let start = position::char_at_or_before(&self.rope, range.start);
        let end = position::char_at_or_before(&self.rope, range.end);
        self.chars(start, end)
    }

    /// Returns the largest character boundary that is not after `offset`.
    pub fn floor_char_boundary(&self, offset: ByteOffset) -> ByteOffset {
        position::byte_of(&self.rope, position::char_at_or_before(&self.rope, offset))
    }

    /// Returns the smallest character boundary that is not before `offset`.
    pub fn ceil_char_boundary(&self, offset: ByteOffset) -> ByteOffset {
        let floor = self.floor_char_boundary(offset);
        if floor >= offset {
            return floor;
        }
        let at = position::char_at_or_before(&self.rope, offset);
        position::byte_of(&self.rope, (at + 1).min(self.rope.len_chars()))
    }

    /// Returns a copy of the whole text.
    pub fn text(&self) -> String {
        String::from(&self.rope)
    }

    /// Returns the offset of a position. Columns and lines out of range are clamped; a position
    /// inside a character rounds down.
    pub fn offset(&self, position: Position, encoding: PositionEncoding) -> ByteOffset {
        position::byte_of(&self.rope, position::char_of(&self.rope, position, encoding))
    }

    /// Returns the position of an offset. An offset inside a character or a line end rounds down.
    pub fn position(&self, offset: ByteOffset, encoding: PositionEncoding) -> Position {
        position::position_of(&self.rope, offset, encoding)
    }

    /// Returns the line that contains an offset; the last line for an offset past the text's end.
    pub fn line_of(&self, offset: ByteOffset) -> LineIdx {
        self.rope.try_byte_to_line(offset.0.min(self.rope.len_bytes())).unwrap_or(0)
    }

    /// Returns the scanner's state at the start of a line, or of the last line if the line does not
    /// exist.
    ///
    /// States are kept while the document is edited, so a keystroke anywhere costs only a few
    /// lines.
    pub fn lexical_state(&self, line: LineIdx) -> Scanner {
        lock_checkpoints(&self.lexical).state_at(&self.rope, line)
    }

    /// Returns the file's dominant line end, judged by its first 64 KiB.
    pub fn line_ending(&self) -> LineEnding {
        LineEnding::dominant(&self.rope)
    }

    /// Returns the cursor at an offset, rounded down to a valid place.
    pub fn cursor(&self, offset: ByteOffset) -> Cursor {
        let at = position::char_at_or_before(&self.rope, offset);
        let line = self.rope.try_char_to_line(at).unwrap_or(0);
        let (start, end) = position::line_span(&self.rope, line);
        let at = at.clamp(start, end);
        Cursor {
            offset: position::byte_of(&self.rope, at),
            line,
            line_start: position::byte_of(&self.rope, start),
            before: self.chars(start, at),
            after: self.chars(at, end),
        }
    }

    /// Returns a snapshot with a range replaced by `text`; this snapshot is unchanged.
    ///
    /// Look-ahead needs the text after an edit that has not happened yet. Offsets are clamped as in
    /// [`Self::slice`].
    #[must_use]
    pub fn with_edit(&self, range: std::ops::Range<ByteOffset>, text: &str) -> Self {
        let start = position::char_at_or_before(&self.rope, range.start);
        let end = position::char_at_or_before(&self.rope, range.end).max(start);
        let mut edited = self.clone();
        let mut lexical = lock_checkpoints(&self.lexical).clone();
        // Both indices are inside the rope, so neither call can fail; on failure the text would be
        // unchanged.
        let _ = edit(&mut edited.rope, &mut lexical, start..end, text);
        edited.lexical = Arc::new(Mutex::new(lexical));
        edited
    }

    pub(crate) fn rope(&self) -> &Rope {
        &self.rope
    }

    fn chars(&self, start: usize, end: usize) -> String {
        if start >= end {
            return String::new();
        }
        // `String::from` allocates once; `to_string` would grow a 20 MB line chunk by chunk.
        self.rope.get_slice(start..end).map(String::from).unwrap_or_default()
    }
}

/// Locks the checkpoints. Ignores poisoning, because they are valid between any two statements.
pub(crate) fn lock_checkpoints(lexical: &Mutex<Checkpoints>) -> MutexGuard<'_, Checkpoints> {
    lexical.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Replaces a range of chars in the rope, and marks the touched lines as changed.
pub(crate) fn edit(
    rope: &mut Rope,
    lexical: &mut Checkpoints,
    chars: std::ops::Range<usize>,
    text: &str,
) -> ropey::Result<()> {
    let n_lines = rope.len_lines();
    // Includes the line before, because an inserted line feed may join the carriage return that
    // ends it.
    let first = rope.try_char_to_line(chars.start)?.saturating_sub(1);
    let last = rope.try_char_to_line(chars.end)?;
    rope.try_remove(chars.clone())?;
    let inserted = rope.try_insert(chars.start, text);
    lexical.edited(first, last, (last + rope.len_lines()).saturating_sub(n_lines));
    inserted
}

/// Marks the lines in which a complete new text differs from the old one as changed. Clients that
/// send the complete text with every key change one line.
pub(crate) fn replaced(old: &Rope, new: &Rope, text: &str, lexical: &mut Checkpoints) {
    let mut head = 0;
    for chunk in old.chunks() {
        let rest = text.as_bytes().get(head..).unwrap_or_default();
        let equal = chunk.bytes().zip(rest).take_while(|(a, b)| a == *b).count();
        head += equal;
        if equal < chunk.len() {
            break;
        }
    }
    let longest = old.len_bytes().min(text.len()) - head;
    let tail = old
        .bytes_at(old.len_bytes())
        .reversed()
        .zip(text.bytes().rev())
        .take(longest)
        .take_while(|(a, b)| a == b)
        .count();
    let line = |byte| old.try_byte_to_line(byte).unwrap_or(0);
    let first = line(head).saturating_sub(1);
    let last = line(old.len_bytes() - tail);
    lexical.edited(first, last, (last + new.len_lines()).saturating_sub(old.len_lines()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    #[test]
    fn unsaved_document_gets_language_extension() {
        let name = |id| {
            Document::open("untitled:Untitled-1", id, 1, "")
                .snapshot()
                .name_with_language("Untitled-1")
        };
        assert_eq!(name("go"), "Untitled-1.go");
        assert_eq!(name("elm"), "Untitled-1.elm");
        assert_eq!(
            (name("plaintext"), name("")),
            ("Untitled-1".to_owned(), "Untitled-1".to_owned())
        );
        assert_eq!(name("not-an-extension"), "Untitled-1");
    }

    #[test]
    fn with_edit_clamps_and_copies() {
        let snapshot = Document::open("file:///a.rs", "rust", 1, "aä\nb").snapshot();
        let edited = snapshot.with_edit(ByteOffset(1)..ByteOffset(2), "xy");
        assert_eq!(edited.text(), "axyä\nb", "the range ends inside a character, so it is empty");
        let edited = snapshot.with_edit(ByteOffset(1)..ByteOffset(99), "");
        assert_eq!(edited.text(), "a");
        let edited = snapshot.with_edit(ByteOffset(99)..ByteOffset(0), "!");
        assert_eq!(edited.text(), "aä\nb!");
        assert_eq!(snapshot.text(), "aä\nb");
    }
}
