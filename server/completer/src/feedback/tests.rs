//! Edits as editors send them, and what they say about the suggestion on the screen.

use lowkey_document::Document;

use super::*;

/// A document, its cursor, and its feedback.
struct Editor {
    snapshot: Snapshot,
    cursor: usize,
    feedback: Feedback,
    now: Instant,
}

impl Editor {
    /// Opens `text`, in which `|` is the cursor, and shows `insert` there in place of `n_tail` bytes.
    fn showing(text: &str, insert: &str, n_tail: usize) -> Self {
        let cursor = text.find('|').unwrap();
        let snapshot = Document::open("file:///a.rs", "rust", 1, &text.replace('|', "")).snapshot();
        let mut editor =
            Self { snapshot, cursor, feedback: Feedback::default(), now: Instant::now() };
        assert!(editor.show(insert, n_tail));
        editor
    }

    fn show(&mut self, text: &str, n_tail: usize) -> bool {
        let (start, end) = (ByteOffset(self.cursor), ByteOffset(self.cursor + n_tail));
        let insert = Insert { start, end, text: text.into() };
        self.feedback.show(7, (&self.snapshot, start), &insert, Some(0.5))
    }

    /// Replaces `n_tail` bytes after the cursor by `text` and puts the cursor after it.
    fn edit(&mut self, text: &str, n_tail: usize) -> Option<End> {
        let range = ByteOffset(self.cursor)..ByteOffset(self.cursor + n_tail);
        self.snapshot = self.snapshot.with_edit(range, text);
        self.cursor += text.len();
        self.feedback.edited(&self.snapshot, self.now).map(|ended| ended.end)
    }

    fn ask(&mut self) -> Option<End> {
        let cursor = ByteOffset(self.cursor);
        self.feedback.asked(&self.snapshot, cursor, self.now).map(|ended| ended.end)
    }

    fn judged(&mut self) -> Vec<Retained> {
        self.feedback.due(self.now).iter().map(Due::search).collect()
    }
}

#[test]
fn what_comes_at_one_stroke_was_accepted() {
    let mut editor = Editor::showing("let x = |;\n", "compute(y)", 0);
    assert_eq!(editor.edit("compute(y)", 0), Some(End::Accepted(10)));
    assert_eq!(editor.ask(), None, "a suggestion has one end");
}

#[test]
fn a_replaced_tail_is_part_of_accepting() {
    let mut editor = Editor::showing("f(|)\n", "a, b);", 1);
    assert_eq!(editor.edit("a, b);", 1), Some(End::Accepted(6)));
}

#[test]
fn letter_by_letter_it_was_typed() {
    let mut editor = Editor::showing("|\n", "ab", 0);
    assert_eq!((editor.edit("a", 0), editor.ask()), (None, None));
    assert!(!editor.show("b", 0), "the same suggestion, seen from further on");
    assert_eq!(editor.edit("b", 0), Some(End::Typed));
}

#[test]
fn words_are_taken_in_part_and_the_last_makes_it_whole() {
    let mut editor = Editor::showing("|\n", "one two three", 0);
    assert_eq!((editor.edit("one ", 0), editor.ask()), (None, None));
    assert!(!editor.show("two three", 0));
    assert_eq!(editor.edit("two ", 0), None);
    assert_eq!(editor.edit("three", 0), Some(End::Accepted(13)));
}

#[test]
fn after_words_something_else_makes_it_a_part() {
    let mut editor = Editor::showing("|\n", "one two three", 0);
    editor.edit("one ", 0);
    editor.ask();
    editor.show("two three", 0);
    editor.edit("x", 0);
    assert_eq!(editor.ask(), Some(End::Partly(4)));
}

#[test]
fn something_else_refuses_it_and_so_does_going_away() {
    let mut editor = Editor::showing("let x = |;\n", "compute(y)", 0);
    assert_eq!(editor.edit("z", 0), None, "the cursor is not known yet");
    assert_eq!(editor.ask(), Some(End::Refused));
    let mut editor = Editor::showing("let x = |;\n", "compute(y)", 0);
    editor.cursor = 0;
    assert_eq!(editor.ask(), Some(End::Refused));
}

#[test]
fn asking_again_at_the_same_place_and_going_back_says_nothing() {
    let mut editor = Editor::showing("|\n", "abc", 0);
    assert_eq!(editor.ask(), None);
    assert!(!editor.show("abc", 0));
    editor.edit("a", 0);
    editor.snapshot = editor.snapshot.with_edit(ByteOffset(0)..ByteOffset(1), "");
    editor.cursor = 0;
    assert_eq!(editor.ask(), None);
    assert!(!editor.show("abc", 0));
}

#[test]
fn brackets_that_the_editor_closes_do_not_refuse_it() {
    let mut editor = Editor::showing("f|\n", "(a)", 0);
    assert_eq!(editor.edit("()", 0), None);
    editor.cursor -= 1;
    assert_eq!(editor.ask(), None);
    assert!(!editor.show("a)", 1));
    assert_eq!(editor.edit("a)", 1), Some(End::Accepted(2)));
}

#[test]
fn the_editor_s_word_counts_once() {
    let mut editor = Editor::showing("|\n", "abc", 0);
    let ended = editor.feedback.accepted(7).unwrap();
    assert_eq!((ended.end, ended.probability), (End::Accepted(3), Some(0.5)));
    assert_eq!(editor.feedback.accepted(7), None);
    let mut editor = Editor::showing("|\n", "abc", 0);
    assert_eq!(editor.edit("abc", 0), Some(End::Accepted(3)));
    assert_eq!(editor.feedback.accepted(7), None);
    assert_eq!(editor.feedback.accepted(8), None);
}

#[test]
fn what_stands_after_half_a_minute_is_retained() {
    let mut editor = Editor::showing("|\n", "abc", 0);
    editor.edit("abc", 0);
    assert!(editor.judged().is_empty());
    // Within the time something is written after it; later, everything goes.
    editor.now += Duration::from_secs(20);
    editor.edit(" d", 0);
    editor.now += Duration::from_secs(20);
    editor.snapshot = editor.snapshot.with_edit(ByteOffset(0)..ByteOffset(5), "");
    editor.feedback.edited(&editor.snapshot, editor.now);
    let retained = Retained { is_retained: true, chars: 3 };
    assert_eq!(editor.judged(), [retained]);
    assert!(editor.judged().is_empty(), "once");
}

#[test]
fn what_is_changed_within_half_a_minute_is_not() {
    let mut editor = Editor::showing("|\n", "abc", 0);
    editor.edit("abc", 0);
    editor.snapshot = editor.snapshot.with_edit(ByteOffset(1)..ByteOffset(2), "");
    editor.feedback.edited(&editor.snapshot, editor.now);
    let lost = Retained { is_retained: false, chars: 3 };
    editor.now += Duration::from_secs(31);
    assert_eq!(editor.judged(), [lost]);
}

#[test]
fn no_edit_and_no_clock_breaks_it() {
    let mut editor = Editor::showing("|é👩\n", "éa", 2);
    for (start, end, text) in [(0, 1, ""), (0, 0, "👩‍👧"), (3, 5, "x"), (0, 7, "")] {
        editor.snapshot = editor.snapshot.with_edit(ByteOffset(start)..ByteOffset(end), text);
        for cursor in 0..9 {
            let mut copy = Feedback {
                shown: editor.feedback.shown.clone(),
                watched: editor.feedback.watched.clone(),
                ..Feedback::default()
            };
            let earlier = editor.now.checked_sub(Duration::from_secs(5)).unwrap_or(editor.now);
            copy.asked(&editor.snapshot, ByteOffset(cursor), earlier);
            copy.due(earlier);
        }
    }
}

#[test]
fn lines_are_followed_while_they_are_typed_and_no_longer() {
    let spans = |editor: &Editor| {
        editor.feedback.follows_lines(&editor.snapshot, ByteOffset(editor.cursor))
    };
    let mut editor = Editor::showing("fn a() {\n    |\n}\n", "one();\n    two();", 0);
    assert!(spans(&editor));
    editor.edit("one", 0);
    assert!(spans(&editor), "the first line is being typed");
    editor.edit("();\n    ", 0);
    assert!(spans(&editor), "and the second may go on");
    editor.edit("x", 0);
    assert!(!spans(&editor), "this is something else");
    let editor = Editor::showing("|\n", "one();", 0);
    assert!(!spans(&editor), "one line is no several");
}

#[test]
fn behind_what_was_accepted_the_place_is_known_until_something_is_typed() {
    let behind = |editor: &Editor| {
        editor.feedback.is_after_accepted(&editor.snapshot, ByteOffset(editor.cursor))
    };
    let mut editor = Editor::showing("|\nb\n", "if x {", 0);
    assert!(!behind(&editor));
    editor.edit("if x {", 0);
    assert!(behind(&editor));
    editor.edit("\n    ", 0);
    assert!(behind(&editor), "Enter goes on from there");
    editor.edit("y", 0);
    assert!(!behind(&editor));

    let mut editor = Editor::showing("|\nb\n", "if x {", 0);
    editor.edit("if x {", 0);
    editor.cursor = 0;
    assert!(!behind(&editor), "the cursor has gone elsewhere");
    let mut editor = Editor::showing("|\n", "ab", 0);
    assert_eq!((editor.edit("a", 0), editor.ask()), (None, None));
    editor.show("b", 0);
    assert_eq!(editor.edit("b", 0), Some(End::Typed));
    assert!(!behind(&editor), "typed by hand is not accepted");
}
