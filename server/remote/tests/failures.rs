//! Failures of servers: each one is a typed error with a clear text, and leads to a pause.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Duration;

use lowkey_remote::{
    Address, Ask, Flow, Remote, RemoteConfig, RemoteError, RemotePrompt, RemoteProtocol,
    RemoteState, RemoteTimeouts,
};
use lowkey_test_support::team_server::{Play, PlayEnd, TeamServer, completion_events};
use serde_json::json;

/// Text of the user's document, which the servers of these tests quote.
const SECRET: &str = "let hunter2 = 1;";

fn ask() -> Ask {
    let prompt = RemotePrompt { text: SECRET.into(), ..RemotePrompt::default() };
    Ask { prompt, max_tokens: 64, ..Ask::default() }
}

fn remote(url: &str, model: &str) -> Remote {
    let address = Address::parse(url, false).unwrap();
    let timeouts = RemoteTimeouts {
        connect: Duration::from_secs(5),
        read: Duration::from_millis(300),
        total: Duration::from_secs(5),
    };
    let config = RemoteConfig::new(address, model, RemoteProtocol::OpenAi);
    Remote::new(RemoteConfig { timeouts, ..config }, |_| {})
}

/// Asks a server that lists the model `coder` and answers the request with `play`.
fn answered(play: impl Fn() -> Play + Send + Sync + 'static) -> RemoteError {
    let server = TeamServer::start(move |request| match request.target.as_str() {
        "GET /v1/models" => Play::models("coder", "vllm"),
        _ => play(),
    });
    let remote = remote(&server.url(), "");
    let error = remote.ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert!(error.to_string().contains("127.0.0.1"), "it names the server: {error}");
    let RemoteState::Failing { reason } = remote.state() else { panic!("{:?}", remote.state()) };
    assert_eq!(reason, error.to_string());
    // The next request is not sent.
    let refused = remote.ask(|| Some(ask()), |_, _| Flow::Continue, |_| {});
    assert!(matches!(refused, Err(RemoteError::BackingOff { .. })));
    assert_eq!(server.asked().len(), 1);
    error
}

#[test]
fn statuses_are_sorted() {
    let page = |status, headers: &[(&'static str, &str)], message: &str| {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let json =
            json!({"error": {"type": "SomeError", "message": format!("{message} {SECRET}")}});
        Play::Page(status, headers, json.to_string().into_bytes())
    };
    let error = answered(move || page(401, &[], "no key"));
    assert!(matches!(error, RemoteError::Unauthorized { status: 401, .. }), "{error:?}");
    assert!(error.to_string().contains("remote_key_env"), "{error}");
    let error = answered(move || page(404, &[], "The model `coder` does not exist."));
    assert!(matches!(&error, RemoteError::NoModel { model, .. } if model == "coder"), "{error:?}");
    let error = answered(move || page(404, &[], "Not Found"));
    assert!(matches!(error, RemoteError::NoEndpoint { status: 404, .. }), "{error:?}");
    let error = answered(move || page(429, &[("Retry-After", "30")], "slow down"));
    let pause = Some(Duration::from_secs(30));
    assert!(matches!(error, RemoteError::RateLimited { retry_after, .. } if retry_after == pause));
    let error = answered(move || page(503, &[], "Loading model"));
    assert!(matches!(error, RemoteError::ServerFailed { status: 503, .. }), "{error:?}");
    let error = answered(move || page(400, &[], "too long"));
    assert!(error.detail().unwrap().contains("too long"), "{error:?}");
    assert!(error.to_string().contains("SomeError"), "{error}");
    let error = answered(move || page(302, &[("Location", "https://elsewhere.example/")], ""));
    assert!(matches!(error, RemoteError::Redirected { status: 302, .. }), "{error:?}");
}

#[test]
fn garbage_and_half_answers_are_errors() {
    let streamed = |pieces: &[&[u8]], end| {
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        move || Play::Stream(pieces.clone(), end)
    };
    let error = answered(streamed(&[b"<!doctype html>\n\n"], PlayEnd::Whole));
    assert!(matches!(error, RemoteError::Garbage { .. }), "{error:?}");
    let error = answered(streamed(&[b"data: {\"choices\":\n\n"], PlayEnd::Whole));
    assert!(matches!(error, RemoteError::Garbage { .. }), "{error:?}");
    let error = answered(streamed(&[b"data: \xff\n\n"], PlayEnd::Whole));
    assert!(matches!(error, RemoteError::Garbage { .. }), "{error:?}");
    let error = answered(|| Play::Raw(b"what is this\r\n\r\n".to_vec()));
    assert!(matches!(error, RemoteError::Garbage { .. }), "{error:?}");
    for end in [PlayEnd::Whole, PlayEnd::Cut] {
        let mut events = completion_events(&["x", "y"]);
        events.truncate(2);
        let pieces: Vec<&[u8]> = events.iter().map(Vec::as_slice).collect();
        let error = answered(streamed(&pieces, end));
        assert!(matches!(error, RemoteError::HalfAnswer { .. }), "{end:?}: {error:?}");
    }
    let error = answered(streamed(
        &[b"data: {\"error\":{\"type\":\"server_error\",\"message\":\"let hunter2\"}}\n\n"],
        PlayEnd::Whole,
    ));
    assert!(matches!(error, RemoteError::Failed { .. }), "{error:?}");
    let endless = vec![vec![b'x'; 1 << 16]; 5];
    let error = answered(move || Play::Stream(endless.clone(), PlayEnd::Whole));
    assert!(matches!(error, RemoteError::TooLong { .. }), "{error:?}");
    let many = vec![b"data: {\"choices\":[]}\n\n".repeat(1 << 14); 14];
    let error = answered(move || Play::Stream(many.clone(), PlayEnd::Whole));
    assert!(matches!(error, RemoteError::TooLong { .. }), "{error:?}");
}

#[test]
fn silent_server_is_a_timeout() {
    let error = answered(|| Play::Stream(Vec::new(), PlayEnd::Hold));
    assert!(matches!(error, RemoteError::Timeout { .. }), "{error:?}");
    let error = answered(|| {
        let mut events = completion_events(&["x"]);
        events.truncate(1);
        Play::Stream(events, PlayEnd::Hold)
    });
    assert!(matches!(error, RemoteError::Timeout { .. }), "{error:?}");
}

#[test]
fn missing_server_or_model_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let remote_at = remote(&format!("http://127.0.0.1:{port}"), "");
    let error = remote_at.ask_now(&ask(), &mut |_, _| Flow::Continue).unwrap_err();
    assert!(error.to_string().contains("no program listens there"), "{error}");
    let server = TeamServer::start(|_| Play::models("coder", "vllm"));
    let error = remote(&server.url(), "other").check(None).unwrap_err();
    assert!(error.to_string().contains("no model \"other\"; it has coder"), "{error}");
    assert!(server.asked().is_empty());
}

#[test]
fn prompt_without_sentinels_is_not_sent() {
    let server = TeamServer::start(|_| Play::models("coder", "vllm"));
    let without = Ask { prompt: RemotePrompt::default(), ..ask() };
    let error =
        remote(&server.url(), "").ask_now(&without, &mut |_, _| Flow::Continue).unwrap_err();
    assert!(matches!(error, RemoteError::NoPromptForm { .. }), "{error:?}");
    assert!(server.asked().is_empty());
}

#[test]
fn calls_are_bounded() {
    let server = TeamServer::start(|_| Play::Stream(Vec::new(), PlayEnd::Hold));
    let address = Address::parse(&server.url(), false).unwrap();
    let remote = Remote::new(RemoteConfig::new(address, "", RemoteProtocol::Auto), |_| {});
    let (to_done, done) = channel();
    let mut tickets = Vec::new();
    let error = loop {
        let to_done = to_done.clone();
        let on_done = move |result: Result<_, _>| {
            let _ = to_done.send(result.map(|_| ()));
        };
        match remote.ask(|| Some(ask()), |_, _| Flow::Continue, on_done) {
            Ok(ticket) => tickets.push(ticket),
            Err(error) => break error,
        }
        assert!(tickets.len() < 10);
    };
    assert!(matches!(error, RemoteError::Busy { .. }), "{error:?}");
    let n_calls = tickets.len();
    drop(tickets);
    for _ in 0..n_calls {
        assert_eq!(done.recv().unwrap(), Err(RemoteError::Cancelled));
    }
}
