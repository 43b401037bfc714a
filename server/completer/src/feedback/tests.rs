//! Edits as editors send them, and the outcomes that follow from them.

use lowkey_document::{Document, fixture};

use super::*;

/// A document, its cursor, and its feedback.
struct Editor {
    snapshot: Snapshot,
    cursor: usize,
    feedback: Feedback,
    now: Instant,
}

impl Editor {
    /// Opens `text`, in which `$0` is the cursor, and shows `insert` in place of `n_tail` bytes
    /// after it.
    fn showing(text: &str, insert: &str, n_tail: usize) -> Self {
        let (text, ByteOffset(cursor)) = fixture::parse(text);
        let snapshot = Document::open("file:///a.rs", "rust", 1, &text).snapshot();
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
    fn edit(&mut self, text: &str, n_tail: usize) -> Option<FeedbackKind> {
        let range = ByteOffset(self.cursor)..ByteOffset(self.cursor + n_tail);
        self.snapshot = self.snapshot.with_edit(range, text);
        self.cursor += text.len();
        self.feedback.after_edit(&self.snapshot, self.now).map(|event| event.kind)
    }

    fn ask(&mut self) -> Option<FeedbackKind> {
        let cursor = ByteOffset(self.cursor);
        self.feedback.before_request(&self.snapshot, cursor, self.now).map(|event| event.kind)
    }

    fn judged(&mut self) -> Vec<Retained> {
        self.feedback.take_due_checks(self.now).iter().map(RetentionCheck::search).collect()
    }
}

#[test]
fn text_in_one_edit_was_accepted() {
    let mut editor = Editor::showing("let x = $0;\n", "compute(y)", 0);
    assert_eq!(editor.edit("compute(y)", 0), Some(FeedbackKind::Accepted(10)));
    assert_eq!(editor.ask(), None, "a suggestion has one end");
}

#[test]
fn accepting_replaces_the_tail() {
    let mut editor = Editor::showing("f($0)\n", "a, b);", 1);
    assert_eq!(editor.edit("a, b);", 1), Some(FeedbackKind::Accepted(6)));
}

#[test]
fn text_in_single_letters_was_typed() {
    let mut editor = Editor::showing("$0\n", "ab", 0);
    assert_eq!((editor.edit("a", 0), editor.ask()), (None, None));
    assert!(!editor.show("b", 0), "the same suggestion, seen from further on");
    assert_eq!(editor.edit("b", 0), Some(FeedbackKind::Typed));
}

#[test]
fn last_word_completes_the_accept() {
    let mut editor = Editor::showing("$0\n", "one two three", 0);
    assert_eq!((editor.edit("one ", 0), editor.ask()), (None, None));
    assert!(!editor.show("two three", 0));
    assert_eq!(editor.edit("two ", 0), None);
    assert_eq!(editor.edit("three", 0), Some(FeedbackKind::Accepted(13)));
}

#[test]
fn other_text_after_words_is_partial_accept() {
    let mut editor = Editor::showing("$0\n", "one two three", 0);
    editor.edit("one ", 0);
    editor.ask();
    editor.show("two three", 0);
    editor.edit("x", 0);
    assert_eq!(editor.ask(), Some(FeedbackKind::PartlyAccepted(4)));
}

#[test]
fn other_text_or_place_rejects() {
    let mut editor = Editor::showing("let x = $0;\n", "compute(y)", 0);
    assert_eq!(editor.edit("z", 0), None, "the cursor is not known yet");
    assert_eq!(editor.ask(), Some(FeedbackKind::Rejected));
    let mut editor = Editor::showing("let x = $0;\n", "compute(y)", 0);
    editor.cursor = 0;
    assert_eq!(editor.ask(), Some(FeedbackKind::Rejected));
}

#[test]
fn repeated_request_has_no_outcome() {
    let mut editor = Editor::showing("$0\n", "abc", 0);
    assert_eq!(editor.ask(), None);
    assert!(!editor.show("abc", 0));
    editor.edit("a", 0);
    editor.snapshot = editor.snapshot.with_edit(ByteOffset(0)..ByteOffset(1), "");
    editor.cursor = 0;
    assert_eq!(editor.ask(), None);
    assert!(!editor.show("abc", 0));
}

#[test]
fn auto_closed_brackets_do_not_reject() {
    let mut editor = Editor::showing("f$0\n", "(a)", 0);
    assert_eq!(editor.edit("()", 0), None);
    editor.cursor -= 1;
    assert_eq!(editor.ask(), None);
    assert!(!editor.show("a)", 1));
    assert_eq!(editor.edit("a)", 1), Some(FeedbackKind::Accepted(2)));
}

#[test]
fn reported_accept_counts_once() {
    let mut editor = Editor::showing("$0\n", "abc", 0);
    let event = editor.feedback.accepted(7).unwrap();
    assert_eq!((event.kind, event.probability), (FeedbackKind::Accepted(3), Some(0.5)));
    assert_eq!(editor.feedback.accepted(7), None);
    let mut editor = Editor::showing("$0\n", "abc", 0);
    assert_eq!(editor.edit("abc", 0), Some(FeedbackKind::Accepted(3)));
    assert_eq!(editor.feedback.accepted(7), None);
    assert_eq!(editor.feedback.accepted(8), None);
}

#[test]
fn unchanged_text_is_retained() {
    let mut editor = Editor::showing("$0\n", "abc", 0);
    editor.edit("abc", 0);
    assert!(editor.judged().is_empty());
    // Text is written after it within the time; later, all text is removed.
    editor.now += Duration::from_secs(20);
    editor.edit(" d", 0);
    editor.now += Duration::from_secs(20);
    editor.snapshot = editor.snapshot.with_edit(ByteOffset(0)..ByteOffset(5), "");
    editor.feedback.after_edit(&editor.snapshot, editor.now);
    let retained = Retained { is_retained: true, chars: 3 };
    assert_eq!(editor.judged(), [retained]);
    assert!(editor.judged().is_empty(), "once");
}

#[test]
fn changed_text_is_not_retained() {
    let mut editor = Editor::showing("$0\n", "abc", 0);
    editor.edit("abc", 0);
    editor.snapshot = editor.snapshot.with_edit(ByteOffset(1)..ByteOffset(2), "");
    editor.feedback.after_edit(&editor.snapshot, editor.now);
    let lost = Retained { is_retained: false, chars: 3 };
    editor.now += Duration::from_secs(31);
    assert_eq!(editor.judged(), [lost]);
}

#[test]
fn feedback_is_total() {
    let mut editor = Editor::showing("$0é👩\n", "éa", 2);
    for (start, end, text) in [(0, 1, ""), (0, 0, "👩‍👧"), (3, 5, "x"), (0, 7, "")] {
        editor.snapshot = editor.snapshot.with_edit(ByteOffset(start)..ByteOffset(end), text);
        for cursor in 0..9 {
            let mut copy = Feedback {
                shown: editor.feedback.shown.clone(),
                watched: editor.feedback.watched.clone(),
                ..Feedback::default()
            };
            let earlier = editor.now.checked_sub(Duration::from_secs(5)).unwrap_or(editor.now);
            copy.before_request(&editor.snapshot, ByteOffset(cursor), earlier);
            copy.take_due_checks(earlier);
        }
    }
}

#[test]
fn lines_are_followed_while_typed() {
    let spans = |editor: &Editor| {
        editor.feedback.follows_lines(&editor.snapshot, ByteOffset(editor.cursor))
    };
    let mut editor = Editor::showing("fn a() {\n    $0\n}\n", "one();\n    two();", 0);
    assert!(spans(&editor));
    editor.edit("one", 0);
    assert!(spans(&editor), "the first line is being typed");
    editor.edit("();\n    ", 0);
    assert!(spans(&editor), "and the second may go on");
    editor.edit("x", 0);
    assert!(!spans(&editor), "this is something else");
    let editor = Editor::showing("$0\n", "one();", 0);
    assert!(!spans(&editor), "one line is no several");
}

#[test]
fn place_after_accept_is_known() {
    let is_after_accept = |editor: &Editor| {
        editor.feedback.is_after_accepted(&editor.snapshot, ByteOffset(editor.cursor))
    };
    let mut editor = Editor::showing("$0\nb\n", "if x {", 0);
    assert!(!is_after_accept(&editor));
    editor.edit("if x {", 0);
    assert!(is_after_accept(&editor));
    editor.edit("\n    ", 0);
    assert!(is_after_accept(&editor), "Enter goes on from there");
    editor.edit("y", 0);
    assert!(!is_after_accept(&editor));

    let mut editor = Editor::showing("$0\nb\n", "if x {", 0);
    editor.edit("if x {", 0);
    editor.cursor = 0;
    assert!(!is_after_accept(&editor), "the cursor has gone elsewhere");
    let mut editor = Editor::showing("$0\n", "ab", 0);
    assert_eq!((editor.edit("a", 0), editor.ask()), (None, None));
    editor.show("b", 0);
    assert_eq!(editor.edit("b", 0), Some(FeedbackKind::Typed));
    assert!(!is_after_accept(&editor), "typed by hand is not accepted");
}

#[test]
fn rest_of_a_shown_text_is_known_while_it_is_typed() {
    let snapshot = |text: &str| Document::open("file:///a.rs", "rust", 1, text).snapshot();
    let cursor = |text: &str| ByteOffset(text.len());
    let mut feedback = Feedback::default();
    let at = "let a = z";
    let insert = Insert { start: cursor(at), end: cursor(at), text: "ebra".into() };
    feedback.show(1, (&snapshot(at), cursor(at)), &insert, None);
    let rest = |text: &str| feedback.rest(&snapshot(text), cursor(text)).map(str::to_owned);
    assert_eq!(rest("let a = z").as_deref(), Some("ebra"));
    assert_eq!(rest("let a = zeb").as_deref(), Some("ra"));
    assert_eq!(rest("let a = zebra"), None, "all of it is typed");
    assert_eq!(rest("let a = zx"), None);
    assert_eq!(rest("let a = x"), None, "another letter before it");
    assert_eq!(rest("let a = "), None);
}
