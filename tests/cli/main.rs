//! The command line as a user sees it: results on stdout, one message on stderr, exit codes.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod cold;
mod cross_file;
mod default;
mod doctor;
#[cfg(target_os = "linux")]
mod folders;
mod models;
mod replay;
mod team;
#[cfg(target_os = "linux")]
mod terminal;

use std::process::{Command, Output};

use lowkey_test_support::{TOY_BYTES, TOY_NAME, TestFolder};
use serde_json::Value;

const CODE: &str =
    "import os\n\n\ndef read(path):\n    with open(path) as f:\n        return f.re\n";

/// A folder for one test.
struct Folder(TestFolder);

impl Folder {
    fn new(name: &str) -> Self {
        Self(TestFolder::new(name))
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// Runs lowkey in the folder, isolated from the settings of the user who runs the test.
    fn lowkey(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lowkey"));
        command
            .args(args)
            .current_dir(&self.0)
            .env("LOWKEY_CONFIG", self.0.join("none.toml"))
            .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
            .env("LOWKEY_CACHE_DIR", "")
            .env_remove("LOWKEY_LOG");
        command
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Asserts a failure with one message that contains these words, and an empty stdout.
#[track_caller]
fn assert_fails(output: &Output, code: i32, words: &[&str]) {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(stdout(output), "");
    assert!(!message.contains("panicked"), "{message}");
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

#[test]
fn plain_and_json_output_agree() {
    let folder = Folder::new("complete");
    let file = folder.file("a.py", CODE);
    let place = format!("{file}:6:20");
    let plain = folder.lowkey(&["complete", &place]);
    let json = folder.lowkey(&["complete", &place, "--json"]);
    assert!(plain.status.success() && json.status.success(), "{plain:?} {json:?}");
    let report: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(stdout(&json).lines().count(), 1);
    if report["silent"].is_null() {
        assert_eq!(stdout(&plain), format!("{}\n", report["text"].as_str().unwrap()));
        assert_eq!(report["insert"]["start"], serde_json::json!([5, 19]));
    } else {
        assert_eq!(stdout(&plain), "");
    }
}

#[test]
fn json_has_documented_fields() {
    let folder = Folder::new("schema");
    let file = folder.file("a.py", CODE);
    let output = folder.lowkey(&["complete", &format!("{file}:6:20"), "--json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let keys = |v: &Value| {
        let mut keys: Vec<_> = v.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(keys(&report), "insert model ms prompt_size silent source stop text tokens");
    assert_eq!(keys(&report["tokens"]), "decoded draft_accepted drafted prefilled prompt reused");
    assert_eq!(keys(&report["ms"]), "decode first_token prefill prepare queued total");
    assert_eq!(report["source"], "model");
    assert_eq!(report["model"], TOY_NAME);
    assert_eq!(report["tokens"]["prompt"], report["tokens"]["prefilled"]);
    let explained = folder.lowkey(&["complete", &format!("{file}:6:20"), "--json", "--explain"]);
    let explained: Value = serde_json::from_str(&stdout(&explained)).unwrap();
    assert!(explained["why"].as_array().is_some_and(|why| !why.is_empty()));
}

#[test]
fn answer_does_not_depend_on_threads() {
    let folder = Folder::new("threads");
    let place = format!("{}:6:20", folder.file("a.py", CODE));
    let text = |threads| {
        let output = folder.lowkey(&["complete", &place, "--json", "--threads", threads]);
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        (report["text"].clone(), report["stop"].clone(), report["tokens"].clone())
    };
    assert_eq!(text("1"), text("2"));
}

#[test]
fn position_out_of_range_names_limits() {
    let folder = Folder::new("places");
    let file = folder.file("a.py", CODE);
    let run = |place: &str| folder.lowkey(&["complete", &format!("{file}:{place}")]);
    assert_fails(&run("99:1"), 1, &["line 99", "a.py", "1 to 7"]);
    assert_fails(&run("1:11"), 1, &["column 11", "1 to 10"]);
    assert_fails(&run("0:1"), 1, &["line 0"]);
    assert_fails(&run("x:1"), 1, &["FILE:LINE:COL"]);
    let missing = folder.lowkey(&["complete", "no/such.py:1:1"]);
    assert_fails(&missing, 1, &["no/such.py", "cannot read"]);
    let binary = folder.file("b.py", [b'a', 0xff, 0xfe]);
    assert_fails(&folder.lowkey(&["complete", &format!("{binary}:1:1")]), 1, &["UTF-8", "byte 1"]);
}

#[test]
fn empty_file_and_odd_names_work() {
    let folder = Folder::new("odd");
    for name in ["empty.rs", "with space and #.py", "ünïcode.go"] {
        let file = folder.file(name, "");
        let output = folder.lowkey(&["complete", &format!("{file}:1:1"), "--json"]);
        assert!(output.status.success(), "{name}: {output:?}");
    }
}

#[test]
fn denied_file_is_silent() {
    let folder = Folder::new("denied");
    folder.file(".lowkeyignore", "private_*.py\n");
    for name in [".env", "private_a.py", "id_rsa"] {
        let file = folder.file(name, "API_KEY=\n");
        let output = folder.lowkey(&["complete", &format!("{file}:1:9"), "--json", "--explain"]);
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(report["silent"], "denied", "{name}: {report}");
        assert_eq!(report["source"], "none", "{name}");
        assert_eq!(report["tokens"]["prompt"], 0, "{name}");
    }
}

#[test]
fn invalid_model_fails_with_next_step() {
    let folder = Folder::new("model");
    let place = format!("{}:1:1", folder.file("a.py", CODE));
    let run = |model: &str| folder.lowkey(&["complete", &place, "--model", model]);
    assert_fails(&run("no/such.gguf"), 1, &["no/such.gguf", "does not exist", "lowkey-default"]);
    assert_fails(&run("gpt-9"), 1, &["gpt-9", "catalog", "lowkey-default"]);
    assert_fails(&run("."), 1, &["folder", ".gguf"]);
    let garbage = folder.file("garbage.gguf", "this is not a model at all, only text");
    assert_fails(&run(&garbage), 1, &["garbage.gguf"]);
    let empty = folder.file("empty.gguf", "");
    assert_fails(&run(&empty), 1, &["empty.gguf"]);
    let half = folder.file("half.gguf", &TOY_BYTES[..TOY_BYTES.len() / 2]);
    assert_fails(&run(&half), 1, &["half.gguf"]);
}

#[test]
fn environment_names_default_model() {
    let folder = Folder::new("file");
    let place = format!("{}:6:20", folder.file("a.py", CODE));
    let model = folder.file("copy.gguf", TOY_BYTES);
    let text = |args: &[&str]| {
        let output = folder.lowkey(&[&["complete", place.as_str(), "--json"], args].concat());
        let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
        (report["text"].clone(), report["silent"].clone())
    };
    assert_eq!(text(&["--model", &model]), text(&[]));
}

#[test]
fn safetensors_folder_is_a_model() {
    let folder = Folder::new("folder");
    let file = folder.file("a.py", CODE);
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/server/model/fixtures/qwen2-tokenizer");
    let at = format!("{file}:6:20");
    let complete = |quantize: &str| {
        let output =
            folder.lowkey(&["complete", &at, "--json", "--model", model, "--quantize", quantize]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["model"], "qwen2-tokenizer");
        assert_eq!(report["source"], "model");
        assert!(report["tokens"]["decoded"].as_u64() > Some(0), "{report}");
    };
    complete("none");
    complete("q8_0");
    let digest = |quantize: &str| {
        let output = folder.lowkey(&["doctor", "--json", "--model", model, "--quantize", quantize]);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        found["model"]["digest"].as_str().unwrap().to_owned()
    };
    // Data cached for one quantization must not be used for the other.
    assert_ne!(digest("none"), digest("q8_0"));
    let nothing = folder.lowkey(&["complete", &at, "--model", "."]);
    assert_fails(&nothing, 1, &["has no config.json", "or a .gguf file"]);
}

#[test]
fn wrong_usage_exits_with_2_and_help_with_0() {
    let folder = Folder::new("usage");
    assert_eq!(folder.lowkey(&["no-such-command"]).status.code(), Some(2));
    assert_eq!(folder.lowkey(&["complete"]).status.code(), Some(2));
    assert_eq!(folder.lowkey(&["doctor", "--threads", "many"]).status.code(), Some(2));
    assert_eq!(folder.lowkey(&["--help"]).status.code(), Some(0));
    let version = folder.lowkey(&["--version"]);
    assert_eq!(stdout(&version), format!("lowkey {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn doctor_reports_model_and_machine() {
    let folder = Folder::new("doctor");
    let output = folder.lowkey(&["doctor", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(found["model"]["name"], TOY_NAME);
    assert_eq!(found["model"]["context_tokens"], 1024);
    assert_eq!(found["model"]["infill"], "by fill-in-the-middle, as qwen2.5-coder, lowkey");
    assert!(found["model"]["decode_tokens_per_s"].as_f64().is_some_and(|n| n > 0.0));
    assert!(found["cpu"]["kernels"].as_str().is_some_and(|k| !k.is_empty()));
    assert!(found["device"]["used"].as_str().is_some_and(|used| !used.is_empty()), "{found}");
    assert!(found["kernels_measured"]["read_gb_s"].as_f64().is_some_and(|n| n > 0.0));
    let forecasts = found["forecasts"].as_array().unwrap();
    let small = forecasts.iter().find(|model| model["name"] == "qwen2.5-coder-0.5b").unwrap();
    assert!(small["cold_prompt_s"].as_f64().is_some_and(|n| n > 0.0), "{small}");
    let screen = stdout(&folder.lowkey(&["doctor"]));
    assert!(screen.contains(TOY_NAME) && screen.contains("tokens/s"), "{screen}");
}

#[cfg(not(feature = "cuda"))]
#[test]
fn unavailable_device_fails_with_next_step() {
    let folder = Folder::new("device");
    let place = format!("{}:6:20", folder.file("a.py", CODE));
    for command in [&["complete", &place][..], &["doctor"], &["bench", "engine"]] {
        let output = folder.lowkey(&[command, &["--device", "cuda:1"]].concat());
        let words =
            ["the device cuda:1", "built without cuda", "--features cuda", "device to \"cpu\""];
        assert_fails(&output, 1, &words);
    }
    let cpu = folder.lowkey(&["complete", &place, "--device", "cpu"]);
    assert!(cpu.status.success(), "{cpu:?}");
    assert_eq!(folder.lowkey(&["complete", &place, "--device", "gpu"]).status.code(), Some(2));
}

#[test]
fn wrong_setting_does_not_stop_command() {
    let folder = Folder::new("settings");
    let place = format!("{}:6:20", folder.file("a.py", CODE));
    let config = folder.file("lowkey.toml", "threads = \"two\"\npaused = true\n");
    let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
        .args(["complete", &place, "--json"])
        .env("LOWKEY_CONFIG", config)
        .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
        .env("LOWKEY_CACHE_DIR", "")
        .output()
        .unwrap();
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(report["silent"], "paused");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("lowkey.toml") && message.contains("threads"), "{message}");
}

#[test]
fn demo_runs_to_summary() {
    let folder = Folder::new("demo");
    let output = folder.lowkey(&["demo"]);
    assert!(output.status.success(), "{output:?}");
    let shown = stdout(&output);
    assert!(!shown.contains('\x1b'), "no escape codes unless stdout is a terminal");
    let keys = shown.lines().filter(|line| line.contains('│')).count();
    assert!(keys > 100, "{keys} keys were drawn");
    assert!(shown.contains("latency per key") && shown.contains('⟨'), "{shown}");
}

#[test]
fn engine_bench_reports_and_draws_figures() {
    let folder = Folder::new("bench-engine");
    let json = folder.lowkey(&["bench", "engine", "--rounds", "1", "--json"]);
    assert!(json.status.success(), "{json:?}");
    let run: Value = serde_json::from_str(&stdout(&json)).unwrap();
    let positive = |value: &Value| value.as_f64().is_some_and(|n| n > 0.0);
    for (group, keys) in [
        ("prefill", &["64", "512", "1024"][..]),
        ("decode", &["0", "512"]),
        ("append", &["1", "2", "4", "8"]),
        ("draft_verify", &["2", "8"]),
        ("roofline", &["read_gb_s"]),
    ] {
        for key in keys {
            assert!(positive(&run[group][key]), "{group} {key}: {run}");
        }
    }
    assert!(positive(&run["threads"]) && positive(&run["load_ms"]));
    assert!(positive(&run["memory_mb"]) || !cfg!(target_os = "linux"));
    let skipped = run["skipped"].as_array().unwrap();
    assert!(skipped.iter().any(|row| row.as_str().unwrap().starts_with("prefill 2048")));
    assert!(run["prefill"]["2048"].is_null());
    let chart = stdout(&folder.lowkey(&["bench", "engine", "--rounds", "1"]));
    assert!(chart.contains(TOY_NAME) && chart.contains("tok/s") && chart.contains('█'), "{chart}");
    let beyond = folder.lowkey(&["bench", "engine", "--rounds", "0"]);
    assert_eq!(beyond.status.code(), Some(2));
}

/// A small repository: one file per language, a secret, and a file that git ignores.
fn repository(name: &str) -> Folder {
    let folder = Folder::new(name);
    std::fs::create_dir_all(folder.0.join(".git")).unwrap();
    folder.file(".gitignore", "made.py\n");
    let python = "def area(shape):\n    width = shape[\"width\"]\n    return width * height(shape)\n\n\n\
                  def height(shape):\n    return shape.get(\"height\", 1)\n";
    folder.file("shapes.py", python);
    folder.file("made.py", "def made(value):\n    return value\n");
    folder.file("secrets.py", "def secret(value):\n    return value\n");
    folder.file("shapes.go", "func area(s shape) int {\n\treturn s.width * max(s.height, 1)\n}\n");
    folder
}

fn json_lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    stdout(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Rows without the fields that differ between runs: times, and cache contents left by earlier
/// holes.
fn timeless(mut rows: Vec<Value>) -> Vec<Value> {
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("ms");
        if let Some(tokens) = row.get_mut("tokens").and_then(Value::as_object_mut) {
            tokens.retain(|key, _| key == "prompt" || key == "decoded");
        }
    }
    rows
}

#[test]
fn quality_bench_repeats_and_resumes() {
    let folder = repository("quality");
    let bench = |args: &[&str]| {
        json_lines(&folder.lowkey(&[&["bench", "quality", ".", "--json"], args].concat()))
    };
    let mut rows = bench(&["--holes", "12", "--seed", "3"]);
    let summary = rows.pop().unwrap()["summary"].clone();
    assert_eq!((rows.len(), &summary["holes"]), (12, &Value::from(12)));
    for key in ["exact_match", "first_line_match", "edit_similarity", "indent_wrong", "silent"] {
        assert!((0.0..=1.0).contains(&summary[key].as_f64().unwrap()), "{key}: {summary}");
    }
    for key in ["closers_doubled", "next_line_repeated"] {
        let count = rows.iter().filter(|row| row[key] == true).count();
        assert_eq!(summary[key], count, "{key}");
    }
    assert!(
        summary["parses"].is_null() && summary["ms_p50"].is_f64() && summary["ms_p95"].is_f64()
    );
    let silent = rows.iter().filter(|row| !row["silent"].is_null()).count() as f64;
    assert!((summary["silent"].as_f64().unwrap() - silent / 12.0).abs() < 1e-3);
    for row in &rows {
        let path = row["path"].as_str().unwrap();
        assert!(["shapes.py", "shapes.go"].contains(&path), "{path} must not be read");
        assert!(row.get("texts").is_none(), "{row}");
    }
    for (kind, of_kind) in summary["kinds"].as_object().unwrap() {
        let count = rows.iter().filter(|row| row["kind"] == **kind).count();
        assert_eq!(of_kind["holes"], count, "{kind}");
    }

    let other_seed = bench(&["--holes", "12", "--seed", "4"]);
    assert_ne!(timeless(other_seed)[..12], timeless(rows.clone())[..]);
    // Cutting the prompt elsewhere changes its tokens, not the holes.
    let cut = bench(&["--holes", "12", "--seed", "3", "--anchor", "cursor", "--order", "spm"]);
    for (row, cut) in rows.iter().zip(&cut) {
        assert_eq!(row["digest"], cut["digest"]);
        assert!(cut["tokens"]["prompt"].as_u64() > Some(0), "{cut}");
    }
    // The first rows from one run and the rest from another equal the rows of a single run.
    let out = ["--seed", "3", "--out", "rows.jsonl", "--holes"];
    bench(&[&out[..], &["5"]].concat());
    let resumed = bench(&[&out[..], &["12"]].concat());
    assert_eq!(timeless(resumed)[..12], timeless(rows)[..]);
    let kept = std::fs::read_to_string(folder.0.join("rows.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 13);
    let again = folder.lowkey(&["bench", "quality", ".", "--seed", "4", "--out", "rows.jsonl"]);
    assert_fails(&again, 1, &["rows.jsonl", "seed 3", "now it is 4", "another file"]);
}

#[test]
fn quality_bench_rejects_bad_arguments() {
    let folder = repository("quality-errors");
    let run = |args: &[&str]| folder.lowkey(&[&["bench", "quality"], args].concat());
    assert_fails(&run(&["no/such"]), 1, &["no/such", "cannot read the folder"]);
    assert_fails(&run(&["shapes.py"]), 1, &["shapes.py", "not a folder"]);
    assert_fails(&run(&[".", "--languages", "latin"]), 1, &["latin", "python"]);
    assert_fails(&run(&[".", "--languages", "rust"]), 1, &["no holes", "5 in no known language"]);
    assert_eq!(run(&[".", "--holes", "0"]).status.code(), Some(2));
    assert_eq!(run(&[".", "--kinds", "word"]).status.code(), Some(2));
    assert_eq!(run(&[".", "--anchor", "middle"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn command_of_repository_judges_holes() {
    let folder = repository("quality-run");
    let args =
        ["bench", "quality", ".", "--json", "--holes", "3", "--languages", "python", "--run"];
    let rows = json_lines(&folder.lowkey(&[&args[..], &["grep -q area shapes.py"]].concat()));
    let (summary, rows) = rows.split_last().unwrap();
    for row in rows {
        assert_eq!(row["run"].is_null(), !row["silent"].is_null(), "{row}");
    }
    let passed = rows.iter().filter(|row| row["run"] == true).count();
    let share = summary["summary"]["run_pass"].as_f64().unwrap_or_default();
    assert!((share - passed as f64 / 3.0).abs() < 1e-3, "{summary}");
    let failing = folder.lowkey(&[&args[..], &["exit 3"]].concat());
    assert_eq!(failing.status.code(), Some(1));
    let message = String::from_utf8(failing.stderr).unwrap();
    assert!(message.contains("unchanged copy") && message.contains("exit 3"), "{message}");
}
