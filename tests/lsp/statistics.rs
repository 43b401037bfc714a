//! The gate over the protocol, and the counts of shown and accepted suggestions.

use std::process::{Command, Output};

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{INLINE, Options, Server, capabilities, place};
use lowkey_test_support::text::Text;
use serde_json::{Value, json};

use crate::ghost_text::{PLACES, open, suggested};

/// A folder for the statistics, removed when the test ends.
struct Kept(TestFolder);

impl Kept {
    fn new(name: &str) -> Self {
        Self(TestFolder::new(name))
    }

    fn server(&self, initialization: &Value) -> Server {
        let env = vec![("LOWKEY_CACHE_DIR", self.0.display().to_string())];
        let mut server = Server::spawn(Options { env, ..Options::default() });
        server.initialize(&capabilities(), initialization, None);
        server
    }

    fn stats(&self, arguments: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_lowkey"))
            .arg("stats")
            .args(arguments)
            .env("LOWKEY_CACHE_DIR", self.0.as_os_str())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        output
    }

    fn total(&self) -> Value {
        let output = self.stats(&["--json"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["statistics"]["total"].clone()
    }
}

/// Accepts an item as an editor does, by one edit; returns the new cursor.
pub(crate) fn take(server: &mut Server, uri: &str, text: &mut Text, item: &Value) -> usize {
    let at = |end: &str| {
        let place = &item["range"][end];
        text.offset(place["line"].as_u64().unwrap(), place["character"].as_u64().unwrap())
    };
    let (range, new) = (at("start")..at("end"), item["insertText"].as_str().unwrap());
    let cursor = range.start + new.len();
    let change = text.edit(range, new);
    server.notify("textDocument/didChange", &text.did_change(uri, &[change]));
    cursor
}

#[test]
fn gate_silences_unless_invoked() {
    let mut server = Server::start(&json!({"suggestion_threshold": "quiet"}));
    server.ready();
    let mut n_silenced = 0;
    for (idx, (language, marked)) in PLACES.iter().enumerate() {
        let uri = format!("file:///work/quiet{idx}");
        let (text, cursor) = open(&mut server, &uri, language, marked);
        let (line, character) = text.position(cursor);
        let items = server.items(&uri, line, character);
        let report = server.explain(&uri);
        let why = report["why"].as_array().unwrap();
        let gate = why.iter().filter_map(Value::as_str).find(|why| why.starts_with("gate: "));
        if report["silent"] == "gate" {
            n_silenced += 1;
            assert!(items.is_empty(), "{items:?}");
            assert!(!report["text"].as_str().unwrap().is_empty(), "{report}");
            let gate = gate.unwrap();
            for part in
                ["% likely to be right, silent: shown only from", "(quiet)", "mean -", "lowest -"]
            {
                assert!(gate.contains(part), "{part:?} in {gate}");
            }
            let mut params = place(&uri, line, character);
            params["context"]["triggerKind"] = 1.into();
            let shown = server.ask(INLINE, &params).unwrap();
            let report = server.explain(&uri);
            assert!(
                !shown["items"].as_array().unwrap().is_empty() || report["silent"] != "gate",
                "{report}"
            );
        }
    }
    assert!(n_silenced > 0, "the small model is certain of every suggestion");
    server.finish();
}

#[test]
fn accept_is_counted_once_without_text() {
    let kept = Kept::new("taken");
    let mut server = kept.server(&json!({"persistent_cache": false}));
    let (uri, mut text, _, item) = suggested(&mut server);
    take(&mut server, &uri, &mut text, &item);
    // VS Code also runs the command, but the edit has already been counted.
    assert_eq!(server.ask("workspace/executeCommand", &item["command"]), Ok(Value::Null));
    server.finish();
    let total = kept.total();
    assert_eq!((&total["accepted"], &total["typed"]), (&json!(1), &Value::Null), "{total}");
    assert!(total["shown"].as_u64().unwrap() >= 1, "{total}");
    assert!(total["accepted_chars"].as_u64().unwrap() >= 1, "{total}");
    let file = kept.0.join("statistics.jsonl");
    let counts = std::fs::read_to_string(&file).unwrap();
    for line in text.text.lines().filter(|line| line.trim().len() > 3) {
        assert!(!counts.contains(line.trim()), "{line:?} in {counts}");
    }
    assert!(!counts.contains("work"), "a path in {counts}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn edits_alone_reveal_accepts() {
    let kept = Kept::new("edits");
    let mut server = kept.server(&json!({"persistent_cache": false}));
    let (uri, mut text, cursor, item) = suggested(&mut server);
    // The user types different text: rejected.
    let mut other = text.clone();
    let change = other.edit(cursor..cursor, "§");
    server.notify("textDocument/didChange", &other.did_change(&uri, &[change]));
    let (line, character) = other.position(cursor + "§".len());
    server.items(&uri, line, character);
    // The user deletes it, requests again and accepts without a command, as in Neovim.
    let change = other.edit(cursor..cursor + "§".len(), "");
    server.notify("textDocument/didChange", &other.did_change(&uri, &[change]));
    let (line, character) = other.position(cursor);
    let again = server.items(&uri, line, character).pop();
    assert_eq!(again.as_ref().map(|again| &again["insertText"]), Some(&item["insertText"]));
    text.version = other.version;
    take(&mut server, &uri, &mut text, &item);
    server.finish();
    let total = kept.total();
    assert_eq!(total["accepted"], 1, "{total}");
    assert!(total["shown"].as_u64().unwrap() >= 2, "{total}");
}

#[test]
fn statistics_can_be_shown_and_deleted() {
    let kept = Kept::new("drawn");
    let mut server = kept.server(&json!({"persistent_cache": false}));
    suggested(&mut server);
    server.finish();
    let screen = String::from_utf8(kept.stats(&[]).stdout).unwrap();
    assert!(screen.contains("suggestions shown"), "{screen}");
    let page = kept.0.join("page.html");
    kept.stats(&["--html", page.to_str().unwrap()]);
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("class=\"days\"") && page.contains("default-src 'none'"), "{page}");
    kept.stats(&["--forget"]);
    assert_eq!(kept.total(), json!({}));
}

#[test]
fn disabled_statistics_count_nothing() {
    let kept = Kept::new("off");
    let mut server = kept.server(&json!({"persistent_cache": false, "statistics": false}));
    suggested(&mut server);
    server.finish();
    assert_eq!(kept.total(), json!({}));
    assert!(!kept.0.join("statistics.jsonl").exists());
}
