//! What an engine leaves on disk and what the next one makes of it, with a real model, the toy.
//!
//! Counts of tokens are asserted, never times.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lowkey_engine::{Engine, EngineOptions, PersistOptions, Priority, Status, stored_sessions};

use crate::jobs::{CODE, job, load, run};

/// A folder of a test's own, gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lowkey-kept-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    /// Saving at the end only.
    fn persist(&self) -> PersistOptions {
        let persist = PersistOptions::new(self.0.clone(), 64 << 20, "here".into());
        PersistOptions { idle: Duration::from_hours(1), ..persist }
    }

    /// The files of sessions, by name.
    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.0.join("sessions")) else { return Vec::new() };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn options(persist: PersistOptions) -> EngineOptions {
    EngineOptions { session_bytes: 64 << 20, persist: Some(persist), ..EngineOptions::default() }
}

fn start(persist: PersistOptions) -> Engine {
    Engine::start_with_options(options(persist), load).unwrap()
}

/// Runs a job in an engine that is then shut down.
fn run_once(persist: PersistOptions, text: &str) -> lowkey_engine::Generated {
    let engine = start(persist);
    let made = run(&engine, text);
    engine.shutdown();
    made
}

fn elsewhere() -> String {
    CODE.lines().rev().collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_completion_after_a_restart_computes_one_token_and_is_the_same() {
    let folder = Folder::new("restart");
    let before = run_once(folder.persist(), CODE);
    assert_eq!(before.tokens.reused, 0);
    assert_eq!(folder.files().len(), 1);
    let after = run_once(folder.persist(), CODE);
    assert_eq!((after.tokens.prefilled, after.tokens.reused), (1, before.tokens.prompt - 1));
    assert_eq!(after.text, before.text);
    assert_eq!(after.log_probs, before.log_probs);
    // And where the user typed on meanwhile.
    let typed = format!("{CODE}    pub fn is_");
    let warm = run_once(folder.persist(), &typed);
    let cold = run_once(Folder::new("cold").persist(), &typed);
    assert!(warm.tokens.prefilled <= 8, "{:?}", warm.tokens);
    assert_eq!(cold.tokens.reused, 0);
    assert_eq!((warm.text, warm.log_probs), (cold.text, cold.log_probs));
}

#[test]
fn a_session_that_grows_has_one_file() {
    let folder = Folder::new("grows");
    for typed in ["", "    pub", "    pub fn is_empty", "    pub fn is_empty(&self) -> bool {"] {
        run_once(folder.persist(), &format!("{CODE}{typed}"));
        assert_eq!(folder.files().len(), 1, "after {typed:?}");
    }
    run_once(folder.persist(), &elsewhere());
    assert_eq!(folder.files().len(), 2, "another text has another");
}

#[test]
fn what_is_saved_already_is_not_saved_again() {
    let folder = Folder::new("again");
    run_once(folder.persist(), CODE);
    let written = folder.files()[0].metadata().unwrap();
    let engine = start(folder.persist());
    engine.shutdown();
    run_once(folder.persist(), CODE);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::MetadataExt::ino(&written),
        std::os::unix::fs::MetadataExt::ino(&folder.files()[0].metadata().unwrap()),
    );
    assert_eq!(written.len(), folder.files()[0].metadata().unwrap().len());
}

#[test]
fn a_pause_saves_without_a_shutdown() {
    let folder = Folder::new("pause");
    let engine = start(PersistOptions { idle: Duration::ZERO, ..folder.persist() });
    let made = run(&engine, CODE);
    let deadline = Instant::now() + Duration::from_mins(1);
    while stored_sessions(&folder.0).0 == 0 {
        assert!(Instant::now() < deadline, "nothing was saved");
        std::thread::yield_now();
    }
    // As after a kill: the first engine has not ended.
    let after = run_once(PersistOptions { writes: false, ..folder.persist() }, CODE);
    assert_eq!(after.tokens.prefilled, 1);
    assert_eq!(after.text, made.text);
    engine.shutdown();
}

#[test]
fn a_damaged_file_is_left_out_and_goes() {
    let folder = Folder::new("damaged");
    let cold = run_once(folder.persist(), CODE);
    let file = folder.files().remove(0);
    let whole = std::fs::read(&file).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let n = whole.len();
    let all = [
        Vec::new(),
        vec![0; n],
        whole[..100].to_vec(),
        whole[..n / 2].to_vec(),
        whole[..n - 1].to_vec(),
        flipped(0),
        flipped(200),
        flipped(n / 2),
        flipped(n - 33),
        flipped(n - 1),
    ];
    for (index, bytes) in all.into_iter().enumerate() {
        std::fs::write(&file, &bytes).unwrap();
        let engine = start(PersistOptions { writes: index % 2 == 0, ..folder.persist() });
        let made = run(&engine, CODE);
        assert_eq!(made.tokens.reused, 0, "damage {index}");
        assert_eq!(made.text, cold.text, "damage {index}");
        if index % 2 == 0 {
            assert!(!file.exists(), "damage {index}");
        } else {
            assert_eq!(std::fs::read(&file).unwrap(), bytes, "a reader removes nothing");
        }
        engine.shutdown();
    }
}

#[test]
fn files_of_another_model_and_of_later_versions_are_left_alone() {
    let folder = Folder::new("foreign");
    let other = |progress: &mut dyn FnMut(f32)| {
        let mut loaded = load(progress)?;
        loaded.digest = loaded.digest.chars().rev().collect();
        Ok(loaded)
    };
    let engine = Engine::start_with_options(options(folder.persist()), other).unwrap();
    run(&engine, CODE);
    engine.shutdown();
    let theirs = folder.files().remove(0);
    let later = theirs.with_file_name("later.session");
    let mut bytes = std::fs::read(&theirs).unwrap();
    bytes[8] = 2;
    std::fs::write(&later, &bytes).unwrap();
    let unknown = theirs.with_file_name("notes.txt");
    std::fs::write(&unknown, "not ours").unwrap();
    let made = run_once(folder.persist(), CODE);
    assert_eq!(made.tokens.reused, 0);
    for file in [&theirs, &later, &unknown] {
        assert!(file.exists(), "{}", file.display());
    }
    assert_eq!(folder.files().len(), 4);
}

#[test]
fn the_cap_holds_and_the_least_recently_used_goes_first() {
    let folder = Folder::new("cap");
    // Three texts of the same length that part at their beginning.
    let texts = ["1", "2", "3"].map(|number| format!("// {number}\n{CODE}"));
    run_once(folder.persist(), &texts[0]);
    let one = folder.files()[0].metadata().unwrap().len();
    let persist = || PersistOptions { cap_bytes: one * 5 / 2, ..folder.persist() };
    run_once(persist(), &texts[1]);
    // Used last, so that the other one has to go.
    assert_eq!(run_once(persist(), &texts[0]).tokens.prefilled, 1);
    run_once(persist(), &texts[2]);
    assert_eq!(folder.files().len(), 2);
    let reading = || persist().reading_only();
    assert_eq!(run_once(reading(), &texts[0]).tokens.prefilled, 1);
    assert_eq!(run_once(reading(), &texts[2]).tokens.prefilled, 1);
    assert_eq!(run_once(reading(), &texts[1]).tokens.reused, 0);
    // A smaller cap holds from the next start on, and nothing larger than it is saved.
    let engine = start(PersistOptions { cap_bytes: 1000, ..folder.persist() });
    run(&engine, CODE);
    engine.shutdown();
    assert_eq!(folder.files(), [] as [PathBuf; 0]);
}

#[test]
fn switched_off_nothing_is_read_or_written() {
    let folder = Folder::new("off");
    let persist = folder.persist();
    persist.enabled.set(false);
    run_once(persist, CODE);
    assert!(!folder.0.exists());
    // Switched off while it runs.
    let persist = folder.persist();
    let enabled = persist.enabled.clone();
    let engine = start(persist);
    run(&engine, CODE);
    enabled.set(false);
    engine.shutdown();
    assert_eq!(folder.files(), [] as [PathBuf; 0]);
    run_once(folder.persist(), CODE);
    let persist = folder.persist();
    persist.enabled.set(false);
    assert_eq!(run_once(persist, CODE).tokens.reused, 0);
}

#[test]
fn a_reader_profits_and_writes_nothing() {
    let folder = Folder::new("reader");
    run_once(folder.persist().reading_only(), CODE);
    assert!(!folder.0.exists());
    run_once(folder.persist(), CODE);
    let files = folder.files();
    assert_eq!(run_once(folder.persist().reading_only(), CODE).tokens.prefilled, 1);
    run_once(folder.persist().reading_only(), &elsewhere());
    assert_eq!(folder.files(), files);
}

#[test]
fn engines_that_share_a_folder_do_not_disturb_each_other() {
    let folder = Folder::new("shared");
    let texts: Vec<String> = (0..4).map(|n| format!("// {n}\n{CODE}")).collect();
    std::thread::scope(|scope| {
        for text in &texts {
            let persist = PersistOptions { idle: Duration::ZERO, ..folder.persist() };
            scope.spawn(move || run_once(persist, text));
        }
        // The same session twice: one file.
        scope.spawn(|| run_once(folder.persist(), &texts[0]));
    });
    assert_eq!(folder.files().len(), 4, "{:?}", folder.files());
    let engine = start(folder.persist());
    for text in &texts {
        assert_eq!(run(&engine, text).tokens.prefilled, 1);
    }
    engine.shutdown();
}

#[test]
fn what_was_only_looked_ahead_to_is_not_saved() {
    let folder = Folder::new("ahead");
    let engine = start(folder.persist());
    let (mut ahead, result) = job(CODE, 12);
    ahead.priority = Priority::Background;
    let ticket = engine.submit(ahead);
    result.recv().unwrap();
    drop(ticket);
    engine.shutdown();
    assert_eq!(folder.files(), [] as [PathBuf; 0]);
}

#[test]
fn the_second_start_does_not_measure() {
    let folder = Folder::new("speed");
    let speed = |persist: PersistOptions| {
        let options = EngineOptions { session_bytes: 1 << 20, ..options(persist) };
        let engine = Engine::<&str>::start_with_options(options, load).unwrap();
        let status = engine.subscribe();
        loop {
            match &*status.borrow() {
                Status::Ready { speed, speed_was_stored, .. } => {
                    return (*speed, *speed_was_stored);
                }
                Status::Failed(reason) => panic!("{reason}"),
                Status::Loading(_) => std::thread::yield_now(),
            }
        }
    };
    let (measured, was_kept) = speed(folder.persist());
    assert!(!was_kept && measured.prefill > 0.0 && measured.decode > 0.0);
    let (kept, was_kept) = speed(folder.persist());
    assert!(was_kept);
    // As text, but for the last bit.
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9 * b;
    assert!(same(kept.prefill, measured.prefill) && same(kept.decode, measured.decode));
    let (_, was_kept) = speed(PersistOptions { machine: "another".into(), ..folder.persist() });
    assert!(!was_kept, "another machine is measured");
}
