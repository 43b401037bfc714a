//! The rope compared with a plain string over random edits; versions and desync by example.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::plain::PlainDocument;
use crate::position::{ByteOffset, Position};

const ENCODINGS: [PositionEncoding; 3] =
    [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32];

/// Texts that often break editors: whole and half line ends, characters that only resemble line
/// ends, characters of every width, combining marks, joiners.
const FRAGMENTS: &[&str] = &[
    "a",
    "fn main() {",
    "    ",
    "\t",
    "\n",
    "\n",
    "\r\n",
    "\r\n",
    "\r",
    "\n\r",
    "\u{2028}",
    "\u{2029}",
    "\u{85}",
    "\u{b}",
    "\u{c}",
    "é",
    "e\u{301}",
    "ß",
    "漢字",
    "😀",
    "👩\u{200d}👩\u{200d}👧",
    "🇩🇪",
    "\u{feff}",
    "\u{0}",
    "}",
];

fn text(n_fragments: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    vec(select(FRAGMENTS), n_fragments).prop_map(|fragments| fragments.concat())
}

/// Decodes one edit from 64 random bits: drawing its parts one by one takes proptest longer than
/// all edits take.
fn edit_from(mut bits: u64, plain: &PlainDocument) -> (Range, String, PositionEncoding) {
    let mut take = |n: usize| {
        let drawn = bits % n as u64;
        bits /= n as u64;
        drawn as usize
    };
    let encoding = ENCODINGS[take(3)];
    // In the text or slightly outside: mostly a few characters, sometimes several lines.
    let line = take(plain.lines.len() + 1);
    let line_bytes = plain.lines.get(line).map_or(4, |(start, end, _)| end - start);
    let start = Position::new(line as u32, take(line_bytes + 3) as u32);
    let end = match take(8) {
        0 => start,
        1 => Position::new(start.line + take(3) as u32, start.column + take(5) as u32),
        2 => Position::new(start.line + 1, 0),
        _ => Position::new(start.line, start.column + take(7) as u32),
    };
    let text = (0..take(4)).map(|_| FRAGMENTS[take(FRAGMENTS.len())]).collect();
    (Range::new(start, end), text, encoding)
}

proptest! {
    // 400 documents × 256 edits: 102,400 edits in every run of the suite.
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn edits_equal_plain_string(start in text(0..120), edits in vec(any::<u64>(), 256)) {
        let mut document = Document::open("file:///a", "rust", 0, &start);
        let mut plain = PlainDocument::new(start);
        for (version, bits) in (1..).zip(edits) {
            let (range, text, encoding) = edit_from(bits, &plain);
            plain.edit(range, &text, encoding);
            prop_assert_eq!(document.change(version, &[Change::Edit { range, text }], encoding), Ok(()));
            prop_assert!(document.rope == plain.text, "{:?} != {:?}", document.text(), plain.text);
            prop_assert_eq!(document.rope.len_lines(), plain.lines.len());
        }
        let snapshot = document.snapshot();
        prop_assert_eq!(snapshot.text(), plain.text.clone());
        for (line, (start, end, next)) in plain.lines.iter().copied().enumerate() {
            prop_assert_eq!(snapshot.line_start(line), ByteOffset(start));
            prop_assert_eq!(snapshot.line_end(line), ByteOffset(end));
            prop_assert_eq!(snapshot.line(line), &plain.text[start..end]);
            prop_assert_eq!(snapshot.line_with_end(line), &plain.text[start..next]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn positions_round_trip_as_in_plain_string(start in text(0..80)) {
        let snapshot = Document::open("file:///a", "rust", 0, &start).snapshot();
        let plain = PlainDocument::new(start);
        for encoding in ENCODINGS {
            for (at, _) in plain.text.char_indices().chain([(plain.text.len(), ' ')]) {
                let position = snapshot.position(ByteOffset(at), encoding);
                prop_assert_eq!(position, plain.position(at, encoding));
                let between_cr_and_lf = plain.text[..at].ends_with('\r') && plain.text[at..].starts_with('\n');
                let expected = if between_cr_and_lf { at - 1 } else { at };
                prop_assert_eq!(snapshot.offset(position, encoding), ByteOffset(expected));
                let cursor = snapshot.cursor(ByteOffset(at));
                prop_assert_eq!(cursor.offset, ByteOffset(expected));
                prop_assert_eq!(cursor.line, position.line as usize);
                prop_assert_eq!(cursor.before + &cursor.after, snapshot.line(cursor.line));
            }
            // Columns of every kind: in the text, inside characters, past the line, past
            // everything.
            for line in 0..=plain.lines.len() as u32 {
                for column in (0..24).chain([u32::MAX]) {
                    let position = Position::new(line, column);
                    let offset = snapshot.offset(position, encoding);
                    prop_assert_eq!(offset.0, plain.offset(position, encoding));
                    prop_assert!(plain.text.is_char_boundary(offset.0));
                }
            }
        }
    }

    #[test]
    fn every_offset_and_slice_is_total(start in text(0..40), from in 0..400_usize, to in 0..400_usize) {
        let snapshot = Document::open("file:///a", "rust", 0, &start).snapshot();
        let floor = |at: usize| start.floor_char_boundary(at.min(start.len()));
        let expected = start.get(floor(from)..floor(to)).unwrap_or_default();
        prop_assert_eq!(snapshot.slice(ByteOffset(from)..ByteOffset(to)), expected);
        prop_assert_eq!(snapshot.floor_char_boundary(ByteOffset(from)), ByteOffset(floor(from)));
        prop_assert_eq!(
            snapshot.ceil_char_boundary(ByteOffset(from.min(start.len()))),
            ByteOffset(start.ceil_char_boundary(from.min(start.len())))
        );
        let cursor = snapshot.cursor(ByteOffset(from));
        prop_assert!(start.is_char_boundary(cursor.offset.0));
        prop_assert!(snapshot.line_of(ByteOffset(from)) < snapshot.n_lines());
    }
}

fn edit(start: (u32, u32), end: (u32, u32), text: &str) -> Change {
    let range = Range::new(Position::new(start.0, start.1), Position::new(end.0, end.1));
    Change::Edit { range, text: text.to_owned() }
}

#[test]
fn edit_may_join_cr_and_lf() {
    let mut document = Document::open("file:///a", "rust", 1, "a\rx\nb");
    assert_eq!(document.snapshot().n_lines(), 3);
    assert_eq!(document.change(2, &[edit((1, 0), (1, 1), "")], PositionEncoding::Utf16), Ok(()));
    assert_eq!(document.text(), "a\r\nb");
    assert_eq!(document.snapshot().n_lines(), 2);
}

#[test]
fn text_added_to_a_line_precedes_its_crlf() {
    let mut document = Document::open("file:///a", "rust", 1, "a\r\nb");
    assert_eq!(document.change(2, &[edit((0, 9), (0, 9), "\r")], PositionEncoding::Utf16), Ok(()));
    assert_eq!(document.text(), "a\r\r\nb");
    assert_eq!(document.snapshot().n_lines(), 3);
}

#[test]
fn unicode_line_separators_end_no_line() {
    let text = "a\u{2028}b\u{2029}c\u{85}d\u{b}e\u{c}f";
    assert_eq!(Document::open("file:///a", "rust", 1, text).snapshot().n_lines(), 1);
}

#[test]
fn half_a_surrogate_pair_rounds_down() {
    let snapshot = Document::open("file:///a", "rust", 1, "😀x").snapshot();
    assert_eq!(snapshot.offset(Position::new(0, 1), PositionEncoding::Utf16), ByteOffset(0));
    assert_eq!(snapshot.offset(Position::new(0, 2), PositionEncoding::Utf16), ByteOffset(4));
    assert_eq!(snapshot.offset(Position::new(0, 3), PositionEncoding::Utf8), ByteOffset(0));
}

#[test]
fn changes_of_a_notification_apply_in_order() {
    let mut document = Document::open("file:///a", "rust", 1, "");
    let changes =
        [edit((0, 0), (0, 0), "ab\ncd"), edit((1, 1), (1, 2), "X"), edit((0, 0), (0, 1), "")];
    assert_eq!(document.change(2, &changes, PositionEncoding::Utf16), Ok(()));
    assert_eq!(document.text(), "b\ncX");
    assert_eq!((document.version(), document.revision()), (2, 1));
}

#[test]
fn backward_version_desyncs_until_full_text() {
    let mut document = Document::open("file:///a", "rust", 5, "abc");
    let late = document.change(4, &[edit((0, 0), (0, 1), "")], PositionEncoding::Utf16);
    assert_eq!(late, Err(Desync { reason: DesyncReason::VersionWentBackwards { from: 5, to: 4 } }));
    assert!(document.is_desynced());
    assert_eq!(document.text(), "abc");

    let next = document.change(6, &[edit((0, 0), (0, 1), "")], PositionEncoding::Utf16);
    assert_eq!(next, Err(Desync { reason: DesyncReason::AwaitingFullText }));
    assert!(document.is_desynced());

    let full =
        [edit((0, 0), (0, 1), "lost"), Change::Full("new".to_owned()), edit((0, 3), (0, 3), "er")];
    assert_eq!(document.change(7, &full, PositionEncoding::Utf16), Ok(()));
    assert!(!document.is_desynced());
    assert_eq!(document.text(), "newer");
}

#[test]
fn full_text_resyncs_at_any_version() {
    let mut document = Document::open("file:///a", "rust", 5, "abc");
    assert_eq!(
        document.change(1, &[Change::Full("x".to_owned())], PositionEncoding::Utf16),
        Ok(())
    );
    assert_eq!((document.version(), document.is_desynced()), (1, false));
}

#[test]
fn equal_versions_are_accepted() {
    let mut document = Document::open("file:///a", "rust", 0, "");
    for letter in ["c", "b", "a"] {
        assert_eq!(
            document.change(0, &[edit((0, 0), (0, 0), letter)], PositionEncoding::Utf16),
            Ok(())
        );
    }
    assert_eq!((document.text().as_str(), document.revision()), ("abc", 3));
}

#[test]
fn inverted_range_desyncs() {
    let mut document = Document::open("file:///a", "rust", 1, "abc\ndef");
    let changes = [edit((0, 0), (0, 1), "X"), edit((1, 0), (0, 2), "Y"), edit((0, 0), (0, 0), "Z")];
    assert!(document.change(2, &changes, PositionEncoding::Utf16).is_err());
    assert!(document.is_desynced());
    assert_eq!(document.text(), "Xbc\ndef");
}

#[test]
fn snapshot_is_immutable() {
    let mut document = Document::open("file:///src/a.rs", "rust", 1, "old");
    let snapshot = document.snapshot();
    assert_eq!(
        document.change(2, &[Change::Full("new".to_owned())], PositionEncoding::Utf16),
        Ok(())
    );
    assert_eq!((snapshot.text().as_str(), snapshot.version(), snapshot.revision()), ("old", 1, 0));
    assert_eq!(document.snapshot().text(), "new");
    assert_eq!(snapshot.uri().as_str(), "file:///src/a.rs");
}

#[test]
fn unknown_language_id_falls_back_to_path() {
    let language = |uri: &str, id: &str| Document::open(uri, id, 1, "").snapshot().language().id;
    assert_eq!(language("file:///a.py", "rust"), "rust");
    assert_eq!(language("file:///a.py", "unheard-of"), "python");
    assert_eq!(language("file:///a.py", ""), "python");
    assert_eq!(language("untitled:1", ""), "plaintext");
}

#[test]
fn dominant_line_ending_is_reported() {
    let line_ending =
        |text: &str| Document::open("file:///a", "rust", 1, text).snapshot().line_ending();
    assert_eq!(line_ending("a\r\nb\r\n").as_str(), "\r\n");
    assert_eq!(line_ending("a\nb\n").as_str(), "\n");
}
