//! Clients written for Copilot's language server, replayed: the messages of copilot.lua, copilot.el
//! and sidekick.nvim, in their order and with their parameters.
//!
//! Taken from their sources: copilot.lua (`api`, `client/config`, `suggestion`, `panel`, plugin
//! version 1.13.0), copilot.el 0.3 (`copilot.el`, `doc/design.md`), sidekick.nvim with the
//! configuration of nvim-lspconfig.

use lowkey_test_support::server::{INLINE, Options, Server, capabilities, notification};
use lowkey_test_support::text::Text;
use serde_json::{Value, json};

use crate::ghost_text::{PLACES, open};

/// The `clientInfo` options of Neovim's plugins.
fn neovim(plugin: &str) -> Value {
    json!({
        "editorInfo": {"name": "Neovim", "version": "0.12.4"},
        "editorPluginInfo": {"name": plugin, "version": "1.13.0"},
        "lowkey": {"time_budget_ms": 60_000},
    })
}

/// Reads status notifications until one has this kind and is not busy; each comes in both forms.
fn status(server: &mut Server, kind: &str) {
    loop {
        let elder = server.notification("statusNotification");
        let status = server.notification("didChangeStatus");
        let is_busy = status["busy"].as_bool().unwrap();
        let of_elder = if is_busy { &json!("InProgress") } else { &status["kind"] };
        assert_eq!(&elder["status"], of_elder, "{elder} {status}");
        assert_eq!(elder["message"], status["message"]);
        assert!(is_busy || status["kind"] != "Error", "{status}");
        if !is_busy && status["kind"] == kind {
            return;
        }
    }
}

/// Parameters of copilot.lua's requests for completions.
fn doc(text: &Text, uri: &str, cursor: usize) -> Value {
    let (line, character) = text.position(cursor);
    let position = json!({"line": line, "character": character});
    json!({
        "doc": {
            "uri": uri, "version": text.version, "relativePath": "a.rs", "position": position,
            "insertSpaces": true, "tabSize": 4, "indentSize": 4,
        },
        "textDocument": {"uri": uri, "version": text.version, "relativePath": "a.rs"},
        "position": position,
        "_": true,
    })
}

/// Panics unless copilot.lua would show this completion correctly.
fn assert_shown(text: &Text, cursor: usize, completion: &Value) {
    let (line, character) = text.position(cursor);
    assert!(completion["uuid"].is_string(), "{completion}");
    let range = &completion["range"];
    assert_eq!(range["start"], json!({"line": line, "character": 0}), "{completion}");
    assert_eq!(range["end"]["line"], line, "{completion}");
    assert!(range["end"]["character"].as_u64().unwrap() >= character.into(), "{completion}");
    assert_eq!(completion["position"], json!({"line": line, "character": character}));
    assert_eq!(completion["docVersion"], text.version);
    let before = &text.text[text.text[..cursor].rfind('\n').map_or(0, |end| end + 1)..cursor];
    let new = completion["text"].as_str().unwrap();
    assert_eq!(new, format!("{before}{}", completion["displayText"].as_str().unwrap()));
    assert!(!completion["displayText"].as_str().unwrap().is_empty(), "{completion}");
}

#[test]
fn copilot_lua_is_served_as_it_expects() {
    let mut server = Server::spawn(Options { by_plugin: true, ..Options::default() });
    server.client_info = json!({"name": "Neovim", "version": "0.12.4"});
    let mut client = capabilities();
    client["general"] = json!({"positionEncodings": ["utf-8", "utf-16", "utf-32"]});
    client["textDocument"] = json!({"completion": {}});
    client["window"]["showDocument"] = json!({"support": true});
    let advertised = server.initialize(&client, &neovim("copilot.lua"), None);
    assert_eq!(advertised["positionEncoding"], "utf-16", "copilot.lua uses utf-16 only");
    assert_eq!(advertised["completionProvider"], Value::Null, "copilot.lua draws ghost text");
    let settings = json!({"settings": {"enableAutoCompletions": true, "disabledLanguages": [{"languageId": "."}]}});
    server.notify("workspace/didChangeConfiguration", &settings);
    server.notify("$/setTrace", &json!({"value": "off"}));
    let signed_in = json!({"status": "OK", "user": "local"});
    assert_eq!(server.ask("checkStatus", &json!({"_": true})), Ok(signed_in.clone()));
    let local = json!({"options": {"localChecksOnly": true}, "_": true});
    assert_eq!(server.ask("checkStatus", &local), Ok(signed_in));
    let version = server.ask("getVersion", &json!({"_": true})).unwrap();
    assert!(version["version"].is_string(), "{version}");
    status(&mut server, "Normal");

    let (mut n_shown, mut n_others) = (0, 0);
    for (idx, (language, marked)) in PLACES.iter().enumerate() {
        let uri = format!("file:///work/{idx}");
        let (mut text, mut cursor) = open(&mut server, &uri, language, marked);
        let first = server.ask("getCompletions", &doc(&text, &uri, cursor)).unwrap();
        let Some(shown) = first["completions"].as_array().unwrap().first().cloned() else {
            continue;
        };
        assert_shown(&text, cursor, &shown);
        n_shown += 1;
        let uuid = json!({"uuid": shown["uuid"], "_": true});
        assert!(server.ask("notifyShown", &uuid).is_ok());
        // After the user types a letter of it, the rest is shown again.
        let letter = shown["displayText"].as_str().unwrap().chars().next().unwrap();
        let change = text.edit(cursor..cursor, &letter.to_string());
        cursor += letter.len_utf8();
        server.notify("textDocument/didChange", &text.did_change(&uri, &[change]));
        let params = doc(&text, &uri, cursor);
        for completion in
            server.ask("getCompletions", &params).unwrap()["completions"].as_array().unwrap()
        {
            assert_shown(&text, cursor, completion);
        }
        let cycling = server.ask("getCompletionsCycling", &params).unwrap();
        for completion in cycling["completions"].as_array().unwrap() {
            assert_shown(&text, cursor, completion);
            n_others += 1;
        }
        let rejected = json!({"uuids": [shown["uuid"]], "_": true});
        assert!(server.ask("notifyRejected", &rejected).is_ok());
        let units = shown["text"].as_str().unwrap().encode_utf16().count();
        let accepted = json!({"uuid": shown["uuid"], "acceptedLength": units, "_": true});
        assert!(server.ask("notifyAccepted", &accepted).is_ok());
    }
    assert!(n_shown > 0, "silent everywhere");
    assert!(n_others > n_shown, "{n_others} alternatives, {n_shown} shown");

    // The panel: a count, then each suggestion, then the end.
    let uri = "file:///work/panel.rs";
    let (text, cursor) = open(&mut server, uri, "rust", PLACES[2].1);
    let mut params = doc(&text, uri, cursor);
    params["panelId"] = json!("1:copilot:///panel.rs");
    let n = server.ask("getPanelCompletions", &params).unwrap()["solutionCountTarget"]
        .as_u64()
        .unwrap();
    for _ in 0..n {
        let solution = server.notification("PanelSolution");
        assert_eq!(solution["panelId"], params["panelId"]);
        assert!(solution["solutionId"].is_string() && solution["score"].is_f64(), "{solution}");
        assert!(
            solution["completionText"]
                .as_str()
                .unwrap()
                .ends_with(solution["displayText"].as_str().unwrap())
        );
    }
    let done = server.notification("PanelSolutionsDone");
    assert_eq!(done, json!({"panelId": params["panelId"], "status": "OK"}));

    // A superseded request gets an empty list, because the plugin shows errors to the user.
    let mut stale = params;
    stale["doc"]["version"] = json!(0);
    let stale = server.ask("getCompletions", &stale).unwrap();
    assert_eq!(stale, json!({"completions": [], "cancellationReason": "RequestCancelled"}));
    server.finish();
}

#[test]
fn copilot_el_is_served_as_it_expects() {
    let mut server = Server::spawn(Options { by_plugin: true, ..Options::default() });
    let options = json!({
        "editorInfo": {"name": "Emacs", "version": "30.1"},
        "editorPluginInfo": {"name": "copilot.el", "version": "0.3.0"},
        "networkProxy": {"host": "127.0.0.1", "port": 80},
        "lowkey": {"time_budget_ms": 60_000},
    });
    let params = json!({
        "processId": std::process::id(),
        "capabilities": {"workspace": {"workspaceFolders": true}},
        "initializationOptions": options,
    });
    let advertised = server.ask("initialize", &params).unwrap()["capabilities"].clone();
    assert_eq!(advertised["completionProvider"], Value::Null);
    // Emacs sends null where other clients send an empty object.
    for method in ["initialized", "workspace/didChangeConfiguration"] {
        let mut message = notification(method, &Value::Null);
        message["params"] = match method {
            "initialized" => Value::Null,
            _ => json!({"settings": null}),
        };
        server.send(&message);
    }
    status(&mut server, "Normal");
    for (method, answer) in [
        ("signInInitiate", json!({"status": "AlreadySignedIn", "user": "local"})),
        ("signInConfirm", json!({"status": "OK", "user": "local"})),
        ("checkStatus", json!({"status": "OK", "user": "local"})),
        ("signOut", json!({"status": "NotSignedIn"})),
    ] {
        assert_eq!(server.ask(method, &Value::Null), Ok(answer), "{method}");
    }
    let marked = "fn add(a: u32, b: u32) -> u32 {\n    a + b\n    $0\n\nfn sub(a: u32, b: u32) -> u32 {\n    a - b\n}\n";
    let places = PLACES.iter().copied().chain([("rust", marked)]);
    let (mut n_shown, mut n_dedents) = (0, 0);
    for (idx, (language, marked)) in places.enumerate() {
        let uri = format!("file:///work/{idx}");
        let (text, cursor) = open(&mut server, &uri, language, marked);
        server.notify("textDocument/didFocus", &json!({"textDocument": {"uri": uri}}));
        let (line, character) = text.position(cursor);
        let params = json!({
            "textDocument": {"uri": uri, "version": 1},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 2},
            "formattingOptions": {"tabSize": 4, "insertSpaces": true},
        });
        // copilot.el cancels the old request before it sends a new one.
        let first = server.request(INLINE, &params);
        server.notify("$/cancelRequest", &json!({"id": first}));
        if let Err((code, words)) = server.answer(first) {
            assert_eq!(code, -32800, "{words}");
        }
        let items = server.ask(INLINE, &params).unwrap()["items"].as_array().unwrap().clone();
        for item in items {
            assert_eq!(item["command"]["command"], "github.copilot.didAcceptCompletionItem");
            assert!(item["command"]["arguments"][0].is_string(), "{item}");
            let before = &text.text[cursor - character as usize..cursor];
            n_dedents += usize::from(
                !item["insertText"].as_str().unwrap().starts_with(before)
                    && item["range"]["start"]["character"] == 0,
            );
            server.notify("textDocument/didShowCompletion", &json!({"item": item}));
            let partly = json!({"item": {"command": item["command"]}, "acceptedLength": 3});
            server.notify("textDocument/didPartiallyAcceptCompletion", &partly);
            assert_eq!(server.ask("workspace/executeCommand", &item["command"]), Ok(Value::Null));
            n_shown += 1;
        }
    }
    assert!(n_shown > 1, "silent everywhere");
    assert!(n_dedents > 0, "copilot.el draws removed indentation, so it gets dedents");
    // `copilot-diagnose` sends a request for a document that is not open.
    let nowhere = json!({"doc": {
        "version": 0, "source": "\n", "path": "", "uri": "file:///buffer/none", "relativePath": "",
        "languageId": "text", "position": {"line": 0, "character": 0},
    }});
    assert_eq!(server.ask("getCompletions", &nowhere), Ok(json!({"completions": []})));
    server.finish();
}

#[test]
fn sidekick_is_served_as_it_expects() {
    let mut server = Server::spawn(Options::default());
    server.client_info = json!({"name": "Neovim", "version": "0.12.4"});
    // The configuration of nvim-lspconfig puts the editor's name in both fields.
    server.initialize(&capabilities(), &neovim("Neovim"), None);
    status(&mut server, "Normal");
    assert_eq!(server.ask("signIn", &json!({})).unwrap()["status"], "AlreadySignedIn");
    let uri = "file:///work/a.rs";
    let (text, cursor) = open(&mut server, uri, "rust", PLACES[2].1);
    server.notify("textDocument/didFocus", &json!({"textDocument": {"uri": uri}}));
    let (line, character) = text.position(cursor);
    let mut params = json!({
        "textDocument": {"uri": uri, "version": 1},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 2},
    });
    let edits = server.ask("textDocument/copilotInlineEdit", &params);
    assert_eq!(edits, Ok(json!({"edits": []})), "nothing was edited, and no error");
    params["textDocument"] = json!({"uri": uri});
    assert!(server.ask(INLINE, &params).unwrap()["items"].is_array());
    // Paused is a separate status.
    for (command, kind) in [("lowkey.pause", "Inactive"), ("lowkey.resume", "Normal")] {
        assert!(server.ask("workspace/executeCommand", &json!({"command": command})).is_ok());
        status(&mut server, kind);
    }
    server.finish();
}

#[test]
fn late_copilot_client_is_recognised() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let marked = PLACES[2].1;
    let (text, cursor) = open(&mut server, "file:///work/a.rs", "rust", marked);
    let params = doc(&text, "file:///work/a.rs", cursor);
    for (method, params) in [
        ("checkStatus", json!({})),
        ("signIn", json!({})),
        ("getCompletions", params.clone()),
        ("textDocument/copilotInlineEdit", json!({})),
        ("textDocument/copilotPanelCompletion", json!({})),
        ("conversation/create", json!({})),
    ] {
        assert_eq!(server.ask(method, &params).unwrap_err().0, -32601, "{method}");
    }
    assert!(server.ask("setEditorInfo", &neovim("copilot.vim")).is_ok());
    status(&mut server, "Normal");
    assert!(server.ask("getCompletions", &params).unwrap()["completions"].is_array());
    assert_eq!(server.ask("conversation/create", &json!({})).unwrap_err().0, -32601);
    let nonsense = server.ask("getCompletions", &json!({"doc": 3})).unwrap_err();
    assert_eq!(nonsense.0, -32602, "{}", nonsense.1);
    server.finish();
}
