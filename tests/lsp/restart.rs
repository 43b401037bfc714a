//! Restarts: the data that a server stores on disk, and how the next server uses it.
//!
//! These tests check counts of tokens, files and permissions, never times.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{self, Options, Server, capabilities};
use serde_json::{Value, json};

const CODE: &str = "def first(xs):\n    if not xs:\n        return None\n    return xs[0]\n\ndef last(xs):\n    if not xs:\n        return None\n    return xs[-1]\n\ndef total(xs):\n    result = 0\n    for x in xs:\n        result += x\n    return \n";

const URI: &str = "file:///work/lists.py";

/// A temporary folder for one test, removed when the test ends.
struct Folder {
    path: PathBuf,
    _around: TestFolder,
}

impl Folder {
    fn new(name: &str) -> Self {
        let around = TestFolder::new(name);
        // Created by the server.
        Self { path: around.join("kept"), _around: around }
    }

    /// Starts a server that stores its data here; `editor` are its settings.
    fn server(&self, editor: &Value) -> Server {
        let env = vec![("LOWKEY_CACHE_DIR", self.path.display().to_string())];
        // A signal that was ignored when this test started, as under `nohup`, would stay ignored.
        let words: &[&str] =
            if cfg!(target_os = "linux") { &["env", "--default-signal=HUP,INT"] } else { &[] };
        let under = words.iter().map(|word| (*word).to_owned()).collect();
        let mut server = Server::spawn(Options { under, env, ..Options::default() });
        let mut settings = json!({"time_budget_ms": 60_000, "look_ahead": false});
        for (key, value) in editor.as_object().into_iter().flatten() {
            settings[key] = value.clone();
        }
        server.initialize(&capabilities(), &settings, None);
        server.ready();
        server
    }

    fn files(&self, kind: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.path.join(kind)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// Requests a completion after `return` in the last function; returns the report.
fn complete(server: &mut Server) -> Value {
    server.open(URI, "python", CODE);
    server.items(URI, 14, 11);
    let report = server.explain(URI);
    assert_eq!(report["source"], "model", "{report}");
    report
}

fn tokens(report: &Value, of: &str) -> u64 {
    report["tokens"][of].as_u64().unwrap()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777
}

#[test]
fn restart_prefills_one_token() {
    let folder = Folder::new("restart");
    let mut server = folder.server(&Value::Null);
    let cold = complete(&mut server);
    assert_eq!(tokens(&cold, "reused"), 0);
    server.finish();
    let [sessions, speed] = ["sessions", "speed"].map(|kind| folder.files(kind));
    assert_eq!((sessions.len(), speed.len()), (1, 1));
    #[cfg(unix)]
    for file in sessions.iter().chain(&speed) {
        assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700), "{file:?}");
    }

    let mut server = folder.server(&Value::Null);
    let warm = complete(&mut server);
    assert_eq!(tokens(&warm, "prefilled"), 1, "{warm}");
    assert_eq!(tokens(&warm, "reused"), tokens(&cold, "prompt") - 1, "{warm}");
    assert_eq!((&warm["text"], &warm["stop"]), (&cold["text"], &cold["stop"]));
    server.finish();

    // The command line uses the session and writes nothing.
    let source = folder.path.join("lists.py");
    std::fs::write(&source, CODE).unwrap();
    let before = folder.files("sessions");
    let place = format!("{}:15:12", source.display());
    let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
        .args(["complete", &place, "--json"])
        .current_dir(&folder.path)
        .env("LOWKEY_CONFIG", folder.path.join("none.toml"))
        .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
        .env("LOWKEY_CACHE_DIR", &folder.path)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["tokens"]["prefilled"], 1, "{report}");
    assert_eq!(folder.files("sessions"), before);
}

#[test]
fn disabled_store_writes_nothing() {
    // Disabled from the start, and disabled later by the editor.
    let folder = Folder::new("off");
    let mut server = folder.server(&json!({"persistent_cache": false, "statistics": false}));
    complete(&mut server);
    server.finish();
    assert!(!folder.path.exists());

    let mut server = folder.server(&Value::Null);
    let settings = json!({"persistent_cache": false, "time_budget_ms": 60_000});
    server.configuration = settings.clone();
    server.notify("workspace/didChangeConfiguration", &json!({"settings": {"lowkey": settings}}));
    complete(&mut server);
    server.finish();
    assert_eq!(folder.files("sessions"), [] as [PathBuf; 0]);
}

/// Kills a process with SIGKILL.
#[cfg(unix)]
fn kill(server: &mut Server) -> String {
    let id = server.process_id().to_string();
    assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
    let (code, log) = server.wait_for_exit();
    assert_eq!(code, None, "ended by a signal");
    log
}

#[cfg(unix)]
#[test]
fn killed_server_leaves_valid_sessions() {
    let folder = Folder::new("killed");
    let mut server = folder.server(&Value::Null);
    let cold = complete(&mut server);
    let is_whole = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "session");
    for _ in 0..1200 {
        if folder.files("sessions").iter().any(is_whole) {
            break;
        }
        server.expect_silence(Duration::from_millis(50));
    }
    kill(&mut server);
    let saved = folder.files("sessions");
    assert_eq!(saved.len(), 1, "{saved:?}");

    // Files left by a kill during a save, and by a power failure.
    let bytes = std::fs::read(&saved[0]).unwrap();
    let half = folder.path.join("sessions/4000000-0.partial");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let torn = folder.path.join("sessions/00112233445566778899aabbccddeeff.session");
    std::fs::write(&torn, &bytes[..bytes.len() / 3]).unwrap();

    let mut server = folder.server(&Value::Null);
    let warm = complete(&mut server);
    assert_eq!(tokens(&warm, "prefilled"), 1, "{warm}");
    assert_eq!(warm["text"], cold["text"]);
    let log = server.finish();
    assert!(!half.exists() && !torn.exists());
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("kept")).collect();
    assert_eq!(lines.len(), 1, "one line about it: {log}");
    assert!(lines[0].contains("n_damaged=1") && lines[0].contains("n_stale=1"), "{log}");
}

#[cfg(unix)]
#[test]
fn sigterm_saves_sessions() {
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let folder = Folder::new("terminated");
        let mut server = folder.server(&Value::Null);
        complete(&mut server);
        let id = server.process_id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        let (code, log) = server.wait_for_exit();
        assert_eq!(code, Some(128 + number), "the shell convention: {log}");
        assert_eq!(folder.files("sessions").len(), 1, "{signal}");
        let mut server = folder.server(&Value::Null);
        assert_eq!(tokens(&complete(&mut server), "prefilled"), 1);
        server.finish();
    }
}

#[test]
fn editor_death_mid_request_saves_sessions() {
    let folder = Folder::new("orphan");
    let mut server = folder.server(&Value::Null);
    complete(&mut server);
    // Many requests are in flight, and the editor's ends of both pipes close at once.
    for n in 0..20 {
        let uri = format!("file:///work/{n}.py");
        server.open(&uri, "python", &CODE.replace("total", &format!("total{n}")));
        server.request(server::INLINE, &server::place(&uri, 14, 11));
    }
    let log = server.disconnect();
    assert!(!log.contains("panicked"), "{log}");
    assert!(!folder.files("sessions").is_empty(), "saved before the end");
    let mut server = folder.server(&Value::Null);
    assert_eq!(tokens(&complete(&mut server), "prefilled"), 1);
    server.finish();
}

#[test]
fn two_editors_share_stored_sessions() {
    let folder = Folder::new("two");
    let [mut one, mut two] = [(); 2].map(|()| folder.server(&Value::Null));
    let alone = complete(&mut one);
    // The other server edits another file meanwhile, and then the same file.
    let other = "file:///work/other.py";
    two.open(other, "python", &CODE.replace("first", "second"));
    let [first, second] = [(URI, &mut one), (other, &mut two)]
        .map(|(uri, server)| (server.request(server::INLINE, &server::place(uri, 14, 11)), uri));
    assert!(two.answer(second.0).is_ok(), "{}", second.1);
    assert!(one.answer(first.0).is_ok(), "{}", first.1);
    assert_eq!(complete(&mut two)["text"], alone["text"]);
    // Both save when they end, one after the other, to the same files.
    one.finish();
    let log = two.finish();
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    let mut third = folder.server(&Value::Null);
    let warm = complete(&mut third);
    assert_eq!(tokens(&warm, "prefilled"), 1, "{warm}");
    assert_eq!(warm["text"], alone["text"]);
    let log = third.finish();
    assert!(!log.contains("n_damaged"), "no file is damaged: {log}");
}

#[test]
fn doctor_lists_stored_files() {
    let folder = Folder::new("doctor");
    let doctor = || {
        let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
            .args(["doctor", "--json"])
            .env("LOWKEY_CONFIG", "/nonexistent/lowkey.toml")
            .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
            .env("LOWKEY_CACHE_DIR", &folder.path)
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let before = doctor();
    assert_eq!(before["kept"]["speed"], false, "{before}");
    assert_eq!(before["kept"]["sessions"], 0, "{before}");
    assert!(!folder.path.exists(), "the doctor writes nothing");
    let mut server = folder.server(&Value::Null);
    complete(&mut server);
    server.finish();
    let [first, second] = [doctor(), doctor()];
    assert_eq!(first["kept"]["folder"], folder.path.display().to_string());
    assert_eq!(first["kept"]["speed"], true, "{first}");
    assert_eq!(first["kept"]["sessions"], 1, "{first}");
    for speed in ["prefill_tokens_per_s", "decode_tokens_per_s"] {
        assert_eq!(first["model"][speed], second["model"][speed], "not measured anew");
    }
}

#[test]
fn document_without_path_is_not_stored() {
    let folder = Folder::new("unkept");
    let mut server = folder.server(&Value::Null);
    for uri in [
        "untitled:Untitled-1",
        "untitled:/work/lists.py",
        "vscode-notebook-cell:/work/lists.ipynb#W0s",
        "vscode-remote://ssh-remote%2Bbox/work/lists.py",
    ] {
        server.open(uri, "python", CODE);
        server.items(uri, 14, 11);
        assert_ne!(tokens(&server.explain(uri), "prompt"), 0, "{uri}");
    }
    server.finish();
    assert_eq!(folder.files("sessions"), [] as [PathBuf; 0]);
    // A file that reuses the tokens of an unsaved document is stored.
    let mut server = folder.server(&Value::Null);
    server.open("untitled:a", "python", CODE);
    server.items("untitled:a", 14, 11);
    complete(&mut server);
    server.finish();
    assert_eq!(folder.files("sessions").len(), 1);
}
