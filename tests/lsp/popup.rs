//! `textDocument/completion`: suggestions for editors without ghost text.

use lowkey_test_support::server::{INLINE, Options, Server, capabilities, frames, place};
use serde_json::{Value, json};

use crate::ghost_text::{PLACES, open};

const COMPLETION: &str = "textDocument/completion";

fn without_ghost_text() -> Value {
    let mut capabilities = capabilities();
    capabilities["textDocument"] =
        json!({"completion": {"completionItem": {"documentationFormat": ["markdown"]}}});
    capabilities
}

#[test]
fn popup_entry_without_ghost_text() {
    let mut server = Server::spawn(Options::default());
    let advertised = server.initialize(&without_ghost_text(), &Value::Null, None);
    assert!(advertised["completionProvider"].is_object(), "{advertised}");
    server.ready();
    let mut n_suggested = 0;
    for (idx, (language, marked)) in PLACES.iter().enumerate() {
        let uri = format!("file:///work/{idx}");
        let (text, cursor) = open(&mut server, &uri, language, marked);
        let (line, character) = text.position(cursor);
        let list = server.ask(COMPLETION, &place(&uri, line, character)).unwrap();
        assert_eq!(list["isIncomplete"], true, "{list}");
        let items = list["items"].as_array().unwrap();
        assert!(items.len() <= 1, "{list}");
        for item in items {
            assert_eq!(item["kind"], 1, "Text: {item}");
            assert_eq!(item["insertTextMode"], 1, "as is: {item}");
            assert_eq!(item["insertTextFormat"], 1, "plain: {item}");
            let edit = &item["textEdit"];
            let new = edit["newText"].as_str().unwrap();
            let label = item["label"].as_str().unwrap();
            assert_eq!(label, new.trim().lines().next().unwrap().trim());
            let n_lines = new.lines().count();
            assert!(item["detail"].as_str().unwrap().starts_with(&n_lines.to_string()), "{item}");
            assert!(item["documentation"]["value"].as_str().unwrap().contains(new), "{item}");
            // The typed part of the word is the filter, and the edit replaces exactly that part.
            let start =
                text.offset(line.into(), edit["range"]["start"]["character"].as_u64().unwrap());
            let typed = &text.text[start..cursor];
            assert_eq!(item["filterText"].as_str().unwrap_or_default(), typed, "{item}");
            assert!(new.starts_with(typed), "{item}");
            assert_eq!(item["command"]["command"], "lowkey.accept");
            n_suggested += 1;
        }
    }
    assert!(n_suggested > 0, "the popup is empty everywhere");
    server.finish();
}

#[test]
fn no_popup_entry_with_ghost_text() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let (text, cursor) = open(&mut server, "file:///work/a.js", PLACES[0].0, PLACES[0].1);
    let (line, character) = text.position(cursor);
    let list = server.ask(COMPLETION, &place("file:///work/a.js", line, character)).unwrap();
    assert_eq!(list["items"], json!([]));
    server.finish();
}

#[test]
fn popup_setting_wins() {
    for (popup, capabilities, advertises) in [
        ("always", capabilities(), true),
        ("never", without_ghost_text(), false),
        ("auto", capabilities(), false),
        ("auto", without_ghost_text(), true),
    ] {
        let mut server = Server::spawn(Options::default());
        let advertised = server.initialize(&capabilities, &json!({"popup": popup}), None);
        assert_eq!(advertised["completionProvider"].is_object(), advertises, "{popup}");
        server.finish();
    }
}

#[test]
fn popup_enabled_later_is_registered() {
    let mut server = Server::spawn(Options::default());
    let mut capabilities = capabilities();
    capabilities["textDocument"]["completion"] = json!({"dynamicRegistration": true});
    server.initialize(&capabilities, &Value::Null, None);
    server.ready();
    let settings = json!({"settings": {"lowkey": {"popup": "always"}}});
    server.notify("workspace/didChangeConfiguration", &settings);
    server.notify("workspace/didChangeConfiguration", &settings);
    // The server sends a registration request; the harness answers it.
    while !server.server_requests.iter().any(|(method, _)| method == "client/registerCapability") {
        assert!(server.ask("$/lowkey/status", &Value::Null).is_ok());
    }
    server.finish();
    let registrations =
        server.server_requests.iter().filter(|(method, _)| method == "client/registerCapability");
    let registrations: Vec<_> = registrations.collect();
    assert_eq!(registrations.len(), 1, "once: {registrations:?}");
    assert_eq!(registrations[0].1["registrations"][0]["method"], COMPLETION);
}

#[test]
fn popup_and_ghost_text_are_independent() {
    let settings = json!({"popup": "always", "time_budget_ms": 60_000});
    let mut server = Server::start(&settings);
    server.ready();
    let mut n_suggested = 0;
    for (idx, (language, marked)) in PLACES.iter().enumerate() {
        // An explicit request may have more lines, so the two do not share a decoding.
        for trigger in [1, 2] {
            let uri = format!("file:///work/{idx}-{trigger}");
            let (text, cursor) = open(&mut server, &uri, language, marked);
            let (line, character) = text.position(cursor);
            let mut ghost = place(&uri, line, character);
            ghost["context"]["triggerKind"] = trigger.into();
            let (ghost, first) = server.make_request(INLINE, &ghost);
            let popup = place(&uri, line, character);
            let (popup, second) = server.make_request(COMPLETION, &popup);
            server.write(&frames([&first, &second]));
            for id in [ghost, popup] {
                let answer = server.answer(id).expect("no newer request of its kind");
                n_suggested += answer["items"].as_array().unwrap().len();
            }
        }
    }
    assert!(n_suggested > PLACES.len(), "only {n_suggested}");
    // A newer request of the same kind still supersedes.
    let uri = "file:///work/newer.rs";
    let (text, cursor) = open(&mut server, uri, "rust", &PLACES[2].1.replace("sub", "newer"));
    let (line, character) = text.position(cursor);
    let mut requests = Vec::new();
    for method in [INLINE, COMPLETION].repeat(20) {
        requests.push(server.make_request(method, &place(uri, line, character)));
    }
    server.write(&frames(requests.iter().map(|(_, request)| request)));
    let mut n_superseded = 0;
    for (nth, (id, _)) in requests.iter().enumerate() {
        match server.answer(*id) {
            Ok(_) => {}
            Err((code, words)) => {
                assert_eq!(code, -32800, "{words}");
                assert!(nth < 38, "the newest of each kind is answered");
                n_superseded += 1;
            }
        }
    }
    assert!(n_superseded > 0, "none was superseded");
    server.finish();
}
