//! Measures the cost of a restart: the first completion with and without a saved session, and the
//! cost of saving it.
//!
//! `cargo run --release --workspace --example restart -- MODEL.gguf [TOKENS [ROUNDS]]`. Two kinds
//! of engine runs alternate: one without a session on disk, which saves its own, and one that finds
//! it. Only the model's shape matters here, not its weights.
#![expect(clippy::print_stdout, reason = "an example's result goes to standard output")]
#![expect(clippy::unwrap_used, reason = "a tool for developers, run by hand")]

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use lowkey_engine::{
    Engine, EngineOptions, Generated, Job, Loaded, PersistOptions, Status, stored_sessions,
};
use lowkey_model::ModelFile;
use lowkey_prompt::{Assembler, Prompt};

/// Tokens decoded by each completion: about a line.
const DECODED: usize = 12;

/// One run of an engine; times in milliseconds.
struct Life {
    /// From the start until it is ready.
    ready: f64,
    made: Generated,
    /// From the shutdown request to the end.
    shutdown: f64,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(model) = arguments.next() else {
        println!("usage: restart MODEL.gguf [TOKENS [ROUNDS]]");
        std::process::exit(2);
    };
    let n_tokens = arguments.next().map_or(1500, |text| text.parse().unwrap());
    let rounds = arguments.next().map_or(3, |text| text.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("lowkey-restart-{}", std::process::id()));
    let life = || {
        let persist = PersistOptions::new(folder.clone(), 1 << 30, "this one".to_owned());
        live(Path::new(&model), persist, n_tokens)
    };
    println!("{n_tokens} tokens of prompt, {DECODED} decoded; times in ms");
    println!(
        "{:16} {:>8} {:>8} {:>12} {:>8} {:>9}",
        "", "ready", "prefill", "first token", "all", "shutdown"
    );
    // From here on the speed is saved, so that no start below measures it.
    show("first of all", &life());
    for _ in 0..rounds {
        std::fs::remove_dir_all(folder.join("sessions")).unwrap();
        show("without session", &life());
        show("with", &life());
    }
    let (n_sessions, bytes) = stored_sessions(&folder);
    println!("{n_sessions} session on disk, {:.1} MB", bytes as f64 / 1e6);
    std::fs::remove_dir_all(folder).unwrap();
}

fn show(name: &str, life: &Life) {
    let Life { ready, made, shutdown } = life;
    let (ms, tokens) = (&made.ms, &made.tokens);
    println!(
        "{name:16} {ready:8.0} {:8.1} {:12.1} {:8.1} {shutdown:9.1}   {} reused, {} prefilled",
        ms.prefill, ms.first_token, ms.total, tokens.reused, tokens.prefilled
    );
}

/// Starts an engine, completes once, ends it.
fn live(model: &Path, persist: PersistOptions, n_tokens: usize) -> Life {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let file = ModelFile::open(model).unwrap();
    let vocab = file.config().vocab;
    let load = move |progress: &mut dyn FnMut(f32)| Loaded::from_file(&file, threads, progress);
    let options = EngineOptions {
        session_bytes: 1 << 30,
        persist: Some(persist),
        ..EngineOptions::default()
    };
    let begun = Instant::now();
    let engine = Engine::start_with_options(options, load).unwrap();
    let status = engine.subscribe();
    // There is no runtime here that could wait for a change.
    while matches!(*status.borrow(), Status::Loading(_)) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(matches!(*status.borrow(), Status::Ready { .. }), "{:?}", status.borrow());
    let ready = milliseconds(begun);

    let (to_main, result) = channel();
    // Any ids work; a fixed stride through the vocabulary is the same at every start.
    let tokens = (0..n_tokens).map(|index| (index * 7919 + 13) as u32 % vocab as u32).collect();
    let prepare =
        move |_: &Assembler| Some(Prompt { tokens, n_fixed: n_tokens, ..Prompt::default() });
    let done = move |made: Generated| to_main.send(made).unwrap();
    let ticket = engine.submit(Job { max_tokens: DECODED, ..Job::prefill(prepare, done) });
    let made = result.recv().unwrap();
    drop(ticket);
    let ending = Instant::now();
    engine.shutdown();
    Life { ready, made, shutdown: milliseconds(ending) }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
