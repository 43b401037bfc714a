//! Next edits of a model whose answers are known, and of the rules around it.

use lowkey_document::Document;
use lowkey_engine::Status;
use lowkey_test_support::next_edit_model::{ANSWER, EDIT, TEXT, next_edit_model};
use lowkey_test_support::{TestFolder, toy_path};
use tokio::runtime::Runtime;

use super::*;
use crate::settings::Settings;

/// Longer than a test can take.
const ENDLESS: Duration = Duration::from_hours(1);

struct User {
    runtime: Runtime,
    completer: Arc<Completer>,
    snapshot: Snapshot,
    cursor: ByteOffset,
    _folder: TestFolder,
}

impl User {
    /// A user who has opened the document and edited its first line.
    fn new(name: &str, uri: &str) -> Self {
        let folder = TestFolder::new(name);
        let model = folder.join("model.gguf");
        std::fs::write(&model, next_edit_model()).unwrap();
        let settings = Settings {
            model: toy_path().display().to_string(),
            threads: 1,
            next_edit_model: model.display().to_string(),
            ..Settings::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let completer = Completer::start(settings, None, None).unwrap();
        runtime.block_on(completer.ready());
        let snapshot = Document::open(uri, "rust", 1, TEXT).snapshot();
        completer.opened(&snapshot);
        let mut user =
            Self { runtime, completer, snapshot, cursor: ByteOffset(0), _folder: folder };
        user.edit(0..EDIT[0].len(), EDIT[1]);
        user
    }

    fn edit(&mut self, range: std::ops::Range<usize>, text: &str) {
        self.cursor = ByteOffset(range.start + text.len());
        let range = ByteOffset(range.start)..ByteOffset(range.end);
        self.snapshot = self.snapshot.with_edit(range, text);
        self.completer.changed(&self.snapshot);
    }

    /// Loads the next-edit model.
    fn load(&self) {
        let mut status = self.completer.next_edit_model.engine().unwrap().subscribe();
        let is_loaded = |status: &Status| !matches!(status, Status::Loading(_));
        let status = self.runtime.block_on(status.wait_for(is_loaded)).unwrap().clone();
        assert!(matches!(status, Status::Ready { .. }), "{status:?}");
    }

    fn ask(&self) -> Result<ProposedEdit, NoNextEdit> {
        self.runtime.block_on(self.completer.next_edit(&self.snapshot, self.cursor))
    }

    fn accept(&mut self, edit: &ProposedEdit) {
        assert!(self.completer.next_edit_accepted(edit.id));
        self.edit(edit.start.0..edit.end.0, &edit.text);
    }

    fn n_asked(&self) -> u64 {
        *lock(&self.completer.next_edits).n_asked.borrow()
    }
}

fn reason(answer: Result<ProposedEdit, NoNextEdit>) -> String {
    match answer {
        Err(NoNextEdit::Quiet(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn edits_of_one_answer_follow_each_other() {
    let mut user = User::new("next-edit-hunks", "file:///work/a.rs");
    user.load();
    let first = user.ask().unwrap();
    assert_eq!(user.n_asked(), 1);
    let again = user.ask().unwrap();
    assert_eq!((&again.text, again.start), (&first.text, first.start));
    user.accept(&again);
    assert_eq!(user.snapshot.text(), "omega;\nkappa)\ngamma}\ndelta,\n");
    let second = user.ask().unwrap();
    user.accept(&second);
    assert_eq!(user.snapshot.text(), ANSWER);
    assert_eq!(user.n_asked(), 1, "the second edit needs no request to the model");
    // The answer is used up, so the model is asked again.
    user.cursor = ByteOffset(EDIT[1].len());
    assert_eq!(reason(user.ask()), "the model's answer changes nothing");
}

#[test]
fn dismissed_edit_gives_way_to_the_next() {
    let user = User::new("next-edit-dismissed", "file:///work/a.rs");
    user.load();
    let first = user.ask().unwrap();
    user.completer.next_edit_dismissed(first.id);
    let second = user.ask().unwrap();
    assert!(second.start > first.start, "{first:?} {second:?}");
    user.completer.next_edit_dismissed(second.id);
    assert!(reason(user.ask()).contains("dismissed"));
}

#[test]
fn edit_cancels_the_model_and_so_does_a_newer_request() {
    let mut user = User::new("next-edit-cancelled", "file:///work/a.rs");
    user.load();
    // The next-edit model computes only while the user does not type, so the request waits.
    user.completer.engine.activity().typed(ENDLESS);
    let ask = |user: &User| {
        let (completer, snapshot) = (Arc::clone(&user.completer), user.snapshot.clone());
        let cursor = user.cursor;
        user.runtime.spawn(async move { completer.next_edit(&snapshot, cursor).await })
    };
    let wait_for = |user: &User, n: u64| {
        let mut asked = lock(&user.completer.next_edits).n_asked.subscribe();
        user.runtime.block_on(asked.wait_for(|asked| *asked == n)).unwrap();
    };
    let first = ask(&user);
    wait_for(&user, 1);
    let second = ask(&user);
    wait_for(&user, 2);
    assert_eq!(user.runtime.block_on(first).unwrap(), Err(NoNextEdit::Superseded));
    user.edit(0..0, "\n");
    assert_eq!(user.runtime.block_on(second).unwrap(), Err(NoNextEdit::Superseded));
    // A dropped future leaves nothing that runs: the engine answers the next request.
    let third = ask(&user);
    wait_for(&user, user.n_asked() + 1);
    third.abort();
    assert!(user.runtime.block_on(third).unwrap_err().is_cancelled());
    user.edit(0..1, "");
    user.cursor = ByteOffset(EDIT[1].len());
    user.completer.engine.activity().typed(Duration::ZERO);
    assert!(user.ask().is_ok());
}

#[test]
fn denied_document_is_not_sent() {
    let user = User::new("next-edit-denied", "file:///work/.env");
    user.load();
    assert!(!reason(user.ask()).is_empty());
    assert_eq!(user.n_asked(), 0);
    let edits = lock(&user.completer.next_edits);
    assert!(edits.at_open.is_empty() && edits.answer.is_none());
}

#[test]
fn closed_document_leaves_nothing() {
    let user = User::new("next-edit-closed", "file:///work/a.rs");
    user.load();
    user.ask().unwrap();
    user.completer.closed(user.snapshot.uri());
    let edits = lock(&user.completer.next_edits);
    assert!(edits.at_open.is_empty() && edits.answer.is_none() && edits.asked.is_none());
}

#[test]
fn trial_shows_what_the_model_does() {
    let user = User::new("next-edit-trial", "file:///work/a.rs");
    let trial = user.runtime.block_on(user.completer.try_next_edit_model()).unwrap().unwrap();
    assert_eq!(trial.model, "scripted next edits");
    // The model knows no word of the trial's document.
    assert!(trial.edit.is_err(), "{trial:?}");
}

fn offered(edits: &mut NextEdits, id: u64, text: &str) {
    let snapshot = Document::open("file:///a.rs", "rust", 1, "old();\n").snapshot();
    let range = ByteOffset(0)..ByteOffset(3);
    edits.offer(id, &snapshot, Proposal { range, text: text.to_owned(), probability: 0.9 });
}

#[test]
fn same_offer_keeps_its_count() {
    let mut edits = NextEdits::default();
    offered(&mut edits, 1, "new");
    edits.offers[0].n_shown = 2;
    offered(&mut edits, 2, "new");
    assert_eq!(edits.offers.len(), 1);
    assert_eq!((edits.offers[0].id, edits.offers[0].n_shown), (2, 2));
    for id in 3..20 {
        offered(&mut edits, id, &format!("new{id}"));
    }
    assert_eq!(edits.offers.len(), MAX_OFFERS);
}
