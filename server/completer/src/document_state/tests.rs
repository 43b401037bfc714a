//! Which request or job of a document supersedes which, with jobs of the toy model.

use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};

use lowkey_engine::{Engine, Job, Loaded, Priority};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, Prompt};
use lowkey_suggestion::{MemoryKey, StopReason};
use lowkey_test_support::{TOY_BYTES, TOY_NAME};

use super::*;
use crate::running_job::{Generated, Progress, Stop};

fn engine() -> Engine<StopReason> {
    let load = |progress: &mut dyn FnMut(f32)| {
        let file = ModelFile::from_bytes(TOY_NAME, TOY_BYTES).map_err(|e| e.to_string())?;
        Loaded::from_file(&file, 2, progress)
    };
    Engine::start(64 << 20, load).unwrap()
}

/// Returns a job that decodes 64 tokens unless it is cancelled. It waits at `gate` twice during its
/// first token.
fn job(engine: &Engine<StopReason>, gate: &Arc<Barrier>) -> (Arc<RunningJob>, Receiver<Stop>) {
    let (to_test, stopped) = channel();
    let prepare = |assembler: &Assembler| {
        let tokens = assembler.tokenizer().encode("fn main() {\n    let ");
        Some(Prompt { n_fixed: tokens.len(), tokens, ..Prompt::default() })
    };
    let gate = Arc::clone(gate);
    let mut is_first = true;
    let job = Job {
        max_tokens: 64,
        on_text: Box::new(move |_| {
            if std::mem::take(&mut is_first) {
                gate.wait();
                gate.wait();
            }
        }),
        ..Job::prefill(prepare, move |made: Generated| {
            // Not every test waits for it.
            let _ = to_test.send(made.stop);
        })
    };
    let running = RunningJob {
        key: MemoryKey::new("file:///a.rs", &[]),
        forced: String::new(),
        priority: Priority::Interactive,
        progress: watch::channel(Progress::default()).1,
        reported: AtomicBool::new(false),
        answered: Arc::default(),
        ticket: engine.submit(job),
    };
    (Arc::new(running), stopped)
}

/// Runs a job in a slot, calls `supersede` during its first token, and returns its stop reason. A
/// joined request holds the job, so that dropping it does not cancel it.
fn stopped_by(supersede: impl FnOnce(&mut DocumentState, Arc<RunningJob>)) -> Stop {
    let engine = engine();
    let mut state = DocumentState::default();
    let _newest = state.begin(Surface::Inline, 1, (1, 9, 4));
    let (gate, open) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(1)));
    let (first, stopped) = job(&engine, &gate);
    state.start(Surface::Inline, Arc::clone(&first));
    gate.wait();
    let (second, _) = job(&engine, &open);
    supersede(&mut state, second);
    gate.wait();
    let stop = stopped.recv().unwrap();
    drop(first);
    stop
}

#[test]
fn newer_job_cancels_the_earlier_one() {
    let stop = stopped_by(|state, second| state.start(Surface::Inline, second));
    assert_eq!(stop, Stop::Cancelled);
}

#[test]
fn newer_request_alone_cancels_no_job() {
    let stop = stopped_by(|state, _| drop(state.begin(Surface::Inline, 2, (2, 10, 5))));
    assert!(matches!(stop, Stop::Limit | Stop::EndToken), "{stop:?}");
}

#[test]
fn joined_job_continues() {
    let stop = stopped_by(|state, second| {
        let _newest = state.begin(Surface::Popup, 2, (2, 10, 5));
        state.start(Surface::Popup, second);
    });
    assert!(matches!(stop, Stop::Limit | Stop::EndToken), "{stop:?}");
}

#[test]
fn closing_cancels_all_jobs() {
    let stop = stopped_by(|state, _| state.close(2));
    assert_eq!(stop, Stop::Cancelled);
}

#[test]
fn surfaces_are_superseded_separately() {
    let mut state = DocumentState::default();
    let _inline = state.begin(Surface::Inline, 1, (1, 9, 4));
    let _popup = state.begin(Surface::Popup, 2, (1, 9, 4));
    assert!(state.is_newest(Surface::Inline, 1) && state.is_newest(Surface::Popup, 2));
    // A second request at the same cursor supersedes the first, but not the popup's.
    let _again = state.begin(Surface::Inline, 3, (1, 9, 4));
    assert!(!state.is_newest(Surface::Inline, 1) && state.is_newest(Surface::Popup, 2));
    assert!(!state.is_newest(Surface::Inline, 2), "that is the popup's");
}

#[test]
fn another_text_supersedes_both_surfaces() {
    let mut state = DocumentState::default();
    let inline = state.begin(Surface::Inline, 1, (1, 9, 4));
    let popup = state.begin(Surface::Popup, 2, (2, 10, 5));
    assert_eq!((*inline.borrow(), *popup.borrow()), (2, 2));
    assert!(!state.is_newest(Surface::Inline, 1) && state.is_newest(Surface::Popup, 2));
}
