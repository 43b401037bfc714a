//! Start, loading, shutdown, exit codes, and requests at the wrong time.

use std::time::{Duration, Instant};

use lowkey_test_support::server::{
    INLINE, Options, Server, capabilities, frames, notification, place,
};
use serde_json::{Value, json};

const URI: &str = "file:///work/a.rs";

#[test]
fn session_ends_with_code_0_after_shutdown() {
    let mut server = Server::start(&Value::Null);
    server.finish();
}

#[test]
fn exit_without_shutdown_is_code_1() {
    let mut server = Server::start(&Value::Null);
    server.notify("exit", &Value::Null);
    assert_eq!(server.wait_for_exit().0, Some(1));
}

#[test]
fn closed_stdin_ends_server() {
    let mut server = Server::start(&Value::Null);
    server.close_stdin();
    assert_eq!(server.wait_for_exit().0, Some(1));

    let mut server = Server::start(&Value::Null);
    assert_eq!(server.ask("shutdown", &Value::Null), Ok(Value::Null));
    server.close_stdin();
    assert_eq!(server.wait_for_exit().0, Some(0));

    let mut server = Server::spawn(Options::default());
    server.close_stdin();
    assert_eq!(server.wait_for_exit().0, Some(1), "before initialize");
}

#[test]
fn killed_editor_ends_server() {
    let text = "fn main() {\n    \n}\n";
    for n_requests in [0, 5] {
        // While the model loads, and when it is loaded.
        for is_ready in [false, true] {
            let mut server = Server::start(&json!({"time_budget_ms": 60_000}));
            if is_ready {
                server.ready();
            }
            for n in 0..n_requests {
                let uri = format!("file:///work/{n}.rs");
                server.open(&uri, "rust", text);
                server.request(INLINE, &place(&uri, 1, 4));
            }
            let log = server.disconnect();
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

#[cfg(unix)]
#[test]
fn dead_editor_process_ends_server() {
    let mut editor = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let mut server = Server::spawn(Options::default());
    let params = json!({"processId": editor.id(), "rootUri": null, "capabilities": {}});
    assert!(server.ask("initialize", &params).is_ok());
    server.notify("initialized", &json!({}));
    assert!(
        server.ask("$/lowkey/status", &Value::Null).is_ok(),
        "it serves while the editor is there"
    );
    editor.kill().unwrap();
    editor.wait().unwrap();
    let (code, log) = server.wait_for_exit();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the editor is gone"), "{log}");
}

#[test]
fn request_before_closed_stdin_is_answered() {
    let mut server = Server::start(&Value::Null);
    server.open(URI, "rust", "fn main() {\n    \n}\n");
    let id = server.request(INLINE, &place(URI, 1, 4));
    server.close_stdin();
    server.wait_for_exit();
    assert!(server.answer(id).is_ok_and(|result| result["items"].is_array()));
}

#[test]
fn requests_after_shutdown_are_rejected() {
    let mut server = Server::start(&Value::Null);
    assert_eq!(server.ask("shutdown", &Value::Null), Ok(Value::Null));
    assert_eq!(server.ask(INLINE, &place(URI, 0, 0)).unwrap_err().0, -32600);
    assert_eq!(server.ask("shutdown", &Value::Null).unwrap_err().0, -32600);
    server.notify("exit", &Value::Null);
    assert_eq!(server.wait_for_exit().0, Some(0));
}

#[test]
fn request_before_initialize_is_rejected() {
    let mut server = Server::spawn(Options::default());
    assert_eq!(server.ask(INLINE, &place(URI, 0, 0)).unwrap_err().0, -32002);
    server.open(URI, "rust", "dropped, as the specification says");
    server.initialize(&capabilities(), &Value::Null, None);
    assert_eq!(server.document(URI), Value::Null);
    assert_eq!(server.ask("initialize", &json!({"capabilities": {}})).unwrap_err().0, -32600);
    server.finish();
}

#[test]
fn early_messages_are_not_lost() {
    let mut server = Server::spawn(Options::default());
    let (initialize, first) =
        server.make_request("initialize", &json!({"capabilities": capabilities()}));
    let item =
        json!({"uri": URI, "languageId": "rust", "version": 3, "text": "fn main() {\n    \n}\n"});
    let open = notification("textDocument/didOpen", &json!({ "textDocument": item }));
    let (inline, second) = server.make_request(INLINE, &place(URI, 1, 4));
    let (document, third) =
        server.make_request("$/lowkey/document", &json!({"textDocument": {"uri": URI}}));
    server.write(&frames([&first, &open, &second, &third]));
    assert!(server.answer(inline).unwrap()["items"].is_array());
    assert_eq!(server.answer(document).unwrap()["version"], 3);
    assert!(server.answer(initialize).is_ok());
    assert_eq!(server.order[0], initialize, "initialize is answered first");
    server.finish();
}

#[test]
fn initialize_does_not_wait_for_model() {
    let mut server = Server::spawn(Options::default());
    let started = Instant::now();
    server.initialize(&capabilities(), &Value::Null, None);
    // A generous limit, because the machine is shared; the README has the measured figure.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    server.finish();
}

#[test]
fn request_during_loading_keeps_budget() {
    let mut server = Server::start(&json!({"time_budget_ms": 1}));
    server.open(URI, "rust", "fn main() {\n    \n}\n");
    let started = Instant::now();
    for _ in 0..20 {
        server.items(URI, 1, 4);
    }
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    server.ready();
    server.finish();
}

#[test]
fn loading_reports_progress() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    // The harness checks each report; all progress has ended when the server ends.
    let log = server.finish();
    let created =
        server.server_requests.iter().filter(|(m, _)| m == "window/workDoneProgress/create");
    assert!(created.count() <= 1, "one token at most: {log}");
}

#[test]
fn load_failure_is_one_message() {
    let mut server = Server::start(&json!({"model": "/nonexistent/model.gguf"}));
    let message = server.notification("window/showMessage");
    assert_eq!(message["type"], 1, "an error: {message}");
    assert!(message["message"].as_str().unwrap().contains("/nonexistent/model.gguf"), "{message}");
    server.open(URI, "rust", "fn main() {\n    \n}\n");
    assert_eq!(server.items(URI, 1, 4), [] as [Value; 0]);
    assert_eq!(server.ask("$/lowkey/status", &Value::Null).unwrap()["state"], "failed");
    server.finish();
}

/// CPU seconds that a process has used in all its threads.
#[cfg(target_os = "linux")]
fn cpu_seconds(process_id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).unwrap();
    // The fields after the name, which may contain any character: state is field 3, utime and stime
    // are 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |field: usize| fields[field - 3].parse::<f64>().unwrap();
    (ticks(14) + ticks(15)) / 100.0
}

#[cfg(target_os = "linux")]
#[test]
fn server_is_idle_5_seconds_after_last_key() {
    // Includes saving the session, which happens in the first pause and is finished by then.
    let folder = lowkey_test_support::TestFolder::new("rest");
    let env = vec![("LOWKEY_CACHE_DIR", folder.display().to_string())];
    let mut server = Server::spawn(Options { env, ..Options::default() });
    server.initialize(&capabilities(), &Value::Null, None);
    let (uri, mut text, cursor, _) = crate::ghost_text::suggested(&mut server);
    let change = text.edit(cursor..cursor, "x");
    server.notify("textDocument/didChange", &text.did_change(&uri, &[change]));
    let (line, character) = text.position(cursor + 1);
    server.items(&uri, line, character);
    // Short sessions are not saved, and the number of tokens before the position above depends on
    // the model.
    let long = include_str!("../traces/start/inventory.rs");
    server.open("file:///work/long.rs", "rust", long);
    server.items("file:///work/long.rs", 40, 0);
    server.expect_silence(Duration::from_secs(5));
    let before = cpu_seconds(server.process_id());
    server.expect_silence(Duration::from_secs(3));
    let used = cpu_seconds(server.process_id()) - before;
    assert!(used <= 0.02, "{used} s of CPU in 3 s of rest");
    assert!(std::fs::read_dir(folder.join("sessions")).unwrap().count() > 0, "it was saved");
    server.finish();
}

#[test]
fn root_with_blank_is_accepted() {
    for root in ["file:///my project", "", "%%%"] {
        let mut server = Server::spawn(Options::default());
        let params = json!({"capabilities": capabilities(), "rootUri": root, "workspaceFolders": [{"uri": root, "name": ""}]});
        assert!(server.ask("initialize", &params).is_ok(), "{root:?}");
        server.finish();
    }
}

#[test]
fn capabilities_match_handlers() {
    let mut server = Server::spawn(Options::default());
    let advertised = server.initialize(&capabilities(), &Value::Null, None);
    assert_eq!(advertised["positionEncoding"], "utf-16");
    assert_eq!(advertised["inlineCompletionProvider"], true);
    assert_eq!(advertised["textDocumentSync"]["change"], 2, "incremental");
    assert_eq!(advertised["completionProvider"], Value::Null, "ghost text is enough");
    for command in advertised["executeCommandProvider"]["commands"].as_array().unwrap() {
        let params = json!({"command": command, "arguments": [1]});
        assert!(server.ask("workspace/executeCommand", &params).is_ok(), "{command}");
    }
    let unknown = json!({"command": "lowkey.unknown"});
    assert_eq!(server.ask("workspace/executeCommand", &unknown).unwrap_err().0, -32602);
    assert_eq!(server.ask("textDocument/hover", &place(URI, 0, 0)).unwrap_err().0, -32601);
    server.finish();
}

#[test]
fn first_common_encoding_is_used() {
    for (offered, chosen) in [
        (json!(["utf-8", "utf-32", "utf-16"]), "utf-8"),
        (json!(["utf-16"]), "utf-16"),
        (json!(["utf-32"]), "utf-32"),
        (json!(["utf-7"]), "utf-16"),
        (Value::Null, "utf-16"),
    ] {
        let mut server = Server::spawn(Options::default());
        let mut capabilities = capabilities();
        capabilities["general"]["positionEncodings"] = offered;
        let advertised = server.initialize(&capabilities, &Value::Null, None);
        assert_eq!(advertised["positionEncoding"], chosen);
        server.open(URI, "rust", "😀x\n");
        let column = match chosen {
            "utf-8" => 4,
            "utf-16" => 2,
            _ => 1,
        };
        let at = json!({"line": 0, "character": column});
        let change = json!({"range": {"start": at, "end": at}, "text": "é"});
        let params =
            json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": [change]});
        server.notify("textDocument/didChange", &params);
        let mut expected = lowkey_test_support::text::Text::new("😀éx\n");
        expected.version = 2;
        assert_eq!(server.document(URI), expected.fingerprint(), "{chosen}");
        server.finish();
    }
}
