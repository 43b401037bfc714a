//! Packed weights on disk: what a server leaves, and what the next one makes of it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "harness/folder.rs"]
mod folder;
#[path = "harness/server.rs"]
#[expect(dead_code, reason = "the other tests use the rest of the harness")]
mod server;

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use folder::TestFolder;
use serde_json::{Value, json};
use server::{Options, Server, capabilities};

const URI: &str = "file:///work/lists.py";
const CODE: &str = "def first(xs):\n    if not xs:\n        return None\n    return \n";

/// What the log says of weights that came from disk, that did not, that are there now, and that cannot be kept.
const FROM_DISK: &str = "the weights came packed from disk";
const ANEW: &str = "the model was packed anew";
const WRITTEN: &str = "the packed weights are on disk";
const NOT_KEPT: &str = "the packed weights cannot be kept";

/// A cache folder of a test's own, gone when the test ends.
struct Cache(TestFolder);

impl Cache {
    fn new(name: &str) -> Self {
        Self(TestFolder::new(name))
    }

    /// A server that is ready; `under` are the words before it on the command line.
    fn server(&self, under: &[&str], stderr: Option<Stdio>) -> Server {
        let env = vec![
            ("LOWKEY_CACHE_DIR", self.0.join("kept").display().to_string()),
            ("LOWKEY_LOG", "info".to_owned()),
        ];
        let under = under.iter().map(|word| (*word).to_owned()).collect();
        let mut server = Server::spawn(Options { under, env, stderr, ..Options::default() });
        let settings = json!({"time_budget_ms": 60_000, "look_ahead": false});
        server.initialize(&capabilities(), &settings, None);
        server.ready();
        server
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.0.join("kept/packed");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// The file, once it is whole.
    fn whole(&self) -> Option<PathBuf> {
        let is_whole = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "weights");
        self.files().into_iter().find(is_whole)
    }

    /// Waits until a server that rests has written the file.
    fn written(&self, server: &mut Server) -> PathBuf {
        for _ in 0..1200 {
            if let Some(file) = self.whole() {
                return file;
            }
            server.listen(Duration::from_millis(50));
        }
        panic!("nothing is written: {}", server.finish());
    }
}

/// The text that the model writes at the end of the function.
fn complete(server: &mut Server) -> Value {
    server.open(URI, "python", CODE);
    server.items(URI, 3, 11);
    let report = server.explain(URI);
    assert_eq!(report["source"], "model", "{report}");
    json!([report["text"], report["stop"]])
}

fn count(log: &str, words: &str) -> usize {
    log.lines().filter(|line| line.contains(words)).count()
}

fn kill(mut server: Server) {
    let id = server.process_id().to_string();
    assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
    server.wait_for_exit();
}

#[test]
fn a_second_start_and_a_second_window_take_the_weights_of_the_first() {
    let cache = Cache::new("packed-again");
    let mut first = cache.server(&[], None);
    let answer = complete(&mut first);
    let file = cache.written(&mut first);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut second = cache.server(&[], None);
    assert_eq!(complete(&mut second), answer);
    let logs = [first.finish(), second.finish()];
    assert_eq!(logs.each_ref().map(|log| count(log, FROM_DISK)), [0, 1], "{logs:?}");
    assert_eq!(logs.each_ref().map(|log| count(log, WRITTEN)), [1, 0], "{logs:?}");
    // A command reads them and writes nothing.
    let written = file.metadata().unwrap().modified().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
        .args(["doctor", "--json"])
        .env("LOWKEY_CONFIG", cache.0.join("none.toml"))
        .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
        .env("LOWKEY_CACHE_DIR", cache.0.join("kept"))
        .env("LOWKEY_LOG", "info")
        .output()
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(count(&log, FROM_DISK), 1, "{log}");
    assert_eq!(file.metadata().unwrap().modified().unwrap(), written);
    assert_eq!(cache.files(), [file]);
}

#[test]
fn a_damaged_file_is_one_line_in_the_log_and_is_written_again() {
    let cache = Cache::new("packed-damaged");
    let mut server = cache.server(&[], None);
    let answer = complete(&mut server);
    let file = cache.written(&mut server);
    server.finish();
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 1;
    for bytes in [&flipped, &whole[..whole.len() / 2]] {
        std::fs::write(&file, bytes).unwrap();
        let mut server = cache.server(&[], None);
        assert_eq!(complete(&mut server), answer);
        for _ in 0..1200 {
            if std::fs::read(&file).unwrap() == whole {
                break;
            }
            server.listen(Duration::from_millis(50));
        }
        let log = server.finish();
        assert!(std::fs::read(&file).unwrap() == whole, "{log}");
        assert_eq!((count(&log, ANEW), count(&log, FROM_DISK)), (1, 0), "{log}");
        assert_eq!(log.matches("WARN").count(), 1, "{log}");
    }
}

#[test]
fn a_full_disk_is_one_line_in_the_log() {
    let cache = Cache::new("packed-full");
    // Files of at most 1 MB, of which the signal is ignored: a write beyond fails as on a full disk.
    let limited = "trap '' XFSZ; ulimit -f 1000; exec \"$@\"";
    let path = cache.0.join("log");
    let log = File::create(&path).unwrap();
    let mut server = cache.server(&["sh", "-c", limited, "sh"], Some(log.into()));
    complete(&mut server);
    let read = || std::fs::read_to_string(&path).unwrap();
    for _ in 0..1200 {
        if read().contains(NOT_KEPT) {
            break;
        }
        server.listen(Duration::from_millis(50));
    }
    assert_eq!(server.items(URI, 3, 11).len(), 1, "it goes on");
    server.finish();
    let log = read();
    assert_eq!(count(&log, NOT_KEPT), 1, "{log}");
    assert_eq!(cache.files(), [] as [PathBuf; 0], "{log}");
}

#[test]
fn killed_at_any_moment_a_server_leaves_nothing_that_the_next_one_trips_over() {
    let cache = Cache::new("packed-killed");
    let mut server = cache.server(&[], None);
    let answer = complete(&mut server);
    // As soon as there is anything of the file: it is being written, or was.
    for _ in 0..30_000 {
        if !cache.files().is_empty() {
            break;
        }
        server.listen(Duration::from_millis(2));
    }
    kill(server);
    let is_whole = cache.whole().is_some();
    // What a kill leaves in any case, beside what this one left.
    std::fs::write(cache.0.join("kept/packed/4000000-0.partial"), "half").unwrap();
    let mut server = cache.server(&[], None);
    assert_eq!(complete(&mut server), answer);
    let file = cache.written(&mut server);
    let log = server.finish();
    assert_eq!(count(&log, FROM_DISK), usize::from(is_whole), "{log}");
    assert_eq!(log.matches("WARN").count(), 0, "{log}");
    assert_eq!(cache.files(), [file], "half a file is swept");
}

#[test]
fn two_servers_that_start_at_once_leave_one_file() {
    let cache = Cache::new("packed-two");
    let [mut one, mut two] = [(); 2].map(|()| cache.server(&[], None));
    assert_eq!(complete(&mut one), complete(&mut two));
    cache.written(&mut one);
    let logs = [one.finish(), two.finish()];
    assert!(logs.iter().all(|log| !log.contains("WARN")), "{logs:?}");
    let mut third = cache.server(&[], None);
    complete(&mut third);
    let log = third.finish();
    assert_eq!(count(&log, FROM_DISK), 1, "{log}");
    assert_eq!(cache.files().len(), 1);
}
