//! A remote server or a second model next to the local model: its text, its failures, and the end of
//! the process.
//!
//! The remote server is ours and plays vLLM.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{INLINE, Options, Server, capabilities, place};
use lowkey_test_support::team_server::{Play, PlayEnd, TeamRequest, TeamServer, completion_events};
use serde_json::{Value, json};

const URI: &str = "untitled:a.rs";
const TEXT: &str = "fn main() {\n    let value_1 = compute(1);\n    let value_2 = \n}\n";

/// The answers about the server itself; `None` for a request for a text.
fn described(request: &TeamRequest) -> Option<Play> {
    match request.target.as_str() {
        "GET /v1/models" => Some(Play::models("coder", "vllm")),
        "POST /tokenize" => Some(Play::json(404, &json!({"detail": "Not Found"}))),
        _ => None,
    }
}

fn start(team: &TeamServer, more: &Value, env: Vec<(&'static str, String)>) -> Server {
    let mut settings = json!({"remote_url": team.url()});
    settings.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    start_with(&settings, &capabilities(), env)
}

fn start_with(more: &Value, client: &Value, env: Vec<(&'static str, String)>) -> Server {
    let mut settings = json!({"time_budget_ms": 60_000, "look_ahead": false});
    settings.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let mut server = Server::spawn(Options { env, ..Options::default() });
    server.initialize(client, &settings, None);
    server.ready();
    server.open(URI, "rust", TEXT);
    server
}

/// Asks for several lines at the end of the third line, so that the remote server is asked at once.
fn ask(server: &mut Server) -> Value {
    ask_at(server, 18)
}

fn ask_at(server: &mut Server, column: u32) -> Value {
    let mut params = place(URI, 2, column);
    params["context"]["triggerKind"] = 1.into();
    server.ask(INLINE, &params).unwrap()
}

/// Types at the end of the third line.
fn type_text(server: &mut Server, text: &str) {
    let place = json!({"line": 2, "character": 18});
    let change = json!({"range": {"start": place, "end": place}, "text": text});
    let params = json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": [change]});
    server.notify("textDocument/didChange", &params);
}

/// Waits until the remote server was asked for a text.
fn wait_until_asked(team: &TeamServer) {
    let began = std::time::Instant::now();
    while team.asked().is_empty() {
        assert!(began.elapsed() < lowkey_test_support::server::TIMEOUT, "it was not asked");
        std::thread::yield_now();
    }
}

#[test]
fn text_of_the_server_appears_and_its_key_stays_secret() {
    let team = TeamServer::start(|request| {
        described(request).unwrap_or_else(|| Play::completion(&[" zebra", "(2);"]))
    });
    let env = vec![("TEAM_KEY", "sk-secret".to_owned()), ("LOWKEY_LOG", "debug".to_owned())];
    let mut server = start(&team, &json!({"remote_key_env": "TEAM_KEY"}), env);
    let state = |server: &mut Server| server.ask("$/lowkey/status", &Value::Null).unwrap();
    assert_eq!(state(&mut server)["remote"]["state"], "unused");
    // The first text is not waited for: the server has not shown yet how fast it is.
    ask(&mut server);
    wait_until_asked(&team);
    type_text(&mut server, "ze");
    let items = ask_at(&mut server, 20);
    let items = items["items"].as_array().or(items.as_array()).unwrap();
    let text = items[0]["insertText"].as_str().unwrap();
    assert!(text.ends_with("bra(2);"), "{text}");
    let remote = state(&mut server)["remote"].clone();
    assert_eq!((&remote["state"], &remote["model"]), (&json!("working"), &json!("coder")));
    for request in team.requests() {
        assert_eq!(request.authorization.as_deref(), Some("Bearer sk-secret"));
    }
    let log = server.finish();
    assert!(log.contains("DEBUG") && !log.contains("sk-secret"), "{log}");
}

#[test]
fn failing_server_is_one_message() {
    let team = TeamServer::start(|_| Play::json(401, &json!({"error": "no"})));
    let mut server = start(&team, &Value::Null, Vec::new());
    ask(&mut server);
    let message = server.notification("window/showMessage");
    assert_eq!(message["type"], 2, "a warning: {message}");
    let words = message["message"].as_str().unwrap();
    assert!(words.contains("HTTP 401") && words.contains("remote_key_env"), "{words}");
    // The pause: no further request, and no further message.
    let n_requests = team.requests().len();
    type_text(&mut server, "qq");
    ask_at(&mut server, 20);
    assert_eq!(team.requests().len(), n_requests);
    let why = server.explain(URI)["why"].to_string();
    assert!(why.contains("not asked: after a failure"), "{why}");
    let status = server.ask("$/lowkey/status", &Value::Null).unwrap();
    assert_eq!(
        (&status["state"], &status["remote"]["state"]),
        (&json!("ready"), &json!("failing"))
    );
    server.finish();
}

#[test]
fn unusable_settings_are_one_message() {
    let folder = TestFolder::new("remote-key");
    let key = folder.join("key");
    std::fs::write(&key, "sk-secret").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let team = TeamServer::start(|_| Play::models("coder", "vllm"));
    let mut server = start(&team, &json!({"remote_key_file": key}), Vec::new());
    let message = server.notification("window/showMessage");
    let words = message["message"].as_str().unwrap();
    assert!(words.contains("chmod 600") && !words.contains("sk-secret"), "{words}");
    ask(&mut server);
    assert_eq!(team.requests(), [], "a server without its key is not asked");
    server.finish();
}

#[test]
fn exit_does_not_wait_for_the_server() {
    let team = TeamServer::start(|request| {
        described(request).unwrap_or_else(|| {
            let mut events = completion_events(&[" zebra"]);
            events.truncate(1);
            Play::Stream(events, PlayEnd::Hold)
        })
    });
    let mut server = start(&team, &Value::Null, Vec::new());
    ask(&mut server);
    wait_until_asked(&team);
    server.finish();
    team.wait_for_close();
}

/// Starts a server whose remote server answers when the test sends to the returned channel. Only
/// texts of the remote server are probable enough to be shown.
fn start_with_late_answers(client: &Value) -> (Server, TeamServer, Sender<()>) {
    let (go, wait) = channel();
    let wait = Mutex::new(wait);
    let team = TeamServer::start(move |request| {
        described(request).unwrap_or_else(|| {
            let _ = wait.lock().unwrap().recv();
            Play::completion(&[" zebra", "(2);"])
        })
    });
    let settings = json!({"remote_url": team.url(), "suggestion_threshold": "quiet"});
    let mut server = start_with(&settings, client, Vec::new());
    // Typing: one line, which the local model is too unsure of to show.
    assert_eq!(texts(&mut server), [] as [String; 0]);
    wait_until_asked(&team);
    (server, team, go)
}

/// Asks while typing, at the end of the third line; returns the texts.
fn texts(server: &mut Server) -> Vec<String> {
    let items = server.ask(INLINE, &place(URI, 2, 18)).unwrap();
    let items = items["items"].as_array().or(items.as_array()).unwrap();
    items.iter().map(|item| item["insertText"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the remote server's text has arrived.
fn wait_until_working(server: &mut Server) {
    let began = std::time::Instant::now();
    while server.ask("$/lowkey/status", &Value::Null).unwrap()["remote"]["state"] != "working" {
        assert!(began.elapsed() < lowkey_test_support::server::TIMEOUT, "no text has arrived");
    }
}

#[test]
fn client_that_can_be_told_asks_again() {
    let mut client = capabilities();
    client["experimental"] = json!({"lowkey": {"askAgain": true}});
    let (mut server, _team, go) = start_with_late_answers(&client);
    go.send(()).unwrap();
    let told = server.notification("$/lowkey/askAgain");
    let expected = json!({
        "textDocument": {"uri": URI, "version": 1},
        "position": {"line": 2, "character": 18},
    });
    assert_eq!(told, expected);
    let texts = texts(&mut server);
    assert!(texts[0].ends_with("zebra(2);"), "{texts:?}");
    // Strict: the end of the test fails if anything is left unread, such as a second notification.
    server.finish();
}

#[test]
fn client_without_the_capability_is_not_told() {
    let (mut server, _team, go) = start_with_late_answers(&capabilities());
    go.send(()).unwrap();
    wait_until_working(&mut server);
    let texts = texts(&mut server);
    assert!(texts[0].ends_with("zebra(2);"), "{texts:?}");
    server.finish();
}

#[test]
fn client_is_not_told_after_a_change() {
    let mut client = capabilities();
    client["experimental"] = json!({"lowkey": {"askAgain": true}});
    let (mut server, _team, go) = start_with_late_answers(&client);
    type_text(&mut server, "q");
    go.send(()).unwrap();
    wait_until_working(&mut server);
    server.finish();
}

#[test]
fn second_model_that_cannot_be_loaded_is_one_message() {
    let settings = json!({"refine_model": "no-such-model"});
    let mut server = start_with(&settings, &capabilities(), Vec::new());
    let status = |server: &mut Server| {
        let status = server.ask("$/lowkey/status", &Value::Null).unwrap();
        (status["state"].clone(), status["refine_model"]["state"].clone())
    };
    assert_eq!(status(&mut server), (json!("ready"), json!("unused")));
    ask(&mut server);
    let message = server.notification("window/showMessage");
    let words = message["message"].as_str().unwrap();
    assert!(words.contains("refine_model") && words.contains("no-such-model"), "{words}");
    assert_eq!(status(&mut server), (json!("ready"), json!("failed")));
    type_text(&mut server, "qq");
    ask_at(&mut server, 20);
    server.finish();
}
