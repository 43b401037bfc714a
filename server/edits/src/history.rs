//! The recent edits of a session, as hunks.
//!
//! The history compares each new text of a document with the one before. An edit in the lines of a
//! hunk extends the hunk; any other edit begins one. A hunk whose lines are as they were before is
//! removed, so that undo leaves nothing.
//!
//! Invariants: bounded in hunks and bytes; in memory only. The caller decides which documents it
//! records: those that the model may see.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use lowkey_document::{ByteOffset, Snapshot, Uri};

use crate::hunk::Hunk;

/// Hunks that are kept, in all documents.
const MAX_HUNKS: usize = 24;
/// Bytes of a hunk; a larger edit is a paste or a reformatting, from which nothing follows.
const MAX_HUNK_BYTES: usize = 12 << 10;
/// Lines in which an edit was taken back that are remembered.
const MAX_TAKEN_BACK: usize = 8;
/// Lines of a change that is split into a hunk for each line.
const MAX_SPLIT_LINES: usize = 200;

/// The recent edits of all documents.
#[derive(Debug, Clone, Default)]
pub struct EditHistory {
    texts: HashMap<Uri, Snapshot>,
    /// Oldest first.
    hunks: Vec<Hunk>,
    /// Lines in which the user took an edit back, oldest first.
    taken_back: Vec<(Uri, String)>,
}

impl EditHistory {
    /// Notes the text of a document that was opened, and forgets its earlier edits.
    pub fn opened(&mut self, snapshot: &Snapshot) {
        self.hunks.retain(|hunk| hunk.uri != *snapshot.uri());
        self.texts.insert(snapshot.uri().clone(), snapshot.clone());
    }

    /// Whether the user took an edit of a document back.
    pub(crate) fn has_taken_back(&self, uri: &Uri) -> bool {
        self.taken_back.iter().any(|(taken, _)| taken == uri)
    }

    /// Whether the user took an edit of this line back.
    pub(crate) fn is_taken_back(&self, uri: &Uri, line: &str) -> bool {
        self.taken_back.iter().any(|(taken_uri, taken)| taken_uri == uri && taken == line)
    }

    /// Whether it follows a document.
    pub fn has(&self, uri: &Uri) -> bool {
        self.texts.contains_key(uri)
    }

    /// Forgets a document.
    pub fn closed(&mut self, uri: &Uri) {
        self.texts.remove(uri);
        self.taken_back.retain(|(taken, _)| taken != uri);
        self.hunks.retain(|hunk| hunk.uri != *uri);
    }

    /// Notes that the newest edit was a proposal that the user accepted: it is complete, wherever it
    /// ends.
    pub fn accepted(&mut self) {
        if let Some(newest) = self.hunks.last_mut() {
            newest.typed_to = None;
        }
    }

    /// Records the newest text of a document. `now` counts from the start of the session.
    pub fn changed(&mut self, after: &Snapshot, now: Duration) {
        let Some(before) = self.texts.insert(after.uri().clone(), after.clone()) else { return };
        let Some([old, new]) = before.difference(after) else { return };
        match changed_lines(&before, after, &old, &new) {
            None => self.splice(&before, after, now),
            Some(lines) => {
                // The last line first, so that the others keep their places.
                let mut current = before;
                for (old, new) in lines.into_iter().rev() {
                    let next = current.with_edit(old, &after.slice(new));
                    self.splice(&current, &next, now);
                    current = next;
                }
            }
        }
        for hunk in self.hunks.extract_if(.., |hunk| hunk.is_undone()) {
            self.taken_back.push((hunk.uri, hunk.new_lines));
        }
        let surplus = self.taken_back.len().saturating_sub(MAX_TAKEN_BACK);
        self.taken_back.drain(..surplus);
        let surplus = self.hunks.len().saturating_sub(MAX_HUNKS);
        self.hunks.drain(..surplus);
    }

    /// Returns the hunks, the newest first.
    pub fn hunks(&self) -> impl DoubleEndedIterator<Item = &Hunk> {
        self.hunks.iter().rev()
    }

    /// Whether a document was edited since it was opened, except for edits that were undone.
    pub fn is_edited(&self, uri: &Uri) -> bool {
        self.hunks.iter().any(|hunk| hunk.uri == *uri)
    }

    /// Records the one part in which two texts differ.
    fn splice(&mut self, before: &Snapshot, after: &Snapshot, now: Duration) {
        let Some([old, new]) = before.difference(after) else { return };
        let (old, new_len) = (old.start.0..old.end.0, new.end.0 - new.start.0);
        let grown = |at: usize| (at + new_len).saturating_sub(old.end - old.start);
        let hunks = std::mem::take(&mut self.hunks).into_iter();
        let (mut touched, others): (Vec<Hunk>, Vec<Hunk>) =
            hunks.partition(|hunk| hunk.uri == *after.uri() && hunk.touches(&old));
        self.hunks = others;
        for hunk in &mut self.hunks {
            if hunk.uri == *after.uri() && hunk.range.start >= old.end {
                hunk.range = grown(hunk.range.start)..grown(hunk.range.end);
                hunk.lines_start = grown(hunk.lines_start);
            }
        }
        // The original text of the edit and the hunks that it touches.
        touched.sort_by_key(|hunk| hunk.range.start);
        let start = touched.first().map_or(old.start, |hunk| hunk.range.start.min(old.start));
        let end = touched.iter().map(|hunk| hunk.range.end).fold(old.end, usize::max);
        let mut original = String::new();
        let mut at = start;
        for hunk in &touched {
            original += &before.slice(ByteOffset(at)..ByteOffset(hunk.range.start));
            original += &hunk.old;
            at = hunk.range.end;
        }
        original += &before.slice(ByteOffset(at)..ByteOffset(end));
        let mut hunk = Hunk::new(after, start..grown(end), original, now);
        hunk.typed_to = Some(new.end.0);
        if hunk.n_bytes() <= MAX_HUNK_BYTES {
            self.hunks.push(hunk);
        }
    }
}

/// Returns the lines that a change has replaced one by one, if there are several: an edit at several
/// cursors, or a complete new text.
fn changed_lines(
    before: &Snapshot,
    after: &Snapshot,
    old: &Range<ByteOffset>,
    new: &Range<ByteOffset>,
) -> Option<Vec<(Range<ByteOffset>, Range<ByteOffset>)>> {
    let lines = |snapshot: &Snapshot, range: &Range<ByteOffset>| {
        snapshot.line_of(range.start)..snapshot.line_of(range.end) + 1
    };
    let (old_lines, new_lines) = (lines(before, old), lines(after, new));
    let n = old_lines.len();
    if n == 1 || n != new_lines.len() || n > MAX_SPLIT_LINES {
        return None;
    }
    let pairs = old_lines.zip(new_lines);
    let changed = pairs.filter(|(old, new)| before.line(*old) != after.line(*new));
    let span = |snapshot: &Snapshot, line| snapshot.line_start(line)..snapshot.line_end(line);
    Some(changed.map(|(old, new)| (span(before, old), span(after, new))).collect())
}

#[cfg(test)]
mod tests {
    use lowkey_document::{Change, Document, Position, PositionEncoding, Range};
    use proptest::prelude::*;

    use super::*;

    fn edit(document: &mut Document, at: (u32, u32), len: u32, text: &str) -> Snapshot {
        let start = Position::new(at.0, at.1);
        let range = Range::new(start, Position::new(at.0, at.1 + len));
        let change = Change::Edit { range, text: text.to_owned() };
        document.change(1, &[change], PositionEncoding::Utf8).unwrap();
        document.snapshot()
    }

    fn shown(history: &EditHistory) -> Vec<(&str, &str)> {
        history.hunks().map(|hunk| (hunk.old_lines(), hunk.new_lines())).collect()
    }

    #[test]
    fn keystrokes_of_a_line_are_one_hunk_and_undo_removes_it() {
        let mut document = Document::open("file:///a.rs", "rust", 1, "fn a() {}\nfn b() {}\n");
        let mut history = EditHistory::default();
        history.opened(&document.snapshot());
        for (column, key) in [(3, "x"), (4, "y"), (5, "z")] {
            history.changed(&edit(&mut document, (0, column), 0, key), Duration::ZERO);
        }
        assert_eq!(shown(&history), [("fn a() {}", "fn xyza() {}")]);
        history.changed(&edit(&mut document, (1, 3), 1, "c"), Duration::from_secs(1));
        assert_eq!(shown(&history), [("fn b() {}", "fn c() {}"), ("fn a() {}", "fn xyza() {}")]);
        history.changed(&edit(&mut document, (0, 3), 3, ""), Duration::from_secs(2));
        assert_eq!(shown(&history), [("fn b() {}", "fn c() {}")]);
        assert!(history.is_edited(document.uri()));
        history.changed(&edit(&mut document, (1, 3), 1, "b"), Duration::from_secs(3));
        assert!(!history.is_edited(document.uri()));
    }

    #[test]
    fn edit_of_several_lines_has_a_hunk_for_each() {
        let mut document = Document::open("file:///a.rs", "rust", 1, "a(1)\nb(1)\nc(1)\nb(1)\n");
        let mut history = EditHistory::default();
        history.opened(&document.snapshot());
        let full = Change::Full("a(1, 2)\nb(1)\nc(1, 2)\nb(1)\n".to_owned());
        document.change(2, &[full], PositionEncoding::Utf8).unwrap();
        history.changed(&document.snapshot(), Duration::ZERO);
        assert_eq!(shown(&history), [("a(1)", "a(1, 2)"), ("c(1)", "c(1, 2)")]);
        let text = document.text();
        for hunk in history.hunks() {
            assert_eq!(text.get(hunk.lines()), Some(hunk.new_lines()));
        }
    }

    proptest! {
        #[test]
        fn hunks_give_the_first_text_back(
            edits in prop::collection::vec((0_usize..60, 0_usize..12, "[ab(\n]{0,6}"), 1..12)
        ) {
            let first = "aa(b)\nb\n\nab(a)\nä\nbb\n";
            let mut snapshot = Document::open("file:///a.rs", "rust", 1, first).snapshot();
            let mut history = EditHistory::default();
            history.opened(&snapshot);
            for (start, len, text) in edits {
                snapshot = snapshot.with_edit(ByteOffset(start)..ByteOffset(start + len), &text);
                history.changed(&snapshot, Duration::ZERO);
            }
            let mut hunks: Vec<&Hunk> = history.hunks().collect();
            hunks.sort_by_key(|hunk| hunk.range.start);
            let mut restored = snapshot.clone();
            for hunk in hunks.iter().rev() {
                let lines = hunk.lines();
                let lines = ByteOffset(lines.start)..ByteOffset(lines.end);
                prop_assert_eq!(snapshot.slice(lines), hunk.new_lines());
                let range = ByteOffset(hunk.range.start)..ByteOffset(hunk.range.end);
                restored = restored.with_edit(range, &hunk.old);
            }
            prop_assert_eq!(restored.text(), first);
        }
    }
}
