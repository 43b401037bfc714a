//! Valid and invalid notifications.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

const URI: &str = "file:///tmp/a.rs";

fn opened(text: &str) -> Documents {
    let documents = Documents::default();
    let params =
        json!({"textDocument": {"uri": URI, "languageId": "rust", "version": 1, "text": text}});
    let applied = documents.apply("textDocument/didOpen", params, PositionEncoding::Utf16);
    assert!(matches!(applied, Applied::Opened(_)));
    documents
}

fn change(documents: &Documents, version: &Value, changes: &Value) -> Applied {
    let params =
        json!({"textDocument": {"uri": URI, "version": version}, "contentChanges": changes});
    documents.apply("textDocument/didChange", params, PositionEncoding::Utf16)
}

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(version: Value, changes: Value, expected: Expect) {
    let documents = opened("one\ntwo\n");
    let applied = change(&documents, &version, &changes);
    let view = documents.view(URI).unwrap();
    let Applied::Changed(snapshot) = applied else { panic!("{applied:?}") };
    assert_eq!(snapshot.text(), view.snapshot.text());
    expected.assert_eq(&format!(
        "version {}, desynced {}, {:?}",
        view.snapshot.version(),
        view.desynced,
        view.snapshot.text()
    ));
}

fn range(from: [i64; 2], to: [i64; 2]) -> Value {
    json!({"start": {"line": from[0], "character": from[1]}, "end": {"line": to[0], "character": to[1]}})
}

#[test]
fn incremental_and_full_changes_apply() {
    check(
        json!(2),
        json!([{"range": range([1, 0], [1, 3]), "text": "2"}, {"range": range([0, 3], [0, 3]), "text": "!"}]),
        expect![[r#"version 2, desynced false, "one!\n2\n""#]],
    );
    check(json!(2), json!([{"text": "new"}]), expect![[r#"version 2, desynced false, "new""#]]);
}

#[test]
fn missing_version_keeps_the_old_one() {
    let changes = json!([{"text": "new"}]);
    check(Value::Null, changes, expect![[r#"version 1, desynced false, "new""#]]);
}

#[test]
fn positions_are_clamped() {
    let changes = json!([{"range": range([9_999_999_999, 0], [9_999_999_999, 1]), "text": "end"}]);
    check(json!(2), changes, expect![[r#"version 2, desynced false, "one\ntwo\nend""#]]);
}

#[test]
fn invalid_edit_desyncs_the_document() {
    for changes in [
        json!([{"range": range([-1, 0], [0, 1]), "text": "x"}]),
        json!([{"range": {"start": 3}, "text": "x"}]),
        json!([{"range": range([0, 0], [0, 1])}]),
        json!([17]),
        json!("x"),
        Value::Null,
    ] {
        check(json!(2), changes, expect![[r#"version 2, desynced true, "one\ntwo\n""#]]);
    }
}

#[test]
fn full_text_ends_a_desync() {
    let documents = opened("one");
    change(&documents, &json!(2), &json!([{"range": 1, "text": "x"}]));
    assert!(documents.view(URI).unwrap().desynced);
    change(&documents, &json!(3), &json!([{"text": "whole"}]));
    let view = documents.view(URI).unwrap();
    assert!(!view.desynced);
    assert_eq!(view.snapshot.text(), "whole");
}

#[test]
fn stamps_are_unique_per_text() {
    let documents = opened("one");
    let first = documents.view(URI).unwrap().stamp;
    assert!(documents.is_current(&Uri::new(URI), first));
    change(&documents, &json!(1), &json!([{"text": "two"}]));
    assert!(!documents.is_current(&Uri::new(URI), first));
    let params = json!({"textDocument": {"uri": URI, "version": 1, "text": "one"}});
    documents.apply("textDocument/didOpen", params, PositionEncoding::Utf16);
    assert!(!documents.is_current(&Uri::new(URI), first), "opened again");
    let close = json!({"textDocument": {"uri": URI}});
    let applied = documents.apply("textDocument/didClose", close, PositionEncoding::Utf16);
    assert!(matches!(applied, Applied::Closed(uri) if uri.as_str() == URI));
    assert!(documents.view(URI).is_none());
}

#[test]
fn unknown_documents_are_ignored() {
    let documents = opened("one");
    for (method, params) in [
        (
            "textDocument/didChange",
            json!({"textDocument": {"uri": "file:///other"}, "contentChanges": []}),
        ),
        ("textDocument/didClose", json!({"textDocument": {"uri": "file:///other"}})),
        ("textDocument/didOpen", json!({"textDocument": {"uri": URI}})),
        ("textDocument/didOpen", Value::Null),
    ] {
        let applied = documents.apply(method, params, PositionEncoding::Utf16);
        assert!(matches!(applied, Applied::Ignored), "{method}");
    }
    assert_eq!(documents.view(URI).unwrap().snapshot.text(), "one");
}
