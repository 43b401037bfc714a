//! Malformed frames and JSON: the client gets an error, and the server keeps running.

use serde_json::{Value, json};

use crate::server::{INLINE, Server, frame};
use crate::text::Text;

const URI: &str = "file:///work/a.rs";

/// Sends broken bytes, expects one error of this code, then a good answer.
fn check(server: &mut Server, broken: &[u8], code: i64) {
    server.write(broken);
    let error = server.next_error();
    assert_eq!(error.0, code, "{:?}: {}", String::from_utf8_lossy(broken), error.1);
    assert!(server.ask("$/lowkey/status", &Value::Null).is_ok());
}

#[test]
fn malformed_json_is_a_parse_error() {
    let mut server = Server::start(&Value::Null);
    let deep = "[".repeat(100_000);
    for body in [&b"{"[..], b"nonsense", b"{\"jsonrpc\":", b"\xff\xfe\x00", b" ", deep.as_bytes()] {
        check(&mut server, &frame(body), -32700);
    }
    server.finish();
}

#[test]
fn non_message_json_is_an_invalid_request() {
    let mut server = Server::start(&Value::Null);
    for body in ["42", "[]", "{}", "null", r#"{"jsonrpc":"1.0","method":"x"}"#] {
        check(&mut server, &frame(body.as_bytes()), -32600);
    }
    server.finish();
}

#[test]
fn malformed_frames_are_invalid_requests() {
    let mut server = Server::start(&Value::Null);
    for frame in [
        "garbage\r\n\r\n",
        "Content-Type: x\r\n\r\n",
        "Content-Length: abc\r\n\r\n",
        "Content-Length: -5\r\n\r\n{}",
        "Content-Length: 99999999999999\r\n\r\n{\"jsonrpc\":\"2.0\"}",
        "Content-Length: 99999999999999999999999999\r\n\r\n",
        ": \r\n\r\n",
        "\u{0}\u{1}\u{2}\n",
    ] {
        check(&mut server, frame.as_bytes(), -32600);
    }
    // The server detects a truncated body at the next header.
    server.write(b"Content-Length: 500\r\n\r\n{\"jsonrpc\":");
    assert!(server.ask("$/lowkey/status", &Value::Null).is_ok());
    assert_eq!(server.next_error().0, -32600);
    server.finish();
}

#[test]
fn invalid_parameters_are_an_error() {
    let mut server = Server::start(&Value::Null);
    for params in [Value::Null, json!({}), json!({"textDocument": 1}), json!([1, 2])] {
        let error = server.ask(INLINE, &params).unwrap_err();
        assert_eq!(error.0, -32602, "{params}: {}", error.1);
    }
    // A notification gets no answer.
    server.notify("textDocument/didOpen", &json!({"textDocument": 7}));
    server.notify("textDocument/didChange", &Value::Null);
    server.notify("workspace/didChangeConfiguration", &json!({"settings": 7}));
    server.notify("$/unknown", &json!({}));
    server.notify("unknown", &json!({}));
    server.finish();
}

#[test]
fn unexpected_response_is_ignored() {
    let mut server = Server::start(&Value::Null);
    server.send(&json!({"jsonrpc": "2.0", "id": 4711, "result": null}));
    server
        .send(&json!({"jsonrpc": "2.0", "id": 4711, "error": {"code": 1, "message": "", "x": 1}}));
    assert!(server.ask("$/lowkey/status", &Value::Null).is_ok());
    server.finish();
}

#[test]
fn unknown_document_is_silent() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    assert_eq!(server.items("file:///nowhere.rs", 3, 3), [] as [Value; 0]);
    assert_eq!(server.items("not a uri at all", 3, 3), [] as [Value; 0]);
    assert_eq!(server.explain("file:///nowhere.rs"), Value::Null);
    assert_eq!(server.document("file:///nowhere.rs"), Value::Null);
    let mut text = Text::new("x");
    let change = text.edit(0..0, "y");
    server.notify("textDocument/didChange", &text.did_change("file:///nowhere.rs", &[change]));
    server.notify("textDocument/didClose", &json!({"textDocument": {"uri": "file:///nowhere.rs"}}));
    assert_eq!(server.document("file:///nowhere.rs"), Value::Null);
    server.finish();
}

#[test]
fn positions_out_of_range_are_clamped() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let text = Text::new("fn main() {\n    let x = 1;\n}\n");
    server.open(URI, "rust", &text.text);
    for (line, character) in [(0, 4_000_000_000_u32), (4_000_000_000, 0), (u32::MAX, u32::MAX)] {
        server.items(URI, line, character);
    }
    for position in [
        json!({"line": -1, "character": -1}),
        json!({"line": 1e18, "character": 1e18}),
        json!({"line": 1.5, "character": 0}),
    ] {
        let params = json!({"textDocument": {"uri": URI}, "position": position});
        assert!(server.ask(INLINE, &params).unwrap()["items"].is_array(), "{position}");
    }
    assert_eq!(server.document(URI), text.fingerprint());
    server.finish();
}

#[test]
fn invalid_edit_silences_until_full_text() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut text = Text::new("fn main() {\n    \n}\n");
    server.open(URI, "rust", &text.text);
    let backwards = json!({"range": {"start": {"line": 2, "character": 0}, "end": {"line": 0, "character": 0}}, "text": "x"});
    server.notify("textDocument/didChange", &text.did_change(URI, &[backwards]));
    assert_eq!(server.document(URI)["desynced"], true);
    assert_eq!(server.items(URI, 1, 4), [] as [Value; 0]);
    assert!(server.explain(URI)["silent"].is_string());
    let whole = json!({"text": text.text});
    server.notify("textDocument/didChange", &text.did_change(URI, &[whole]));
    assert_eq!(server.document(URI), text.fingerprint());
    server.finish();
}

#[test]
fn decreasing_version_silences() {
    let mut server = Server::start(&Value::Null);
    server.open(URI, "rust", "fn main() {\n    \n}\n");
    let at = json!({"line": 0, "character": 0});
    for (version, desynced) in [(5, false), (4, true)] {
        let change = json!({"range": {"start": at, "end": at}, "text": "x"});
        let params =
            json!({"textDocument": {"uri": URI, "version": version}, "contentChanges": [change]});
        server.notify("textDocument/didChange", &params);
        assert_eq!(server.document(URI)["desynced"], desynced, "version {version}");
    }
    server.finish();
}
