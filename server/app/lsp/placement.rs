//! Where a suggestion goes on its line, so that every editor draws it.
//!
//! At the end of a line the range starts at column 0 and the text repeats the line up to
//! the cursor: that survives backspacing, and VS Code wants the start to stay. A range
//! that passes the cursor reaches the line's end, and what it covers stands again in the
//! text. A pure insertion inside a line is an empty range with nothing but the new text,
//! because Neovim draws a range that is not empty over the rest of the line.
//! Of a line of megabytes only a piece is repeated.

use lowkey_completer::Insert;
use lowkey_document::{ByteOffset, Cursor};

/// What is repeated of a line at most, on each side of the cursor. Longer than what a user takes back with a few
/// keys, and than the tails that editors close by themselves.
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
        // What covers nothing but what it repeats is an insertion too.
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

/// What is repeated of the line before `start`: all of it, or of a long line a few words.
fn before_start(cursor: &Cursor, start: ByteOffset) -> &str {
    let n_bytes = start.0.saturating_sub(cursor.line_start.0);
    let before = cursor.before.get(..n_bytes).unwrap_or_default();
    if before.len() <= MAX_REPEATED_BYTES {
        return before;
    }
    let from = before.ceil_char_boundary(before.len() - MAX_REPEATED_BYTES);
    let piece = before.get(from..).unwrap_or_default();
    // From a word's start: editors look at what is before a range.
    piece.find(' ').and_then(|blank| piece.get(blank + 1..)).unwrap_or(piece)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use lowkey_document::fixture;

    use super::*;

    /// Replaces `covered` bytes around the cursor (before it, behind it) by `text`.
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
    fn at_the_end_of_a_line_the_range_starts_at_its_start() {
        check("fn a() {\n    let x$0\n}", (0, 0), " = 1;", expect![[r#"0..9 "    let x = 1;""#]]);
        check("$0", (0, 0), "use std;", expect![[r#"0..0 "use std;""#]]);
    }

    #[test]
    fn inside_a_line_an_insertion_is_only_the_missing_text() {
        check("let x = foo($0, 1);", (0, 0), "a", expect![[r#"12..12 "a""#]]);
    }

    #[test]
    fn a_replaced_tail_stands_again_in_the_text() {
        check("    foo($0)", (0, 1), "a, b)", expect![[r#"0..9 "    foo(a, b)""#]]);
    }

    #[test]
    fn a_tail_replaced_in_part_reaches_the_lines_end() {
        check("foo($0) // why", (0, 1), "a)", expect![[r#"0..12 "foo(a) // why""#]]);
    }

    #[test]
    fn replaced_indentation_leaves_the_new_one() {
        check("if a {\n        $0", (8, 0), "    b();", expect![[r#"0..8 "    b();""#]]);
    }

    #[test]
    fn of_a_long_line_only_a_piece_is_repeated() {
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
    fn several_lines_keep_what_stands_behind() {
        check("f($0) + é", (0, 1), "|x| {\n})", expect![[r#"0..8 "f(|x| {\n}) + é""#]]);
    }
}
