//! Where a suggestion goes on its line, so that every editor draws it.
//!
//! At the end of a line the range starts at column 0 and the text repeats the line up to
//! the cursor: that survives backspacing, and VS Code wants the start to stay. A range
//! that passes the cursor reaches the line's end, and what it covers stands again in the
//! text. A pure insertion inside a line is an empty range with nothing but the new text,
//! because Neovim draws a range that is not empty over the rest of the line.

use lowkey_document::{ByteOffset, Cursor};

use crate::completer::Insert;

/// Widens `insert` to the range that editors draw best.
pub(super) fn place(cursor: &Cursor, insert: &Insert) -> Insert {
    let is_insertion = insert.start == cursor.offset && insert.end == cursor.offset;
    if is_insertion && !cursor.after.is_empty() {
        return insert.clone();
    }
    let line = format!("{}{}", cursor.before, cursor.after);
    let column = |offset: ByteOffset| offset.0.saturating_sub(cursor.line_start.0);
    let before = line.get(..column(insert.start)).unwrap_or_default();
    let after = line.get(column(insert.end)..).unwrap_or_default();
    Insert {
        start: cursor.line_start,
        end: ByteOffset(cursor.line_start.0 + line.len()),
        text: format!("{before}{}{after}", insert.text),
    }
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
    fn several_lines_keep_what_stands_behind() {
        check("f($0) + é", (0, 1), "|x| {\n})", expect![[r#"0..8 "f(|x| {\n}) + é""#]]);
    }
}
