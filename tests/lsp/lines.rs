//! Several lines without an explicit request: at the start of a block, while the user types them,
//! and after an accept.

use lowkey_test_support::server::Server;
use lowkey_test_support::text::Text;
use serde_json::{Value, json};

use crate::ghost_text::{open, suggested};
use crate::statistics::take;

/// Positions where a block begins; `|` is the cursor.
const BLOCKS: &[(&str, &str)] = &[
    (
        "javascript",
        "function a(x) {\n  const y = x + 1;\n  return y;\n}\n\nfunction b(x) {\n  $0\n}\n",
    ),
    ("rust", "pub fn total(values: &[i64]) -> i64 {\n    $0\n}\n"),
    ("go", "func (c *Cache) Get(key string) (string, bool) {\n\t$0\n}\n"),
];

/// A server whose answers do not depend on the machine's load.
fn server() -> Server {
    let settings =
        json!({"suggestion_threshold": "always", "look_ahead": false, "time_budget_ms": 100_000});
    let mut server = Server::start(&settings);
    server.ready();
    server
}

/// Returns why the last request asked for several lines, in words.
fn reason(server: &mut Server, uri: &str) -> Option<String> {
    let report = server.explain(uri);
    let mut why = report["why"].as_array().unwrap().iter().filter_map(Value::as_str);
    why.find_map(|why| why.strip_prefix("lines: several, because ")).map(str::to_owned)
}

/// Sends a request at a byte of the text; returns the reason for several lines, if any.
fn ask(server: &mut Server, uri: &str, text: &Text, at: usize) -> Option<String> {
    let (line, character) = text.position(at);
    for item in server.items(uri, line, character) {
        text.assert_fits(at, &item);
    }
    reason(server, uri)
}

/// Inserts typed text at a byte of the text.
fn type_in(server: &mut Server, uri: &str, text: &mut Text, at: usize, typed: &str) -> usize {
    let change = text.edit(at..at, typed);
    server.notify("textDocument/didChange", &text.did_change(uri, &[change]));
    at + typed.len()
}

#[test]
fn several_lines_may_follow_an_accept() {
    let mut server = server();
    let (uri, mut text, _, item) = suggested(&mut server);
    assert_eq!(reason(&mut server, &uri), None, "one line was asked for");
    let end = take(&mut server, &uri, &mut text, &item);
    let accepted = Some("a suggestion was accepted here".to_owned());
    assert_eq!(ask(&mut server, &uri, &text, end), accepted);
    let end = type_in(&mut server, &uri, &mut text, end, "§");
    assert_eq!(ask(&mut server, &uri, &text, end), None, "the user writes again");

    // The same text, typed by the user instead of accepted.
    let typed = "file:///work/typed";
    server.open(typed, "javascript", &text.text);
    assert_eq!(ask(&mut server, typed, &text, end - "§".len()), None);
    server.finish();
}

#[test]
fn enter_after_accept_keeps_several_lines() {
    let mut server = server();
    let (uri, mut text, _, item) = suggested(&mut server);
    let end = take(&mut server, &uri, &mut text, &item);
    let below = type_in(&mut server, &uri, &mut text, end, "\n");
    let accepted = Some("a suggestion was accepted here".to_owned());
    assert_eq!(ask(&mut server, &uri, &text, below), accepted);
    // No suggestion was accepted at another position.
    assert_eq!(ask(&mut server, &uri, &text, 0), None);
    server.finish();
}

#[test]
fn block_lines_stay_while_first_is_typed() {
    let mut server = server();
    let mut n_followed = 0;
    for (idx, (language, marked)) in BLOCKS.iter().enumerate() {
        let uri = format!("file:///work/block{idx}");
        let (mut text, mut cursor) = open(&mut server, &uri, language, marked);
        let (line, character) = text.position(cursor);
        let Some(item) = server.items(&uri, line, character).pop() else { continue };
        assert_eq!(reason(&mut server, &uri).as_deref(), Some("a block begins here"));
        let shown: String =
            item["insertText"].as_str().unwrap().chars().skip(character as usize).collect();
        let Some((first, below)) = shown.split_once('\n') else { continue };
        for c in first.chars() {
            cursor = type_in(&mut server, &uri, &mut text, cursor, &c.to_string());
            let (line, character) = text.position(cursor);
            let item = server.items(&uri, line, character).pop().expect("the lines below");
            text.assert_fits(cursor, &item);
            let whole = item["insertText"].as_str().unwrap();
            assert!(whole.ends_with(below), "{below:?} went away: {whole:?}");
            assert_eq!(server.explain(&uri)["source"], "memory", "{whole:?}");
            n_followed += 1;
        }
    }
    assert!(n_followed > 0, "the model writes single lines everywhere");
    server.finish();
}
