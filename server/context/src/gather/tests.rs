//! Examples of the cut, and its invariant over random documents: typing moves neither prefix nor
//! suffix.

use lowkey_document::{Change, Document, Position, PositionEncoding, Range, fixture};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const LINE: Anchor = Anchor::Lines(1);

const ROOMY: WindowBudget =
    WindowBudget { prefix_bytes: 4096, suffix_bytes: 1024, whole_bytes: 5120 };

fn gather(fixture: &str, anchor: Anchor) -> Context {
    let (snapshot, cursor) = fixture::open("rust", fixture);
    Context::gather(&snapshot, &cursor, "src/a.rs", &ROOMY, anchor)
}

/// Draws a context as `prefix ├ line_before ⎸ line_after ┤ suffix`, with replaced parts in braces.
fn check(fixture: &str, group_lines: usize, expected: &str) {
    check_at(fixture, Anchor::Lines(group_lines), expected);
}

fn check_at(fixture: &str, anchor: Anchor, expected: &str) {
    let context = gather(fixture, anchor);
    let replaced = |text: &str| if text.is_empty() { String::new() } else { format!("{{{text}}}") };
    let drawn = format!(
        "{}├{}{}⎸{}{}┤{}",
        context.prefix,
        context.line_before,
        replaced(&context.replaced_indent),
        context.line_after,
        replaced(&context.replaced_tail),
        context.suffix
    );
    assert_eq!(drawn, expected, "{fixture:?}");
}

#[test]
fn typed_text_is_the_forced_middle() {
    check("one\ntwo th$0ree\nfour\n", 1, "one\n├two th⎸ree┤\nfour\n");
    check("$0", 1, "├⎸┤");
    check("ab$0", 1, "├ab⎸┤");
    check("ab\n$0", 1, "ab\n├⎸┤");
    check("$0\nab", 1, "├⎸┤\nab");
}

#[test]
fn only_auto_closed_text_is_replaced() {
    check("f(g($0));\nx", 1, "├f(g(⎸{));}┤\nx");
    check("f($0) {\nx", 1, "├f(⎸) {┤\nx");
    check("f($0)  \nx", 1, "├f(⎸{)  }┤\nx");
    check("let s = \"$0\";", 1, "├let s = \"⎸{\";}┤");
}

#[test]
fn blank_line_continues_from_column_0() {
    check("fn a() {\n    $0\n}\n", 1, "fn a() {\n├{    }⎸┤\n}\n");
    check("fn a() {\n  $0  \n}\n", 1, "fn a() {\n├{  }⎸{  }┤\n}\n");
    check("fn a() {\n\t$0x\n}\n", 1, "fn a() {\n├\t⎸x┤\n}\n");
}

#[test]
fn group_of_lines_shares_its_anchor() {
    check("0\n1\n2\n3\n4\nfi$0\n", 4, "0\n1\n2\n3\n├4\nfi⎸┤\n");
    check("0\n1\n2\nfi$0\n", 4, "├0\n1\n2\nfi⎸┤\n");
    check("0\n1\n2\n  $0\n", 4, "├0\n1\n2\n{  }⎸┤\n");
    check("0\nfi$0\n", 0, "0\n├fi⎸┤\n");
}

#[test]
fn cursor_anchor_forces_no_middle() {
    let check = |fixture, expected| check_at(fixture, Anchor::Cursor, expected);
    check("one\ntwo th$0ree\nfour\n", "one\ntwo th├⎸ree┤\nfour\n");
    check("f(g($0));\nx", "f(g(├⎸{));}┤\nx");
    check("fn a() {\n  $0\n}\n", "fn a() {\n├{  }⎸┤\n}\n");
    check("ab\r\n$0", "ab\n├⎸┤");
}

#[test]
fn line_ends_become_lf() {
    check("a\r\nb\rc$0)\r\nd\r\n", 1, "a\nb\n├c⎸{)}┤\nd\n");
    check("a\r\nb\r\nc$0\u{2028}d\r\n", 4, "├a\nb\nc⎸\u{2028}d┤\n");
}

#[test]
fn fitting_document_is_never_cut() {
    let budget = WindowBudget { prefix_bytes: 300, suffix_bytes: 60, whole_bytes: 360 };
    let lines = "0123456789\n".repeat(30);
    let document = document(&lines);
    let snapshot = document.snapshot();
    for line in [0, 7, 29] {
        let cursor = snapshot.cursor(ByteOffset(line * 11));
        let context = Context::gather(&snapshot, &cursor, "a", &budget, LINE);
        assert_eq!(context.window, ByteOffset(0)..ByteOffset(330), "line {line}");
    }
    // A side that needs less than its share lends the rest to the other.
    let budget = WindowBudget { prefix_bytes: 200, suffix_bytes: 60, whole_bytes: 260 };
    let cursor = snapshot.cursor(ByteOffset(22));
    let context = Context::gather(&snapshot, &cursor, "a", &budget, LINE);
    assert!(context.suffix.len() > 110, "{}", context.suffix.len());
}

#[test]
fn zero_budget_keeps_only_the_line() {
    let (snapshot, cursor) = fixture::open("rust", "one\ntwo$0)\nthree\n");
    let nothing = WindowBudget { prefix_bytes: 0, suffix_bytes: 0, whole_bytes: 0 };
    let context = Context::gather(&snapshot, &cursor, "", &nothing, LINE);
    assert_eq!((context.prefix.as_str(), context.suffix.as_str()), ("", ""));
    assert_eq!(context.line_before, "two");
}

/// A document with lines as uneven as in real files.
#[derive(Debug, Clone)]
struct Lines {
    texts: Vec<String>,
    end: &'static str,
}

fn lines(longest: usize) -> impl Strategy<Value = Lines> {
    let text = (0..12_usize, 0..=longest).prop_map(|(kind, length)| match kind {
        0 => String::new(),
        1 => "}".to_owned(),
        2 => "    ".to_owned(),
        3 => "é😀漢 ".repeat(length / 20),
        4..=8 => "let x = f(y); ".repeat(length / 70),
        _ => "z".repeat(length),
    });
    (vec(text, 1..160), select(&["\n", "\n", "\r\n", "\r"][..]))
        .prop_map(|(texts, end)| Lines { texts, end })
}

fn budget() -> impl Strategy<Value = WindowBudget> {
    (0..3000_usize, 0..1000_usize).prop_map(|(prefix_bytes, suffix_bytes)| WindowBudget {
        prefix_bytes,
        suffix_bytes,
        whole_bytes: 0,
    })
}

impl Lines {
    fn text(&self) -> String {
        self.texts.join(self.end)
    }
}

fn document(text: &str) -> Document {
    Document::open("file:///a.rs", "rust", 1, text)
}

/// Types `text` at the cursor, leaves the cursor `n_back` bytes before its end and cuts again.
fn typed(snapshot: &Snapshot, at: ByteOffset, text: &str, n_back: usize) -> (Snapshot, Cursor) {
    let position = snapshot.position(at, PositionEncoding::Utf8);
    let mut document = document(&snapshot.text());
    let change = Change::Edit { range: Range::new(position, position), text: text.to_owned() };
    assert_eq!(document.change(2, &[change], PositionEncoding::Utf8), Ok(()));
    let snapshot = document.snapshot();
    let cursor = snapshot.cursor(ByteOffset(at.0 + text.len() - n_back));
    (snapshot, cursor)
}

fn normalised(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn whole(context: &Context) -> String {
    [
        &context.prefix,
        &context.line_before,
        &context.replaced_indent,
        &context.line_after,
        &context.replaced_tail,
        &context.suffix,
    ]
    .map(String::as_str)
    .concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_time: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn typing_moves_neither_prefix_nor_suffix(
        lines in lines(180),
        at in 0..20_000_usize,
        budget in budget(),
        group_lines in select(&[1_usize, 4, 8][..]),
        key in select(&["a", " ", "\t", "(", ")", "\"", "é", "😀", "\u{2028}", ";", "e\u{301}"][..]),
        pair in select(&["()", "[]", "{}", "\"\"", "''", "``", "<>", "{\t}"][..]),
    ) {
        let whole_bytes = budget.prefix_bytes + budget.suffix_bytes;
        let budget = WindowBudget { whole_bytes, ..budget };
        let snapshot = document(&lines.text()).snapshot();
        let cursor = snapshot.cursor(ByteOffset(at % (snapshot.n_bytes() + 1)));
        let gather = |(snapshot, cursor): &(Snapshot, Cursor)| {
            Context::gather(snapshot, cursor, "a.rs", &budget, Anchor::Lines(group_lines))
        };
        let before = gather(&(snapshot.clone(), cursor.clone()));
        let closed = typed(&snapshot, cursor.offset, pair, pair.len() - 1);
        let pressed = typed(&snapshot, cursor.offset, key, 0);
        for after in [gather(&pressed), gather(&closed)] {
            prop_assert_eq!(&after.prefix, &before.prefix);
            prop_assert_eq!(&after.suffix, &before.suffix);
            prop_assert_eq!(after.anchor, before.anchor);
        }
        // Backspace is the same step in reverse: from `pressed` back to the first text.
        prop_assert_eq!(gather(&typed(&snapshot, cursor.offset, "", 0)), before);
    }

    #[test]
    fn cursor_anchor_typing_extends_prefix(
        lines in lines(180),
        at in 0..20_000_usize,
        prefix_bytes in 600..3000_usize,
        key in select(&["a", ")", "é", "😀", ";"][..]),
    ) {
        let budget = WindowBudget { prefix_bytes, suffix_bytes: prefix_bytes / 3, whole_bytes: 0 };
        let snapshot = document(&lines.text()).snapshot();
        let cursor = snapshot.cursor(ByteOffset(at % (snapshot.n_bytes() + 1)));
        prop_assume!(!is_blank(&cursor.before));
        let gather = |snapshot: &Snapshot, cursor: &Cursor| {
            Context::gather(snapshot, cursor, "a.rs", &budget, Anchor::Cursor)
        };
        let before = gather(&snapshot, &cursor);
        let (snapshot, cursor) = typed(&snapshot, cursor.offset, key, 0);
        let after = gather(&snapshot, &cursor);
        prop_assert_eq!(&after.suffix, &before.suffix);
        let (start, end) = (before.window.start.0, after.window.start.0);
        prop_assert!(start == end || end >= start + prefix_bytes / 4, "{start} to {end}");
        if start == end {
            prop_assert_eq!(after.prefix, before.prefix + key);
        }
    }

    #[test]
    fn enter_at_line_end_keeps_suffix(lines in lines(180), line in 0..160_usize, budget in budget()) {
        let snapshot = document(&lines.text()).snapshot();
        let cursor = snapshot.cursor(snapshot.line_end(line % snapshot.n_lines()));
        let before = Context::gather(&snapshot, &cursor, "", &budget, LINE);
        let (snapshot, cursor) = typed(&snapshot, cursor.offset, lines.end, 0);
        let after = Context::gather(&snapshot, &cursor, "", &budget, LINE);
        prop_assert_eq!(after.suffix, before.suffix);
    }

    #[test]
    fn parts_form_one_excerpt_of_the_document(
        lines in lines(900),
        at in 0..100_000_usize,
        budget in budget(),
        anchor in prop_oneof![Just(Anchor::Cursor), (0..9_usize).prop_map(Anchor::Lines)],
    ) {
        let snapshot = document(&lines.text()).snapshot();
        let cursor = snapshot.cursor(ByteOffset(at % (snapshot.n_bytes() + 1)));
        let context = Context::gather(&snapshot, &cursor, "", &budget, anchor);
        prop_assert!(anchor != Anchor::Cursor || context.line_before.is_empty());
        let excerpt = snapshot.slice(context.window.clone());
        prop_assert_eq!(whole(&context), normalised(&excerpt));
        prop_assert!(context.prefix.len() <= budget.prefix_bytes);
        prop_assert!(context.suffix.len() <= budget.suffix_bytes);
        prop_assert!(context.line_before.len() <= (budget.prefix_bytes / 2).max(MIN_LINE_BYTES) + 4 + cursor.before.len());
        prop_assert!(context.line_after.len() <= (budget.suffix_bytes / 2).max(MIN_LINE_BYTES));
        prop_assert!(context.replaced_indent.is_empty() || context.line_before.is_empty() || context.line_before.ends_with('\n'));
    }

    #[test]
    fn windows_move_rarely_and_stay_filled(lines in lines(300), budget in 400..4000_usize) {
        let snapshot = document(&lines.text()).snapshot();
        let budget = WindowBudget { prefix_bytes: budget, suffix_bytes: budget, whole_bytes: 0 };
        let step = budget.prefix_bytes.div_ceil(4);
        let mut last: Option<Context> = None;
        for line in 0..snapshot.n_lines() {
            let cursor = snapshot.cursor(snapshot.line_start(line));
            let context = Context::gather(&snapshot, &cursor, "", &budget, LINE);
            let (start, end) = (context.window.start.0, context.window.end.0);
            if let Some(last) = last {
                let (last_start, last_end) = (last.window.start.0, last.window.end.0);
                prop_assert!(start == last_start || start >= last_start + step, "{last_start} to {start}");
                // The last step may be short, because there is no more text below.
                prop_assert!(
                    end == last_end || end >= last_end + (budget.suffix_bytes - 1).div_ceil(4) || end == snapshot.n_bytes() || cursor.after.len() > MIN_LINE_BYTES,
                    "{last_end} to {end} in line {line} of {} bytes with {budget:?}, cursor {cursor:?}", snapshot.n_bytes()
                );
            }
            // Lines up to half the budget are never cut, so a window starts and ends at a line end.
            if 600 <= budget.prefix_bytes {
                let outside = snapshot.slice(ByteOffset(0)..context.window.start);
                prop_assert!(outside.is_empty() || outside.ends_with(['\n', '\r']));
            }
            // With lines of at most an eighth of the budget, a window with enough text is at least
            // three eighths full.
            if 300 <= budget.prefix_bytes / 8 && context.anchor.0 >= budget.prefix_bytes {
                prop_assert!(context.anchor.0 - start >= budget.prefix_bytes / 8 * 3);
            }
            last = Some(context);
        }
    }

    #[test]
    fn cursor_of_another_text_is_accepted(a in lines(400), b in lines(400), at in 0..30_000_usize, budget in budget()) {
        let cursor = document(&a.text()).snapshot().cursor(ByteOffset(at));
        let context = Context::gather(&document(&b.text()).snapshot(), &cursor, "", &budget, Anchor::Lines(4));
        prop_assert!(context.prefix.len() <= budget.prefix_bytes);
    }
}

#[test]
fn endless_line_is_cut_in_steps() {
    let text = "x1é;".repeat(200_000);
    let snapshot = document(&text).snapshot();
    let budget = WindowBudget { prefix_bytes: 4000, suffix_bytes: 1000, whole_bytes: 5000 };
    let mut n_moves = 0;
    let mut last: Option<Context> = None;
    for at in 500_000..500_600 {
        let context =
            Context::gather(&snapshot, &snapshot.cursor(ByteOffset(at)), "", &budget, LINE);
        assert!(context.line_before.len() <= 2004 && context.line_before.len() >= 996);
        assert!(context.line_after.len() <= 500 && context.line_after.len() >= 240);
        assert!(context.prefix.len() <= 4000 && context.prefix.len() >= 1000);
        let moved = last.is_some_and(|last| {
            last.prefix != context.prefix || last.window.end != context.window.end
        });
        n_moves += usize::from(moved);
        last = Some(context);
    }
    // A step is 1,000 bytes left of the cursor and 250 bytes right of it.
    assert!(n_moves <= 1 + 3, "{n_moves} moves over 600 places");
}

#[test]
fn distant_edit_keeps_most_windows() {
    // Lines of 0 to 79 bytes; the multiplier is Knuth's.
    let line = |idx: u64| {
        format!(
            "{:1$}\n",
            idx % 10,
            (idx.wrapping_mul(6_364_136_223_846_793_005) >> 33) as usize % 80
        )
    };
    let text: String = (0..10_000).map(line).collect();
    let before = document(&text).snapshot();
    let budget = WindowBudget { prefix_bytes: 6000, suffix_bytes: 2000, whole_bytes: 8000 };
    let starts = |snapshot: &Snapshot, moved_lines: usize| -> Vec<usize> {
        let lines = (2000..9900).step_by(31);
        lines
            .map(|line| {
                let cursor = snapshot.cursor(snapshot.line_start(line + moved_lines));
                let context = Context::gather(snapshot, &cursor, "", &budget, LINE);
                snapshot.n_bytes() - context.window.start.0
            })
            .collect()
    };
    let expected = starts(&before, 0);
    for inserted in
        ["y", "some words typed into a line far above", "a whole new line\n", "two\nlines\n"]
    {
        let mut document = document(&text);
        let at = Position::new(100, 0);
        let change = Change::Edit { range: Range::new(at, at), text: inserted.to_owned() };
        assert_eq!(document.change(2, &[change], PositionEncoding::Utf8), Ok(()));
        let found = starts(&document.snapshot(), inserted.matches('\n').count());
        let n_same = expected.iter().zip(&found).filter(|(a, b)| a == b).count();
        assert!(
            n_same * 10 >= expected.len() * 8,
            "{inserted:?}: {n_same} of {} windows stand still",
            expected.len()
        );
    }
}
