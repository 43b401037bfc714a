//! `$/lowkey/cursor`: the prompt at the cursor is computed before the user types.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{Options, Server, TIMEOUT, capabilities, frame, uri};
use serde_json::{Value, json};

const CURSOR: &str = "$/lowkey/cursor";
const CHANGED: &str = "workspace/didChangeConfiguration";
const URI: &str = "file:///work/long.js";

/// A file that is long enough for its prompt to be cut, and a line in its middle.
pub(crate) fn long() -> (String, u32) {
    let mut text = String::new();
    for n in 0..400 {
        let _ = writeln!(text, "const a{n} = foo({n}) + bar({n});");
    }
    (text, 200)
}

/// Settings that disable all background work except the prefill at the cursor.
fn settings() -> Value {
    json!({"time_budget_ms": 60_000, "look_ahead": false, "prompt_tokens": 512})
}

fn rest(server: &mut Server, uri: &str, line: u32, character: u32) {
    let position = json!({"line": line, "character": character});
    server.notify(CURSOR, &json!({"textDocument": {"uri": uri}, "position": position}));
}

/// Returns the tokens prefilled so far: for requests, and at low priority.
fn work(server: &mut Server) -> (u64, u64) {
    let status = server.ask("$/lowkey/status", &Value::Null).unwrap();
    let count = |key: &str| status["work"][key].as_u64().unwrap();
    assert_eq!(count("background_decoded"), 0, "a prefill decodes nothing: {status}");
    (count("prefilled"), count("background_prefilled"))
}

/// Waits for the prefill to end; returns how many tokens it added to `before`.
pub(crate) fn prefilled_since(server: &mut Server, before: u64) -> u64 {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let (_, background) = work(server);
        if background > before {
            return background - before;
        }
        assert!(Instant::now() < deadline, "no prefill after {TIMEOUT:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits long enough for a wrong prefill to start; returns the tokens prefilled at low priority.
fn prefilled_in_vain(server: &mut Server) -> u64 {
    server.expect_silence(Duration::from_millis(200));
    work(server).1
}

#[test]
fn first_request_reuses_prefilled_prompt() {
    let (text, line) = long();
    let mut server = Server::start(&settings());
    server.ready();
    server.open(URI, "javascript", &text);
    rest(&mut server, URI, line, 12);
    let prefilled = prefilled_since(&mut server, 0);
    server.items(URI, line, 12);
    let report = server.explain(URI);
    let tokens = |key: &str| report["tokens"][key].as_u64().unwrap();
    assert_eq!(tokens("prompt"), prefilled, "the whole prompt of the request: {report}");
    assert!(tokens("prompt") > 300, "{report}");
    assert!(tokens("prefilled") <= 3, "{report}");
    assert_eq!(tokens("reused") + tokens("prefilled"), tokens("prompt"), "{report}");

    // The answer equals that of a server without the notification.
    let mut cold = Server::start(&settings());
    cold.ready();
    cold.open(URI, "javascript", &text);
    cold.items(URI, line, 12);
    let cold_report = cold.explain(URI);
    assert_eq!(cold_report["tokens"]["reused"], 0, "{cold_report}");
    assert_eq!(cold_report["text"], report["text"]);
    assert_eq!(cold_report["tokens"]["prompt"], report["tokens"]["prompt"]);
    cold.finish();
    server.finish();
}

#[test]
fn cursor_during_loading_is_prefilled_later() {
    let (text, line) = long();
    let mut server = Server::start(&settings());
    server.open(URI, "javascript", &text);
    rest(&mut server, URI, 3, 12);
    rest(&mut server, URI, line, 12);
    server.ready();
    prefilled_since(&mut server, 0);
    server.items(URI, line, 12);
    let report = server.explain(URI);
    assert!(report["tokens"]["prefilled"].as_u64().unwrap() <= 3, "{report}");
    server.finish();
}

#[test]
fn same_place_is_prefilled_once() {
    let (text, line) = long();
    let mut server = Server::start(&settings());
    server.ready();
    server.open(URI, "javascript", &text);
    rest(&mut server, URI, line, 12);
    let prefilled = prefilled_since(&mut server, 0);
    for _ in 0..20 {
        rest(&mut server, URI, line, 12);
    }
    assert_eq!(prefilled_in_vain(&mut server), prefilled);
    // Another position is prefilled again.
    rest(&mut server, URI, 10, 12);
    prefilled_since(&mut server, prefilled);
    server.finish();
}

#[test]
fn no_prefill_where_requests_are_silent() {
    let folder = TestFolder::new("cursor-denied");
    let (text, line) = long();
    let file = |name: &str| uri(&folder.join(name));
    let (secret, allowed) = (file(".env"), file("a.js"));
    let mut server = Server::spawn(Options::default());
    server.initialize(&capabilities(), &settings(), Some(&folder));
    server.ready();
    server.open(&secret, "javascript", &text);
    server.open(&allowed, "javascript", &text);
    rest(&mut server, &secret, line, 12);
    for silent in [
        json!({"paused": true}),
        json!({"paused": false, "languages_off": ["javascript"]}),
        json!({"languages_off": [], "exclude": ["a.js"]}),
        json!({"exclude": [], "prefill_at_cursor": false}),
    ] {
        server.notify(CHANGED, &json!({"settings": {"lowkey": silent}}));
        rest(&mut server, &allowed, line, 12);
    }
    assert_eq!(prefilled_in_vain(&mut server), 0);
    assert_eq!(work(&mut server), (0, 0));
    // An invalid edit, after which the texts differ.
    server.notify(CHANGED, &json!({"settings": {"lowkey": {"prefill_at_cursor": true}}}));
    let range = json!({"start": {"line": 1, "character": 1}, "end": {"line": 0, "character": 0}});
    server.notify(
        "textDocument/didChange",
        &json!({
            "textDocument": {"uri": allowed, "version": 2},
            "contentChanges": [{"range": range, "text": ""}],
        }),
    );
    rest(&mut server, &allowed, line, 12);
    assert_eq!(prefilled_in_vain(&mut server), 0);
    // The same position, once it is allowed.
    server.open(&allowed, "javascript", &text);
    rest(&mut server, &allowed, line, 12);
    prefilled_since(&mut server, 0);
    server.finish();
}

#[test]
fn invalid_cursor_is_ignored() {
    let (text, line) = long();
    let mut server = Server::start(&settings());
    server.ready();
    server.open(URI, "javascript", &text);
    rest(&mut server, "file:///work/unknown.js", line, 12);
    for (line, character) in [(100_000, 0), (line, 1000)] {
        rest(&mut server, URI, line, character);
    }
    let zebrawood = json!({"textDocument": {"uri": 7}, "position": "zebrawood"});
    for params in [zebrawood, json!({}), json!([]), json!(null), json!("zebrawood"), json!(3)] {
        server.notify(CURSOR, &params);
    }
    server.write(&frame(br#"{"jsonrpc":"2.0","method":"$/lowkey/cursor"}"#));
    assert_eq!(prefilled_in_vain(&mut server), 0);
    // A closed document is unknown.
    server.notify("textDocument/didClose", &json!({"textDocument": {"uri": URI}}));
    rest(&mut server, URI, line, 12);
    assert_eq!(prefilled_in_vain(&mut server), 0);
    let log = server.finish();
    assert!(log.contains("ignored: $/lowkey/cursor"), "{log}");
    assert!(!log.contains("zebrawood"), "{log}");
}
