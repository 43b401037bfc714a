//! Packed weights on disk: what a server writes, and how the next one uses it.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{Options, Server, capabilities};
use serde_json::{Value, json};

const URI: &str = "file:///work/lists.py";
const CODE: &str = "def first(xs):\n    if not xs:\n        return None\n    return \n";

/// Log messages: weights read from disk, not read from disk, written, and not writable.
const FROM_DISK: &str = "the weights came packed from disk";
const AGAIN: &str = "the model was packed again";
const WRITTEN: &str = "the packed weights are on disk";
const NOT_KEPT: &str = "the packed weights cannot be kept";

/// A cache folder for one test, removed when the test ends.
struct Cache(TestFolder);

impl Cache {
    fn new(name: &str) -> Self {
        Self(TestFolder::new(name))
    }

    /// Starts a server and waits until it is ready; `under` is the start of the command line.
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

    /// Returns the file once it is complete.
    fn whole(&self) -> Option<PathBuf> {
        let is_whole = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "weights");
        self.files().into_iter().find(is_whole)
    }

    /// Waits until an idle server has written the file.
    fn written(&self, server: &mut Server) -> PathBuf {
        for _ in 0..1200 {
            if let Some(file) = self.whole() {
                return file;
            }
            server.expect_silence(Duration::from_millis(50));
        }
        panic!("no file was written: {}", server.finish());
    }
}

/// Returns the model's text at the end of the function.
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
fn later_servers_reuse_packed_weights() {
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
    // A command reads the file and writes nothing.
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
fn damaged_file_is_rewritten() {
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
            server.expect_silence(Duration::from_millis(50));
        }
        let log = server.finish();
        assert!(std::fs::read(&file).unwrap() == whole, "{log}");
        assert_eq!((count(&log, AGAIN), count(&log, FROM_DISK)), (1, 0), "{log}");
        assert_eq!(log.matches("WARN").count(), 1, "{log}");
    }
}

#[test]
fn full_disk_is_logged_once() {
    let cache = Cache::new("packed-full");
    // Limits files to 1 MB and ignores the signal, so that a larger write fails like on a full
    // disk.
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
        server.expect_silence(Duration::from_millis(50));
    }
    assert_eq!(server.items(URI, 3, 11).len(), 1, "it still serves");
    server.finish();
    let log = read();
    assert_eq!(count(&log, NOT_KEPT), 1, "{log}");
    assert_eq!(cache.files(), [] as [PathBuf; 0], "{log}");
}

#[test]
fn kill_during_write_leaves_no_bad_file() {
    let cache = Cache::new("packed-killed");
    let mut server = cache.server(&[], None);
    let answer = complete(&mut server);
    // Kills the server as soon as any part of the file exists.
    for _ in 0..30_000 {
        if !cache.files().is_empty() {
            break;
        }
        server.expect_silence(Duration::from_millis(2));
    }
    kill(server);
    let is_whole = cache.whole().is_some();
    // A file that every killed write leaves, in addition to the one of this server.
    std::fs::write(cache.0.join("kept/packed/4000000-0.partial"), "half").unwrap();
    let mut server = cache.server(&[], None);
    assert_eq!(complete(&mut server), answer);
    let file = cache.written(&mut server);
    let log = server.finish();
    assert_eq!(count(&log, FROM_DISK), usize::from(is_whole), "{log}");
    assert_eq!(log.matches("WARN").count(), 0, "{log}");
    assert_eq!(cache.files(), [file], "partial files are removed");
}

#[test]
fn simultaneous_servers_leave_one_file() {
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
