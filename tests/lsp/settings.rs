//! Settings that change while the server runs.

use lowkey_test_support::server::{Options, Server, capabilities};
use serde_json::{Value, json};

use crate::ghost_text::suggested;

const CHANGED: &str = "workspace/didChangeConfiguration";

fn is_silent(server: &mut Server, uri: &str, line: u32, character: u32) -> bool {
    let items = server.items(uri, line, character);
    let silent = server.explain(uri)["silent"].clone();
    assert_eq!(items.is_empty(), silent.is_string(), "silence has a rule: {silent}");
    items.is_empty()
}

#[test]
fn settings_apply_to_next_request() {
    let mut server = Server::start(&Value::Null);
    let (uri, text, cursor, _) = suggested(&mut server);
    let (line, character) = text.position(cursor);
    for (section, silent) in [
        (json!({"paused": true}), true),
        (json!({"paused": false}), false),
        (json!({"languages_off": ["javascript", "rust", "python"]}), true),
        (json!({"languages_off": ["cobol"]}), false),
        (json!({"exclude": ["place*"]}), true),
        (json!({"exclude": []}), false),
    ] {
        server.notify(CHANGED, &json!({"settings": {"lowkey": section}}));
        assert_eq!(is_silent(&mut server, &uri, line, character), silent, "{section}");
    }
    server.finish();
}

#[test]
fn settings_are_fetched_from_editor() {
    let mut server = Server::spawn(Options::default());
    server.configuration = json!({"paused": true});
    let mut capabilities = capabilities();
    capabilities["workspace"]["configuration"] = true.into();
    server.initialize(&capabilities, &Value::Null, None);
    let paused = |server: &mut Server| {
        server.ask("$/lowkey/status", &Value::Null).unwrap()["paused"] == true
    };
    let deadline = std::time::Instant::now() + lowkey_test_support::server::TIMEOUT;
    while !paused(&mut server) {
        assert!(std::time::Instant::now() < deadline, "the fetched settings are not in force");
    }
    // Null means that the server must fetch the configuration.
    server.configuration = json!({"paused": false});
    server.notify(CHANGED, &json!({"settings": null}));
    while paused(&mut server) {
        assert!(std::time::Instant::now() < deadline, "the fetched settings are not in force");
    }
    server.finish();
}

#[test]
fn editor_setting_overrides_command() {
    let mut server = Server::start(&Value::Null);
    let run = |server: &mut Server, command: &str| {
        let params = json!({"command": command, "arguments": []});
        server.ask("workspace/executeCommand", &params).unwrap()["paused"].clone()
    };
    let paused = |server: &mut Server| {
        server.ask("$/lowkey/status", &Value::Null).unwrap()["paused"].clone()
    };
    assert_eq!(run(&mut server, "lowkey.pause"), true);
    assert_eq!(paused(&mut server), true);
    server.notify(CHANGED, &json!({"settings": {"lowkey": {"max_lines": 3}}}));
    assert_eq!(paused(&mut server), true, "an unrelated setting does not resume");
    assert_eq!(run(&mut server, "lowkey.resume"), false);
    assert_eq!(run(&mut server, "lowkey.toggle"), true);
    assert_eq!(run(&mut server, "lowkey.toggle"), false);
    server.notify(CHANGED, &json!({"settings": {"lowkey": {"paused": true}}}));
    assert_eq!(paused(&mut server), true);
    server.finish();
}

#[test]
fn wrong_setting_is_one_message() {
    let mut server = Server::start(&json!({"max_lines": "many", "unknown": 1}));
    let message = server.notification("window/showMessage");
    assert_eq!(message["type"], 2, "a warning: {message}");
    let words = message["message"].as_str().unwrap();
    assert!(words.contains("max_lines") && words.contains("unknown"), "{words}");
    server.notify(CHANGED, &json!({"settings": {"lowkey": {"max_lines": 4, "unknown": null}}}));
    server.notify(CHANGED, &json!({"settings": {"lowkey": {"time_budget_ms": -1}}}));
    let message = server.notification("window/showMessage");
    assert!(message["message"].as_str().unwrap().contains("time_budget_ms"), "{message}");
    server.finish();
}

#[test]
fn settings_that_need_restart_are_reported_once() {
    let mut server = Server::start(&Value::Null);
    let section = json!({"cache_mb": 99, "order": "psm", "suggestion_threshold": "eager"});
    server.notify(CHANGED, &json!({"settings": {"lowkey": section}}));
    let message = server.notification("window/showMessage");
    let words = message["message"].as_str().unwrap();
    assert!(words.contains("cache_mb") && words.contains("order"), "{words}");
    assert!(!words.contains("suggestion_threshold"), "{words}");
    // Unread messages fail the test when the server is dropped.
    server.notify(CHANGED, &json!({"settings": {"lowkey": {"cache_mb": 99, "max_lines": 4}}}));
    server.finish();
}
