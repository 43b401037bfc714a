//! Proposals after typical edits, and after any.

use lowkey_document::Document;
use proptest::prelude::*;

use super::*;
use crate::gate::{Caution, Gate, Quiet};

/// A session with one document.
struct Session {
    snapshot: Snapshot,
    history: EditHistory,
    cursor: ByteOffset,
    now: Duration,
}

impl Session {
    fn new(language: &str, text: &str) -> Self {
        let snapshot = Document::open("file:///work/a", language, 1, text).snapshot();
        let mut history = EditHistory::default();
        history.opened(&snapshot);
        Self { snapshot, history, cursor: ByteOffset(0), now: Duration::ZERO }
    }

    /// Replaces the occurrence `idx` of a text.
    fn edit(&mut self, old: &str, idx: usize, new: &str) {
        let text = self.snapshot.text();
        let (at, _) = text.match_indices(old).nth(idx).unwrap();
        self.replace(ByteOffset(at)..ByteOffset(at + old.len()), new);
    }

    fn replace(&mut self, range: Range<ByteOffset>, new: &str) {
        self.cursor = ByteOffset(range.start.0 + new.len());
        self.now += Duration::from_secs(1);
        self.snapshot = self.snapshot.with_edit(range, new);
        self.history.changed(&self.snapshot, self.now);
    }

    fn next(&self) -> Result<Proposal, Quiet> {
        Gate::default().next(&self.history, &self.snapshot, self.cursor, Caution::Normal, self.now)
    }

    /// Accepts proposals until there is none; returns the text.
    fn accept_all(&mut self) -> String {
        for _ in 0..20 {
            let Ok(Proposal { range, text, .. }) = self.next() else { break };
            self.replace(range, &text);
        }
        self.snapshot.text()
    }
}

const RENAME: &str = "fn run(user_name: &str) {\n    let greeting = format(user_name);\n    \
    send(user_name, greeting);\n    // user_name is checked above\n    log(\"user_name\");\n}\n";

#[test]
fn renamed_parameter_is_renamed_in_its_function() {
    let mut session = Session::new("rust", RENAME);
    session.edit("user_name", 0, "account_name");
    let text = session.accept_all();
    assert_eq!(text.matches("account_name").count(), 3, "{text}");
    assert!(text.contains("// user_name") && text.contains("\"user_name\""), "{text}");
}

#[test]
fn accepted_changes_are_not_proposed_again_nor_taken_back() {
    let mut session = Session::new("rust", RENAME);
    session.edit("user_name", 0, "account_name");
    session.accept_all();
    assert_eq!(session.next(), Err(Quiet::NothingLikely));
    // The user takes one back: the others stay.
    session.edit("account_name", 2, "user_name");
    let next = session.next();
    assert!(next.is_err(), "{next:?}");
}

#[test]
fn same_line_elsewhere_gets_the_same_change() {
    let text = "a = load(path, mode=1)\nb = 2\nc = load(path, mode=1)\nd = load(path, mode=1)\n";
    let mut session = Session::new("python", text);
    session.edit("load(path, mode=1)", 0, "load_all(path)");
    session.edit("load(path, mode=1)", 0, "load_all(path)");
    let text = session.accept_all();
    assert_eq!(text, "a = load_all(path)\nb = 2\nc = load_all(path)\nd = load_all(path)\n");
}

#[test]
fn kept_words_of_a_change_are_variables() {
    let text = "def f(\n    a: Optional[str] = None,\n    b: Optional[str] = None,\n    \
        c: Optional[int] = None,\n):\n";
    let mut session = Session::new("python", text);
    session.edit("Optional[str]", 0, "str | None");
    session.edit("Optional[str]", 0, "str | None");
    let found = candidates(&session.history, &session.snapshot, session.cursor);
    let int = found.iter().find(|candidate| candidate.proposal.text.starts_with("int"));
    assert_eq!(int.unwrap().proposal.text, "int | None");
}

#[test]
fn quiet_without_edits_inside_words_and_after_a_rejection() {
    let mut session = Session::new("rust", RENAME);
    assert_eq!(session.next(), Err(Quiet::NoEdits));
    session.edit("user_name", 0, "account_name");
    session.cursor = ByteOffset(session.cursor.0 - 3);
    assert_eq!(session.next(), Err(Quiet::InsideWord));
    session.cursor = ByteOffset(session.cursor.0 + 3);
    let proposal = session.next().unwrap();
    let mut gate = Gate::default();
    gate.reject(&session.snapshot, &proposal, session.now);
    let next =
        |now| gate.next(&session.history, &session.snapshot, session.cursor, Caution::Normal, now);
    assert_eq!(next(session.now), Err(Quiet::Rejected));
    let later = session.now + Duration::from_mins(3);
    assert_eq!(next(later), Ok(proposal));
    // Undo leaves nothing to propose.
    session.edit("account_name", 0, "user_name");
    assert_eq!(session.next(), Err(Quiet::NoEdits));
}

#[test]
fn new_lines_alone_propose_nothing() {
    let mut session = Session::new("python", "a = 1\nb = 2\nc = 3\n");
    session.replace(ByteOffset(6)..ByteOffset(6), "x = 1\n");
    assert_eq!(session.next(), Err(Quiet::NothingLikely));
}

proptest! {
    /// Any edits of any text: no panic, and a proposal is inside the text, differs from it and
    /// touches no edited line.
    #[test]
    fn proposals_are_valid_for_any_edits(
        text in "[a-cA_ \\n(){},.\"='#/é-]{0,120}",
        edits in prop::collection::vec((0_usize..130, 0_usize..6, "[a-dB_ \\n(,)\"é]{0,6}"), 1..5),
        cursor in 0_usize..140,
        language in prop::sample::select(vec!["rust", "python", "typescript", "plaintext"]),
    ) {
        let mut session = Session::new(language, &text);
        for (start, len, new) in edits {
            session.replace(ByteOffset(start)..ByteOffset(start + len), &new);
            let found = candidates(&session.history, &session.snapshot, ByteOffset(cursor));
            for Candidate { proposal, features, .. } in found {
                prop_assert!(features.iter().all(|value| value.is_finite()));
                prop_assert!((0.0..=1.0).contains(&proposal.probability));
                let Range { start, end } = proposal.range.clone();
                prop_assert!(start <= end && end.0 <= session.snapshot.n_bytes());
                prop_assert_eq!(session.snapshot.floor_char_boundary(start), start);
                prop_assert_eq!(session.snapshot.floor_char_boundary(end), end);
                prop_assert_ne!(session.snapshot.slice(start..end), proposal.text);
                for hunk in session.history.hunks() {
                    let lines = hunk.lines();
                    prop_assert!(end.0 < lines.start || lines.end < start.0);
                }
            }
        }
    }
}
