//! The cost of a key on the message path if the completion memory answers it.
//!
//! Type-through, backspace and partial accepts are answered without waiting. Their cost must not
//! grow with the file. The test counts allocations, which are the same on every machine; `lowkey
//! bench replay` prints times.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use lowkey_completer::report::TextSource;
use lowkey_completer::settings::{Settings, SuggestionThreshold};
use lowkey_completer::{Answer, Completer, CompletionRequest, Outcome, TimeLimit};
use lowkey_document::{ByteOffset, Change, Document, Position, PositionEncoding, Range};

/// Maximum allocations for one key answered from memory, including the change and the snapshot.
///
/// 97 when this was written, most of them for the lines around the cursor.
const MAX_ALLOCATIONS: u64 = 160;

/// A document of `n_lines` lines, the editor's view of it, and its completer.
struct Editor {
    document: Document,
    version: i32,
    line: u32,
    column: u32,
    completer: Arc<Completer>,
}

impl Editor {
    fn open(n_lines: usize, completer: &Arc<Completer>) -> Editor {
        let lines =
            ["0", "1", "2", "3", "4"].map(|n| format!("    let value_{n} = compute(value_{n});\n"));
        let text: String = lines.iter().map(String::as_str).cycle().take(n_lines).collect();
        let uri = format!("untitled:{n_lines}.rs");
        Editor {
            document: Document::open(&uri, "rust", 0, &text),
            version: 0,
            line: n_lines as u32 / 2,
            column: 0,
            completer: Arc::clone(completer),
        }
    }

    /// Replaces `n_back` characters before the cursor with `text`.
    fn edit(&mut self, n_back: u32, text: &str) {
        self.version += 1;
        let range = Range {
            start: Position { line: self.line, column: self.column - n_back },
            end: Position { line: self.line, column: self.column },
        };
        let change = Change::Edit { range, text: text.to_owned() };
        self.document.change(self.version, &[change], PositionEncoding::Utf16).unwrap();
        self.column = self.column - n_back + text.len() as u32;
    }

    fn ask(&self) -> CompletionRequest {
        let snapshot = self.document.snapshot();
        let place = Position { line: self.line, column: self.column };
        let cursor: ByteOffset = snapshot.offset(place, PositionEncoding::Utf16);
        CompletionRequest {
            time_limit: TimeLimit::Unlimited,
            ..CompletionRequest::new(snapshot, cursor)
        }
    }

    /// Types one key whose answer is ready at once.
    fn key(&mut self, n_back: u32, text: &str) -> Answer {
        self.edit(n_back, text);
        let mut asking = pin!(self.completer.complete(self.ask()));
        match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("the answer was not in memory"),
        }
    }
}

/// Types a suggestion, deletes and accepts words; returns the allocations of each key.
fn allocations(editor: &mut Editor) -> Vec<u64> {
    editor.edit(0, "    let value_1 = ");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(editor.completer.complete(editor.ask()));
    let Outcome::Insert(shown) = answer.outcome else { panic!("no suggestion: {answer:?}") };
    assert!(shown.text.len() >= 4, "{shown:?}");
    let letters: Vec<String> = shown.text.chars().take(3).map(String::from).collect();
    let mut counts = Vec::new();
    let mut count = |n_back: u32, text: &str| {
        let mut answered = None;
        let counted = allocation_counter::measure(|| answered = Some(editor.key(n_back, text)));
        let answer = answered.unwrap();
        assert_eq!(answer.report.source, TextSource::Memory);
        assert_eq!((answer.report.tokens.prefilled, answer.report.tokens.decoded), (0, 0));
        counts.push(counted.count_total);
    };
    for letter in &letters {
        count(0, letter);
    }
    // Deletes a word in one edit, and accepts a word in one edit.
    count(3, "");
    count(0, &letters.concat());
    counts
}

#[test]
fn memory_answer_allocates_little() {
    let model = lowkey_test_support::toy_path().display().to_string();
    let suggestion_threshold = SuggestionThreshold::Always;
    let settings =
        Settings { model, look_ahead: false, suggestion_threshold, ..Settings::default() };
    let completer = Completer::start(settings, None, None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(completer.ready());
    let short = allocations(&mut Editor::open(100, &completer));
    let long = allocations(&mut Editor::open(10_000, &completer));
    for (short, long) in short.iter().zip(&long) {
        assert!(*short <= MAX_ALLOCATIONS, "{short} allocations");
        // A rope of 10,000 lines is a few nodes deeper.
        assert!(*long <= short + 16, "{long} allocations in a long file, {short} in a short one");
    }
    completer.shutdown();
}
