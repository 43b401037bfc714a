//! The model in the program, used without any setting that names a model.
//!
//! If the default model is complete, its answers at easy places must be right. If the toy replaces
//! it, only the form of the answers is checked. Other tests use the toy.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "harness/folder.rs"]
mod folder;
#[path = "harness/inside.rs"]
mod inside;
#[path = "harness/server.rs"]
#[expect(dead_code, reason = "the other tests use the rest of the harness")]
mod server;

use std::process::{Command, Output};

use folder::TestFolder;
use lowkey_store::{DEFAULT_NAME, FORMER_NAME};
use lowkey_test_support::TOY_NAME;
use serde_json::{Value, json};
use server::{Options, Server, capabilities};

/// A language, a text with `|` as the cursor, and the expected text.
const PLACES: [(&str, &str, &str); 3] = [
    (
        "python",
        "class Rectangle:\n    def __init__(self, width, height):\n        self.width = width\n        self.height = height\n\n    def area(self):\n        return self.width * self.|\n\n    def perimeter(self):\n        return 2 * (self.width + self.height)\n",
        "height",
    ),
    (
        "rust",
        "pub struct Counter {\n    count: u64,\n}\n\nimpl Counter {\n    pub fn new() -> Self {\n        Self { count: 0 }\n    }\n\n    pub fn increment(&mut self) {\n        self.count += |\n    }\n\n    pub fn count(&self) -> u64 {\n        self.count\n    }\n}\n",
        "1;",
    ),
    (
        "javascript",
        "function first(list) {\n  return list[0];\n}\n\nfunction last(list) {\n  return list[list.|];\n}\n",
        "length - 1",
    ),
];

/// Returns the text without its cursor, and the cursor's line and column, from 0.
fn place(marked: &str) -> (String, usize, usize) {
    let (before, after) = marked.split_once('|').unwrap();
    let line = before.matches('\n').count();
    (format!("{before}{after}"), line, before.len() - before.rfind('\n').map_or(0, |at| at + 1))
}

/// Runs lowkey with the model in the program, isolated from the settings of the user who runs the
/// test.
fn lowkey(folder: &TestFolder, args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
        .args(args)
        .current_dir(&**folder)
        .env("LOWKEY_CONFIG", folder.join("none.toml"))
        .env("LOWKEY_CACHE_DIR", "")
        .env_remove("LOWKEY_MODEL")
        .env_remove("LOWKEY_LOG")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// Asserts the name of the model in the program.
#[track_caller]
fn assert_inside(report: &Value, is_default: bool) {
    assert_eq!(report["source"], "model", "{report}");
    assert_eq!(report["model"] != TOY_NAME, is_default, "{report}");
}

#[test]
fn complete_finishes_easy_lines() {
    let is_default = inside::is_the_default();
    let folder = TestFolder::new("default-complete");
    let names = [&[][..], &["--model", FORMER_NAME]];
    for ((language, marked, expected), name) in PLACES.into_iter().zip(names) {
        let (text, line, column) = place(marked);
        std::fs::write(folder.join(language), text).unwrap();
        let place = format!("{language}:{}:{}", line + 1, column + 1);
        let output = lowkey(&folder, &[&["complete", &place, "--json"], name].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_inside(&report, is_default);
        let text = report["text"].as_str().unwrap();
        assert!(text.lines().count() <= 1, "{report}");
        assert!(!is_default || text.starts_with(expected), "{report}");
        let notice = String::from_utf8(output.stderr).unwrap();
        let says_both = notice.contains(FORMER_NAME) && notice.contains(DEFAULT_NAME);
        assert_eq!(says_both, !name.is_empty(), "{notice:?}");
    }
}

#[test]
fn ghost_text_finishes_easy_lines() {
    let is_default = inside::is_the_default();
    let arguments = vec!["--model".to_owned(), DEFAULT_NAME.to_owned()];
    let mut server = Server::spawn(Options { arguments, ..Options::default() });
    let settings = json!({"time_budget_ms": 60_000, "look_ahead": false});
    server.initialize(&capabilities(), &settings, None);
    server.ready();
    for (language, marked, expected) in PLACES {
        let (text, line, column) = place(marked);
        let uri = format!("file:///work/{language}");
        server.open(&uri, language, &text);
        let items = server.items(&uri, line as u32, column as u32);
        let report = server.explain(&uri);
        assert_inside(&report, is_default);
        if is_default {
            let shown = items[0]["insertText"].as_str().unwrap();
            assert!(shown.contains(expected), "{items:?}");
        } else {
            assert_eq!(items.is_empty(), !report["silent"].is_null(), "{report}");
        }
    }
    server.finish();
}

#[test]
fn demo_saves_keys() {
    let is_default = inside::is_the_default();
    let folder = TestFolder::new("default-demo");
    let shown = String::from_utf8(lowkey(&folder, &["demo"]).stdout).unwrap();
    let named =
        shown.lines().find_map(|line| line.split_once("model ")?.1.strip_suffix(", no network"));
    assert_eq!(named != Some(TOY_NAME), is_default, "{shown}");
    let saved = shown.lines().find_map(|line| line.trim().strip_prefix("keystrokes saved"));
    let (share, counts) = saved.unwrap().split_once(" %: ").unwrap();
    let counts: Vec<i64> = counts.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let [accepted, all, accepting, typed_over] = counts[..] else { panic!("{counts:?}") };
    let saved = (accepted - accepting - typed_over) as f64 / all as f64 * 100.0;
    assert_eq!(share.trim(), format!("{saved:.0}"), "{shown}");
    assert!(accepted <= all && all > 200, "{shown}");
    // A slow machine gets fewer answers in time, but a correct model still saves a tenth.
    assert!(!is_default || accepted * 10 > all, "{accepted} of {all} characters: {shown}");
}
