//! The range of a suggestion on its line, chosen so that every editor draws it.
//!
//! At the end of a line the range starts at column 0 and the text repeats the line up to the
//! cursor. This range survives backspacing, and VS Code requires an unchanged start. A range that
//! passes the cursor reaches the end of the line, and the text repeats what it covers. An insertion
//! inside a line is an empty range with only the new text, because Neovim draws a nonempty range
//! over the rest of the line.
//!
//! Of a very long line only a part is repeated.

use lowkey_completer::Insert;
use lowkey_document::{ByteOffset, Cursor};

/// Maximum bytes of a line that are repeated on each side of the cursor. This is more than a user
/// deletes with a few keys, and more than the closers that editors insert.
const MAX_REPEATED_BYTES: usize = 512;

/// Widens `insert` to the range that editors draw best.
pub(super) fn place(cursor: &Cursor, insert: &Insert) -> Insert {
    let is_insertion = insert.start == cursor.offset && insert.end == cursor.offset;
    if is_insertion && !cursor.after.is_empty() {
        return insert.clone();
    }
    let before = before_start(cursor, insert.start);
    let after =
        cursor.after.get(insert.end.0.saturating_sub(cursor.offset.0)..).unwrap_or_default();
    if after.len() > MAX_REPEATED_BYTES {
        // A range that covers only repeated text is an insertion too.
        let covered = cursor.after.get(..cursor.after.len() - after.len()).unwrap_or_default();
        if let Some(text) =
            insert.text.strip_suffix(covered).filter(|_| insert.start == cursor.offset)
        {
            return Insert { start: cursor.offset, end: cursor.offset, text: text.to_owned() };
        }
        let (start, text) = (insert.start.0 - before.len(), format!("{before}{}", insert.text));
        return Insert { start: ByteOffset(start), end: insert.end, text };
    }
    Insert {
        start: ByteOffset(insert.start.0 - before.len()),
        end: ByteOffset(insert.end.0 + after.len()),
        text: format!("{before}{}{after}", insert.text),
    }
}

/// Returns the repeated text before `start`: the whole line, or a few words of a long one.
fn before_start(cursor: &Cursor, start: ByteOffset) -> &str {
    let n_bytes = start.0.saturating_sub(cursor.line_start.0);
    let before = cursor.before.get(..n_bytes).unwrap_or_default();
    if before.len() <= MAX_REPEATED_BYTES {
        return before;
    }
    let from = before.ceil_char_boundary(before.len() - MAX_REPEATED_BYTES);
    let piece = before.get(from..).unwrap_or_default();
    // Starts at a word, because editors check the text before a range.
    piece.find(' ').and_then(|blank| piece.get(blank + 1..)).unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use lowkey_document::fixture;

    use super::*;

    /// Replaces `covered` bytes around the cursor (before it, after it) by `text`.
    #[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
    fn check(fixture: &str, covered: (usize, usize), text: &str, expected: Expect) {
        let (_, cursor) = fixture::open("rust", fixture);
        let insert = Insert {
            start: ByteOffset(cursor.offset.0 - covered.0),
            end: ByteOffset(cursor.offset.0 + covered.1),
            text: text.into(),
        };
        let placed = place(&cursor, &insert);
        let column = |offset: ByteOffset| offset.0 - cursor.line_start.0;
        let (start, end) = (column(placed.start), column(placed.end));
        expected.assert_eq(&format!("{start}..{end} {:?}", placed.text));
    }

    #[test]
    fn range_at_line_end_starts_at_column_0() {
        check("fn a() {\n    let x$0\n}", (0, 0), " = 1;", expect![[r#"0..9 "    let x = 1;""#]]);
        check("$0", (0, 0), "use std;", expect![[r#"0..0 "use std;""#]]);
    }

    #[test]
    fn insertion_inside_a_line_is_minimal() {
        check("let x = foo($0, 1);", (0, 0), "a", expect![[r#"12..12 "a""#]]);
    }

    #[test]
    fn replaced_tail_is_repeated() {
        check("    foo($0)", (0, 1), "a, b)", expect![[r#"0..9 "    foo(a, b)""#]]);
    }

    #[test]
    fn partly_replaced_tail_reaches_line_end() {
        check("foo($0) // why", (0, 1), "a)", expect![[r#"0..12 "foo(a) // why""#]]);
    }

    #[test]
    fn indentation_is_replaced() {
        check("if a {\n        $0", (8, 0), "    b();", expect![[r#"0..8 "    b();""#]]);
    }

    #[test]
    fn long_line_is_repeated_in_part() {
        let long = "word ".repeat(200_000);
        let place = |fixture: &str, covered: usize, text: &str| {
            let (_, cursor) = fixture::open("rust", fixture);
            let end = ByteOffset(cursor.offset.0 + covered);
            let placed =
                super::place(&cursor, &Insert { start: cursor.offset, end, text: text.into() });
            (cursor.offset.0 - placed.start.0, placed.end.0 - cursor.offset.0, placed.text)
        };
        let (before, after, text) = place(&format!("{long}x$0"), 0, "y");
        assert!((1..=MAX_REPEATED_BYTES).contains(&before) && text.len() <= MAX_REPEATED_BYTES + 1);
        assert!(text.starts_with("word ") && text.ends_with(" xy") && after == 0, "{text}");
        assert_eq!(place(&format!("f($0){long}"), 1, "a)"), (0, 0, "a".into()));
        assert_eq!(place(&format!("f($0]{long}"), 1, "a)"), (2, 1, "f(a)".into()));
    }

    #[test]
    fn multiline_keeps_the_suffix() {
        check("f($0) + é", (0, 1), "|x| {\n})", expect![[r#"0..8 "f(|x| {\n}) + é""#]]);
    }
}
