//! Texts of unusual size and content.

use lowkey_test_support::server::{INLINE, Server, place};
use lowkey_test_support::text::{SplitMix64, Text};
use serde_json::{Value, json};

const URI: &str = "file:///work/a.rs";

#[test]
fn empty_document_is_answered() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let text = Text::new("");
    server.open(URI, "rust", "");
    for item in server.items(URI, 0, 0) {
        text.assert_fits(0, &item);
    }
    assert_eq!(server.document(URI), text.fingerprint());
    server.finish();
}

/// Opens a big text, edits it and requests completions in it.
fn check_big(whole: String) {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut text = Text { text: whole, version: 1 };
    server.open(URI, "rust", &text.text);
    let before = text.fingerprint();
    assert_eq!(server.document(URI), before);
    let half = text.text.len() / 2;
    let middle = (half..text.text.len()).find(|&at| text.text.is_char_boundary(at)).unwrap();
    let change = text.edit(middle..middle, "é😀\n    let");
    let (line, character) = text.position(middle + "é😀\n    let".len());
    server.notify("textDocument/didChange", &text.did_change(URI, &[change]));
    assert_eq!(server.document(URI), text.fingerprint());
    server.items(URI, line, character);
    server.finish();
}

#[test]
fn document_of_20_megabytes_is_answered() {
    let line = "    let größe = values.iter().map(|v| v * 2).sum::<u64>();\n";
    check_big(line.repeat((20 << 20) / line.len()));
}

#[test]
fn line_of_20_megabytes_is_answered() {
    check_big("let x = [1, 2, 3]; ".repeat((20 << 20) / 19));
}

#[test]
fn all_forms_of_uri_name_same_document() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let forms = [
        "file:///c%3A/pr%6Fj/a.py",
        "file:///C:/proj/a.py",
        "file:/c:/proj/a.py",
        "FILE:///c%3a/proj/a.py",
    ];
    server.open(forms[0], "python", "def double(x):\n    return \n");
    for (idx, form) in forms.iter().enumerate() {
        assert_eq!(server.document(form)["version"], idx as i64 + 1, "{form}");
        server.items(form, 1, 11);
        assert!(server.explain(form).is_object(), "{form}");
        let document = json!({"uri": form, "version": idx + 2});
        let params = json!({"textDocument": document, "contentChanges": [{"text": "def double(x):\n    return \n"}]});
        server.notify("textDocument/didChange", &params);
    }
    server.notify("textDocument/didClose", &json!({"textDocument": {"uri": forms[3]}}));
    assert_eq!(server.document(forms[0]), Value::Null);
    server.finish();
}

#[test]
fn answer_in_long_line_is_short() {
    let mut server = Server::start(&json!({"time_budget_ms": 60_000}));
    server.ready();
    let line = format!("let x = [{}];", "1, 2, 3, ".repeat((3 << 20) / 9));
    server.open(URI, "rust", &format!("{line}\nlet y = [1, 2, 3];\nlet z = [1, 2, 3"));
    let end = line.len() as u32;
    for (row, column) in [(0, end), (0, end - 2), (2, 16)] {
        let params = place(URI, row, column);
        let result = server.ask(INLINE, &params).unwrap();
        assert!(result.to_string().len() < 8 << 10, "{row}:{column}");
    }
    server.finish();
}

#[test]
fn binary_garbage_is_accepted() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut rng = SplitMix64(7);
    let bytes: Vec<u8> = (0..20_000).map(|_| rng.below(256) as u8).collect();
    let garbage = String::from_utf8_lossy(&bytes).into_owned();
    let mut text = Text::new(&garbage);
    server.open(URI, "plaintext", &garbage);
    for round in 0..20 {
        let at = (rng.below(text.text.len() - 4)..text.text.len())
            .find(|&at| text.text.is_char_boundary(at) && !splits_line_end(&text.text, at))
            .unwrap();
        let change = text.edit(at..at, "\u{0}\u{7f}\u{85}\u{2028}x\r");
        server.notify("textDocument/didChange", &text.did_change(URI, &[change]));
        let (line, character) = text.position(at);
        let params = place(URI, line, character);
        let result = server.ask(INLINE, &params).unwrap();
        for item in result["items"].as_array().unwrap() {
            text.assert_fits(at, item);
        }
        assert_eq!(server.document(URI), text.fingerprint(), "round {round}");
    }
    server.finish();
}

/// Whether `at` is between the two bytes of a CRLF; editors have no such position.
fn splits_line_end(text: &str, at: usize) -> bool {
    text[..at].ends_with('\r') && text[at..].starts_with('\n')
}

#[test]
fn lone_surrogate_keeps_columns() {
    let mut server = Server::start(&Value::Null);
    server.open(URI, "rust", "ab\n");
    // As a JavaScript editor encodes it; a Rust string cannot hold it.
    let body = |escape: &str, column: u32, version: i32| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"textDocument/didChange","params":{{"textDocument":{{"uri":"{URI}","version":{version}}},"contentChanges":[{{"range":{{"start":{{"line":0,"character":{column}}},"end":{{"line":0,"character":{column}}}}},"text":"{escape}"}}]}}}}"#
        )
    };
    server.write(&lowkey_test_support::server::frame(body("\\ud83d", 1, 2).as_bytes()));
    server.write(&lowkey_test_support::server::frame(body("x", 2, 3).as_bytes()));
    let mut expected = Text::new("a\u{fffd}xb\n");
    expected.version = 3;
    assert_eq!(server.document(URI), expected.fingerprint());
    server.finish();
}

#[test]
fn close_answers_pending_request() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    for _ in 0..10 {
        server.open(URI, "rust", "fn add(a: i32, b: i32) -> i32 {\n    a + \n}\n");
        let id = server.request(INLINE, &place(URI, 1, 8));
        server.notify("textDocument/didClose", &json!({"textDocument": {"uri": URI}}));
        match server.answer(id) {
            Ok(result) => assert!(result["items"].is_array()),
            Err(error) => assert_eq!(error.0, -32800),
        }
        assert_eq!(server.document(URI), Value::Null);
        assert_eq!(server.items(URI, 1, 8), [] as [Value; 0]);
    }
    server.finish();
}
