//! `lowkey bench replay` gives the same answers as the language server.
//!
//! The command runs the completer in its own process, without LSP. This test plays a trace over
//! stdio as well, as an editor does, and compares the answer to every key.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{Options, Server, capabilities};
use serde_json::{Value, json};

/// Makes answers independent of the machine's load: unlimited time, a fixed prompt length, and no
/// look-ahead.
const SETTINGS: &str = "time_budget_ms = 100000\nprompt_tokens = 256\nlook_ahead = false\n";

/// The fields of an answer that must be equal.
fn essence(report: &Value) -> Value {
    json!([report["text"], report["insert"], report["silent"], report["source"], report["tokens"]])
}

/// The answers of `lowkey bench replay`.
fn replayed(trace: &str, config: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
        .args(["bench", "replay", "--json", trace])
        .env("LOWKEY_CONFIG", config)
        .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut rows: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = rows.pop().unwrap();
    assert_eq!(summary["summary"]["keys"], rows.len());
    assert_eq!(summary["summary"]["stale"], 0);
    rows
}

/// The server's answers to the same keys.
fn served(trace: &str, config: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(trace).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let env = vec![("LOWKEY_CONFIG", config.to_owned())];
    let mut server = Server::spawn(Options { env, ..Options::default() });
    // The folder of traces, and files, as in a replay.
    server.initialize(&capabilities(), &Value::Null, Some(Path::new("/lowkey-trace")));
    server.ready();
    let mut versions = HashMap::new();
    let mut current = String::new();
    for (idx, line) in lines.iter().enumerate() {
        let opened = if idx == 0 { Some(line) } else { line.get("open") };
        let Some(open) = opened else { break };
        let uri = format!("file:///lowkey-trace/{}", open["path"].as_str().unwrap());
        server.open(&uri, open["language"].as_str().unwrap(), open["text"].as_str().unwrap());
        versions.insert(uri.clone(), 1);
        if idx == 0 {
            current = uri;
        }
    }
    let mut answers = Vec::new();
    for (idx, line) in lines.iter().enumerate().skip(1) {
        if let Some(path) = line["path"].as_str() {
            current = format!("file:///lowkey-trace/{path}");
        }
        let Some(edit) = line.get("edit") else { continue };
        let place = |at: &Value| json!({"line": at[0], "character": at[1]});
        let version = versions.get_mut(&current).unwrap();
        *version += 1;
        let change = json!({
            "range": {"start": place(&edit["start"]), "end": place(&edit["end"])},
            "text": edit["text"],
        });
        server.notify(
            "textDocument/didChange",
            &json!({
                "textDocument": {"uri": current, "version": version}, "contentChanges": [change],
            }),
        );
        let (line_idx, column) = cursor(edit, lines.get(idx + 1), line);
        server.items(&current, line_idx, column);
        answers.push(server.explain(&current));
    }
    server.finish();
    answers
}

/// The cursor after an edit: as recorded in the edit or in the line after it, otherwise the end of
/// the inserted text.
fn cursor(edit: &Value, next: Option<&Value>, line: &Value) -> (u32, u32) {
    let moved = next.filter(|next| {
        next["dt_ms"] == 0 && next.get("edit").is_none() && next.get("path").is_none()
    });
    let given = line.get("cursor").or_else(|| moved.and_then(|next| next.get("cursor")));
    let number = |v: &Value| u32::try_from(v.as_u64().unwrap()).unwrap();
    if let Some(at) = given {
        return (number(&at[0]), number(&at[1]));
    }
    let text = edit["text"].as_str().unwrap();
    let start = (number(&edit["start"][0]), number(&edit["start"][1]));
    let text = text.replace("\r\n", "\n");
    let n_lines = u32::try_from(text.matches('\n').count()).unwrap();
    let last = text.rsplit('\n').next().unwrap();
    let n_last = u32::try_from(last.encode_utf16().count()).unwrap();
    if n_lines == 0 { (start.0, start.1 + n_last) } else { (start.0 + n_lines, n_last) }
}

#[test]
fn replay_equals_server() {
    let trace: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "traces", "typescript-rename.jsonl"].iter().collect();
    let trace = trace.display().to_string();
    let folder = TestFolder::new("replay");
    let config = folder.join("lowkey.toml");
    std::fs::write(&config, SETTINGS).unwrap();
    let config_path = config.display().to_string();
    let (in_process, over_stdio) = (replayed(&trace, &config_path), served(&trace, &config_path));
    assert_eq!(in_process.len(), over_stdio.len());
    assert!(in_process.iter().any(|row| row["source"] == "memory"), "no answer from memory");
    for (key, (here, there)) in in_process.iter().zip(&over_stdio).enumerate() {
        assert_eq!(essence(here), essence(there), "key {key}");
    }
}
