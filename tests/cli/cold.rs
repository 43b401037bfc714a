//! `lowkey bench cold`: its output format, the files it leaves on disk, and the input files that it
//! rejects.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::{Folder, TOY_NAME, assert_fails, stdout};

/// Returns the path of a file in this repository.
fn source(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), name].iter().collect();
    path.display().to_string()
}

/// Arguments that shorten a run to about a second.
const QUICK: [&str; 4] = ["--keys", "5", "--typing-ms", "40"];

fn cold(folder: &Folder, arguments: &[&str]) -> Command {
    for name in ["tmp", "cache"] {
        std::fs::create_dir_all(folder.0.join(name)).unwrap();
    }
    let mut command = folder.command(&["bench", "cold"]);
    command
        .args(arguments)
        .env("TMPDIR", folder.0.join("tmp"))
        .env("LOWKEY_CACHE_DIR", folder.0.join("cache"));
    command
}

fn n_entries(folder: &Folder, name: &str) -> usize {
    std::fs::read_dir(folder.0.join(name)).unwrap().count()
}

#[test]
fn every_scene_is_counted() {
    let folder = Folder::new("cold");
    let files = [source("server/app/lsp/documents.rs"), source("tests/traces/editor.py")];
    let output =
        cold(&folder, &[&QUICK[..], &["--json", &files[0], &files[1]]].concat()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [first, second, summary] = &lines[..] else { panic!("{lines:?}") };
    for (row, file) in [first, second].into_iter().zip(&files) {
        assert_eq!(row["file"], *file);
        assert_eq!(row["model"], TOY_NAME);
        assert!(row["ready_ms"].as_f64().unwrap() > 0.0);
        assert!(row["restart_ready_ms"].as_f64().unwrap() > 0.0);
        let scenes = row["scenes"].as_array().unwrap();
        let names: Vec<&Value> = scenes.iter().map(|scene| &scene["scene"]).collect();
        assert_eq!(json!(names), json!(["open", "jump", "back", "reopen"]));
        for scene in scenes {
            let count = |path: &str| scene.pointer(path).unwrap().as_u64().unwrap();
            let answered = count("/shown") + count("/empty");
            assert_eq!(count("/keys"), 5, "{scene}");
            assert_eq!(answered + count("/superseded"), 5, "{scene}");
            assert!(count("/deadline") <= count("/empty"), "{scene}");
            let sizes = scene["prompt_sizes"].as_object().unwrap();
            let sizes: u64 = sizes.values().map(|n| n.as_u64().unwrap()).sum();
            assert_eq!(sizes, answered, "{scene}");
            // No request supersedes the last key.
            assert!(answered > 0, "{scene}");
            assert!(scene["tokens"]["prefilled"].is_u64() && scene["tokens"]["decoded"].is_u64());
            assert_eq!(scene["first"].is_null(), count("/shown") == 0, "{scene}");
            if scene["first"]["source"] == "model" {
                assert_eq!(scene["first_computed"], scene["first"]);
                assert!(count("/first/tokens/prompt") > 0, "{scene}");
            }
            if scene["first"].is_null() {
                continue;
            }
            assert!((1..=5).contains(&count("/first/key")), "{scene}");
            assert!(["model", "memory"].contains(&scene["first"]["source"].as_str().unwrap()));
            let ms = |key: &str| scene["first"][key].as_f64().unwrap();
            assert!(ms("ms_from_event") >= ms("ms_from_first_key"), "{scene}");
            assert!(ms("ms_from_first_key") >= ms("ms_of_request"), "{scene}");
        }
    }
    let summary = &summary["summary"];
    assert_eq!(
        (&summary["files"], &summary["suggestion_threshold"]),
        (&json!(2), &json!("always"))
    );
    for name in ["open", "jump", "back", "reopen"] {
        let scene = &summary["scenes"][name];
        assert_eq!(scene["keys"], 10, "{scene}");
        // With two files the median is the faster one.
        assert_eq!(
            scene["ms_from_event"]["p50"].is_null(),
            scene["none"].as_u64().unwrap() == 2,
            "{scene}"
        );
    }
    assert_eq!(n_entries(&folder, "tmp"), 0, "the server's folder is still there");
    assert_eq!(n_entries(&folder, "cache"), 0, "the user's folder was written to");
}

#[test]
fn table_has_line_for_each_scene() {
    let folder = Folder::new("cold-table");
    let output = cold(&folder, &[&QUICK[..], &[&source("tests/traces/start/parser.rs")]].concat())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let screen = stdout(&output);
    for name in ["first start", "ready", "open", "jump", "back", "restart", "reopen"] {
        assert!(screen.lines().any(|line| line.starts_with(name)), "{name}: {screen}");
    }
}

#[test]
fn unusable_input_is_rejected() {
    let folder = Folder::new("cold-refused");
    let good = source("tests/traces/start/parser.rs");
    let flat = folder.file("flat.py", "value = compute(1)\n".repeat(80));
    let short = folder.file("short.py", "def f():\n    return compute(1)\n".repeat(10));
    let binary = folder.file("binary.py", b"\xff\xfe".repeat(100));
    let missing = folder.0.join("missing.py").display().to_string();
    let no_model = folder.0.join("none.gguf").display().to_string();
    for (arguments, words) in [
        (vec![good.as_str(), &missing], ["cannot read", "missing.py"]),
        (vec![&binary], ["not UTF-8", "convert"]),
        (vec![&short], ["20 lines", "at least 60"]),
        (vec![&flat], ["no indented line of code", "choose a source file"]),
        (vec![&good, "--model", &no_model], ["none.gguf", "measuring the first start"]),
    ] {
        let output = cold(&folder, &arguments).output().unwrap();
        assert_fails(&output, 1, &words);
        assert_eq!(n_entries(&folder, "tmp"), 0, "{arguments:?}");
    }
    assert_eq!(cold(&folder, &[&good, "--keys", "0"]).output().unwrap().status.code(), Some(2));
}

/// The folder contains sessions, and these contain the user's text.
#[cfg(unix)]
#[test]
fn signal_leaves_no_files() {
    let folder = Folder::new("cold-signal");
    let mut command =
        cold(&folder, &["--typing-ms", "60000", &source("tests/traces/start/parser.rs")]);
    let mut running = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let patience = std::time::Instant::now() + std::time::Duration::from_mins(2);
    // Once the server has written to the folder, it runs and signals are handled.
    let has_written = || {
        let mut scratches = std::fs::read_dir(folder.0.join("tmp")).unwrap();
        scratches.any(|scratch| scratch.unwrap().path().join("cache").exists())
    };
    while !has_written() {
        assert!(std::time::Instant::now() < patience, "the server wrote nothing");
        assert_eq!(running.try_wait().unwrap(), None);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(running.wait().unwrap().code(), Some(143));
    assert_eq!(n_entries(&folder, "tmp"), 0, "the server's folder is still there");
}
