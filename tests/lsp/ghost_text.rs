//! `textDocument/inlineCompletion`: the items that an editor gets, and when the list is empty.

use lowkey_document::{ByteOffset, fixture};
use lowkey_test_support::server::{INLINE, Server, frames, notification, place};
use lowkey_test_support::text::Text;
use serde_json::{Value, json};

const URI: &str = "file:///work/a.rs";

/// Positions where any useful model suggests text; `$0` is the cursor.
pub(crate) const PLACES: &[(&str, &str)] = &[
    ("javascript", "const a1 = foo(1);\nconst a2 = foo(2);\nconst a3 = foo(3);\nconst a4 = $0\n"),
    (
        "rust",
        "fn main() {\n    let mut total = 0;\n    for i in 0..10 {\n        total += i;\n    }\n    println!($0\n}\n",
    ),
    (
        "rust",
        "struct P { x: f64, y: f64 }\n\nimpl P {\n    fn add(&self, o: &P) -> P {\n        P { x: self.x + o.x, y: self.y + o.y }\n    }\n\n    fn sub(&self, o: &P) -> P {\n        P { x: self.x - $0\n    }\n}\n",
    ),
    ("python", "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    ret$0\n"),
];

/// Opens a text with a cursor; returns it and the cursor's byte offset.
pub(crate) fn open(server: &mut Server, uri: &str, language: &str, marked: &str) -> (Text, usize) {
    let (text, ByteOffset(cursor)) = fixture::parse(marked);
    let text = Text::new(&text);
    server.open(uri, language, &text.text);
    (text, cursor)
}

/// Finds a position where the model suggests text; returns its URI, text, cursor and item.
pub(crate) fn suggested(server: &mut Server) -> (String, Text, usize, Value) {
    server.ready();
    for (idx, (language, marked)) in PLACES.iter().enumerate() {
        let uri = format!("file:///work/place{idx}");
        let (text, cursor) = open(server, &uri, language, marked);
        let (line, character) = text.position(cursor);
        if let Some(item) = server.items(&uri, line, character).pop() {
            return (uri, text, cursor, item);
        }
    }
    panic!("the model is silent everywhere");
}

#[test]
fn suggestions_fit_text() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut n_suggested = 0;
    for (idx, (language, marked)) in PLACES.iter().enumerate() {
        let uri = format!("file:///work/{idx}");
        let (text, cursor) = open(&mut server, &uri, language, marked);
        let (line, character) = text.position(cursor);
        for kind in [1, 2] {
            let mut params = place(&uri, line, character);
            params["context"]["triggerKind"] = kind.into();
            params["formattingOptions"] = json!({"tabSize": 4, "insertSpaces": true});
            params["textDocument"]["version"] = 1.into();
            let result = server.ask(INLINE, &params).unwrap();
            for item in result["items"].as_array().unwrap() {
                text.assert_fits(cursor, item);
                assert_eq!(item["range"]["start"]["character"], 0, "from the line's start: {item}");
                n_suggested += 1;
            }
        }
    }
    assert!(n_suggested > 0, "the model is silent everywhere");
    server.finish();
}

#[test]
fn mid_line_insertion_has_empty_range() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut n_suggested = 0;
    for call in ["foo($0, 4);", "foo($0 + 4);", "foo($0) + bar(4);", "fo$0 = 4;", "$0 + foo(3);"] {
        let uri = format!("file:///work/{call}");
        let marked = format!(
            "const a1 = foo(1) + bar(2);\nconst a2 = foo(2) + bar(3);\nconst a3 = foo(3) + bar(4);\nconst a4 = {call}\n"
        );
        let (text, cursor) = open(&mut server, &uri, "javascript", &marked);
        let (line, character) = text.position(cursor);
        let mut params = place(&uri, line, character);
        params["context"]["triggerKind"] = 1.into();
        let result = server.ask(INLINE, &params).unwrap();
        for item in result["items"].as_array().unwrap() {
            text.assert_fits(cursor, item);
            let (start, end) = (&item["range"]["start"], &item["range"]["end"]);
            let whole_line = text.text.lines().nth(line as usize).unwrap().encode_utf16().count();
            let is_insertion = start == end && start["character"] == character;
            let is_line = start["character"] == 0 && end["character"] == whole_line;
            assert!(is_insertion || is_line, "{item}");
            n_suggested += 1;
        }
    }
    // The model may suggest no text for some of them, but then the report must give a reason.
    assert!(
        n_suggested > 0,
        "silent inside every line: {}",
        server.explain(&format!("file:///work/{}", "foo($0, 4);"))
    );
    server.finish();
}

#[test]
fn explain_has_documented_schema() {
    let mut server = Server::start(&Value::Null);
    let (uri, text, cursor, item) = suggested(&mut server);
    let report = server.explain(&uri);
    let keys = |value: &Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(keys(&report), "insert model ms prompt_size silent source stop text tokens why");
    assert_eq!(keys(&report["tokens"]), "decoded draft_accepted drafted prefilled prompt reused");
    assert_eq!(keys(&report["ms"]), "decode first_token prefill prepare queued total");
    assert_eq!(keys(&report["insert"]), "end start text");
    assert!(matches!(report["source"].as_str(), Some("model" | "memory")), "{report}");
    assert_eq!(report["silent"], Value::Null);
    assert!(report["stop"].is_string());
    assert!(!report["why"].as_array().unwrap().is_empty());
    // The report and the item agree.
    let (line, character) = text.position(cursor);
    assert_eq!(report["insert"]["start"], json!([line, character]));
    let new = item["insertText"].as_str().unwrap();
    assert!(new.contains(report["insert"]["text"].as_str().unwrap()), "{report} {item}");
    server.finish();
}

#[test]
fn typing_suggestion_computes_nothing() {
    let mut server = Server::start(&Value::Null);
    let (uri, mut text, mut cursor, item) = suggested(&mut server);
    let (line, character) = text.position(cursor);
    let shown = item["insertText"].as_str().unwrap().lines().next().unwrap().to_owned();
    // All but the end of the text: with the whole text typed, no suggestion is left.
    let rest: Vec<char> = shown.chars().skip(character as usize).collect();
    let typed = &rest[..rest.len().saturating_sub(1).min(3)];
    assert!(!typed.is_empty(), "too short for this test: {shown:?}");
    for c in typed {
        let change = text.edit(cursor..cursor, &c.to_string());
        cursor += c.len_utf8();
        server.notify("textDocument/didChange", &text.did_change(&uri, &[change]));
        let (_, character) = text.position(cursor);
        for item in server.items(&uri, line, character) {
            text.assert_fits(cursor, &item);
        }
        assert_eq!(server.explain(&uri)["source"], "memory", "after {c:?} of {shown:?}");
    }
    server.finish();
}

#[test]
fn accept_command_reports_suggestion() {
    let mut server = Server::start(&Value::Null);
    let (_, _, _, item) = suggested(&mut server);
    let command = &item["command"];
    assert_eq!(command["command"], "lowkey.accept");
    assert_eq!(server.ask("workspace/executeCommand", command), Ok(Value::Null));
    let nonsense = json!({"command": "lowkey.accept", "arguments": ["x"]});
    assert_eq!(server.ask("workspace/executeCommand", &nonsense).unwrap_err().0, -32602);
    server.finish();
}

#[test]
fn newer_request_supersedes_older() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut n_superseded = 0;
    // On a busy machine a round's first request may be answered, and the others from memory, before
    // the second is read.
    for round in 0..20 {
        let uri = format!("file:///work/{round}.rs");
        let marked = PLACES[2].1.replace("sub", &format!("sub{round}"));
        let (text, cursor) = open(&mut server, &uri, "rust", &marked);
        let (line, character) = text.position(cursor);
        // One write, so that all requests are queued when the first is read.
        let requests: Vec<_> =
            (0..50).map(|_| server.make_request(INLINE, &place(&uri, line, character))).collect();
        server.write(&frames(requests.iter().map(|(_, request)| request)));
        let (last, _) = requests.last().unwrap();
        assert!(server.answer(*last).is_ok());
        for (id, _) in &requests[..49] {
            match server.answer(*id) {
                Ok(result) => assert!(result["items"].is_array()),
                Err(error) => {
                    assert_eq!(error.0, -32800, "{}", error.1);
                    n_superseded += 1;
                }
            }
        }
        if n_superseded > 0 {
            break;
        }
    }
    assert!(n_superseded > 0, "none was superseded");
    server.finish();
}

#[test]
fn edit_after_request_drops_its_answer() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut n_dropped = 0;
    for round in 0..20 {
        let uri = format!("file:///work/{round}.rs");
        // A different text each time, so that no answer comes from memory.
        let marked = PLACES[2].1.replace("sub", &format!("sub{round}"));
        let (mut text, cursor) = open(&mut server, &uri, "rust", &marked);
        let (line, character) = text.position(cursor);
        let (id, request) = server.make_request(INLINE, &place(&uri, line, character));
        let before = text.clone();
        let change = text.edit(0..0, "// moved\n");
        let edit = notification("textDocument/didChange", &text.did_change(&uri, &[change]));
        server.write(&frames([&request, &edit]));
        match server.answer(id) {
            // On a busy machine the answer may be ready before the edit is read.
            Ok(result) => {
                for item in result["items"].as_array().unwrap() {
                    before.assert_fits(cursor, item);
                }
            }
            Err(error) => {
                assert_eq!(error.0, -32800);
                n_dropped += 1;
            }
        }
        assert_eq!(server.document(&uri), text.fingerprint());
    }
    assert!(n_dropped > 10, "only {n_dropped} of 20 were dropped");
    server.finish();
}

#[test]
fn request_for_old_version_is_rejected() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let (mut text, _) = open(&mut server, URI, "rust", "fn main() {$0}\n");
    let change = text.edit(0..0, "// 2\n");
    server.notify("textDocument/didChange", &text.did_change(URI, &[change]));
    let mut params = place(URI, 1, 11);
    params["textDocument"]["version"] = 1.into();
    assert_eq!(server.ask(INLINE, &params).unwrap_err().0, -32800);
    server.finish();
}

#[test]
fn selected_popup_entry_is_continued() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut n_suggested = 0;
    for (idx, (entry, marked)) in [
        ("foo", "const a1 = foo(1);\nconst a2 = foo(2);\nconst a3 = foo(3);\nconst a4 = f$0\n"),
        ("console", "console.log(1);\nconsole.log(2);\nconsole.log(3);\nco$0\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let uri = format!("file:///work/{idx}.js");
        let (text, cursor) = open(&mut server, &uri, "javascript", marked);
        let (line, character) = text.position(cursor);
        let word = marked.split("$0").next().unwrap().rsplit(['\n', ' ']).next().unwrap();
        let start = json!({"line": line, "character": character as usize - word.len()});
        let range = json!({"start": start, "end": {"line": line, "character": character}});
        let mut params = place(&uri, line, character);
        params["context"]["selectedCompletionInfo"] = json!({"range": range, "text": entry});
        for item in server.ask(INLINE, &params).unwrap()["items"].as_array().unwrap() {
            assert_eq!(item["range"], range);
            assert!(item["insertText"].as_str().unwrap().starts_with(entry), "{item}");
            n_suggested += 1;
        }
        // A selected entry on another line cannot be continued at the cursor.
        params["context"]["selectedCompletionInfo"]["range"]["end"]["line"] = 0.into();
        assert_eq!(server.ask(INLINE, &params).unwrap()["items"], json!([]));
        assert_eq!(server.document(&uri), text.fingerprint(), "the document is unchanged");
    }
    assert!(n_suggested > 0, "no entry was continued");
    server.finish();
}

#[test]
fn line_ends_of_document_are_kept() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let marked = PLACES[1].1.replace('\n', "\r\n");
    let (text, cursor) = open(&mut server, URI, "rust", &marked);
    let (line, character) = text.position(cursor);
    let mut params = place(URI, line, character);
    params["context"]["triggerKind"] = 1.into();
    for item in server.ask(INLINE, &params).unwrap()["items"].as_array().unwrap() {
        text.assert_fits(cursor, item);
        let new = item["insertText"].as_str().unwrap();
        assert_eq!(new.matches('\n').count(), new.matches("\r\n").count(), "{new:?}");
    }
    server.finish();
}

#[test]
fn explicit_request_gets_alternatives() {
    let mut server = Server::start(&json!({"time_budget_ms": 60_000}));
    server.ready();
    let mut n_others = 0;
    for (idx, (language, marked)) in PLACES.iter().enumerate() {
        let uri = format!("file:///work/{idx}");
        let (text, cursor) = open(&mut server, &uri, language, marked);
        let (line, character) = text.position(cursor);
        let mut params = place(&uri, line, character);
        assert!(server.items(&uri, line, character).len() <= 1, "one item while typing");
        params["context"]["triggerKind"] = 1.into();
        // Twice: from the model, then with the best text from memory.
        let [first, second] = [(); 2].map(|()| server.ask(INLINE, &params).unwrap());
        let new = |answer: &Value| -> Vec<String> {
            let items = answer["items"].as_array().unwrap();
            items.iter().map(|item| item["insertText"].as_str().unwrap().to_owned()).collect()
        };
        let mut texts = new(&first);
        assert_eq!(texts, new(&second), "the same request has the same answers");
        let mut names = Vec::new();
        for item in first["items"].as_array().unwrap() {
            text.assert_fits(cursor, item);
            names.push(item["command"]["arguments"][0].as_u64().unwrap());
        }
        assert!(texts.len() <= 4, "{texts:?}");
        n_others += texts.len().saturating_sub(1);
        texts.sort();
        texts.dedup();
        names.dedup();
        assert_eq!(
            (texts.len(), names.len()),
            (first["items"].as_array().unwrap().len(), texts.len())
        );
        let why = server.explain(&uri)["why"].to_string();
        assert_eq!(why.contains("alternatives: "), !texts.is_empty(), "{why}");
    }
    assert!(n_others >= PLACES.len(), "only {n_others} alternatives");
    server.finish();
}

#[test]
fn alternatives_end_with_time_budget() {
    let mut server = Server::start(&json!({"time_budget_ms": 60_000}));
    server.ready();
    let (text, cursor) = open(&mut server, URI, "rust", PLACES[2].1);
    let (line, character) = text.position(cursor);
    let mut params = place(URI, line, character);
    params["context"]["triggerKind"] = 1.into();
    let (first, older) = server.make_request(INLINE, &params);
    let (second, newer) = server.make_request(INLINE, &params);
    server.write(&frames([&older, &newer]));
    assert_eq!(server.answer(first).unwrap_err().0, -32800);
    assert!(server.answer(second).unwrap()["items"].is_array());
    let settings = json!({"time_budget_ms": 1});
    server.notify("workspace/didChangeConfiguration", &json!({"settings": {"lowkey": settings}}));
    let n_items = server.ask(INLINE, &params).unwrap()["items"].as_array().unwrap().len();
    assert!(n_items <= 4, "{n_items}");
    server.finish();
}
