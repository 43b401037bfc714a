//! The rules about the remote server, with the toy as the local model and a server of ours.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};

use lowkey_document::{ByteOffset, Document};
use lowkey_suggestion::SuggestionThreshold;
use lowkey_test_support::team_server::{Play, PlayEnd, TeamRequest, TeamServer, completion_events};
use lowkey_test_support::toy_path;
use serde_json::json;
use tokio::runtime::Runtime;

use super::*;
use crate::request::CompletionRequest;

/// Lines whose continuation the toy knows.
const LINES: &str = "fn main() {\n    let value_1 = compute(value_1);\n    let value_2 = compute(value_2);\n    let value_3 = compute(value_3);\n    let value_4 = compute(value_4);\n    let value_5 = ";

/// The answers about the server itself; `None` for a request for a text.
fn described(request: &TeamRequest) -> Option<Play> {
    match request.target.as_str() {
        "GET /v1/models" => Some(Play::models("big/coder", "vllm")),
        "POST /tokenize" => Some(Play::json(404, &json!({"detail": "Not Found"}))),
        _ => None,
    }
}

/// Waits for something that another thread does; fails if it hangs.
fn wait_until(is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(1), "it does not happen");
        std::thread::yield_now();
    }
}

struct User {
    runtime: Runtime,
    completer: Arc<Completer>,
}

impl User {
    fn new(server: &TeamServer) -> Self {
        let settings = Settings {
            model: toy_path().display().to_string(),
            threads: 1,
            remote_url: server.url(),
            suggestion_threshold: SuggestionThreshold::Always,
            look_ahead: false,
            time_budget_ms: 30_000,
            ..Settings::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let completer = Completer::start(settings, None, None).unwrap();
        assert_eq!(completer.use_remote(), None);
        runtime.block_on(completer.ready());
        Self { runtime, completer }
    }

    /// Asks for several lines at the end of `text`, so that the server is asked at once.
    fn ask(&self, version: i32, text: &str, limit: TimeLimit) -> Answer {
        self.runtime.block_on(self.completer.complete(request(
            "untitled:a.rs",
            version,
            text,
            limit,
        )))
    }

    /// Waits until the server's text is stored.
    fn wait_for_text(&self) {
        wait_until(|| !lock(&self.completer.remote.memory).is_empty());
    }
}

fn request(uri: &str, version: i32, text: &str, limit: TimeLimit) -> CompletionRequest {
    let snapshot = Document::open(uri, "rust", version, text).snapshot();
    let cursor = ByteOffset(text.len());
    CompletionRequest {
        multiline: Some(true),
        time_limit: limit,
        ..CompletionRequest::new(snapshot, cursor)
    }
}

fn text(answer: &Answer) -> &str {
    match &answer.outcome {
        Outcome::Insert(insert) => &insert.text,
        Outcome::Nothing | Outcome::Superseded => panic!("no text: {answer:?}"),
    }
}

/// Returns a server that answers with `tokens` when the test sends to the returned channel.
fn waiting_server(tokens: &'static [&'static str]) -> (TeamServer, Sender<()>) {
    let (go, wait) = channel();
    let wait = Mutex::new(wait);
    let server = TeamServer::start(move |request| {
        described(request).unwrap_or_else(|| {
            let _ = lock(&wait).recv();
            Play::completion(tokens)
        })
    });
    (server, go)
}

#[test]
fn text_in_time_is_used() {
    let server = TeamServer::start(|request| {
        // The model writes the blank before the cursor itself.
        described(request).unwrap_or_else(|| Play::completion(&[" zebra", "();", "\n"]))
    });
    let user = User::new(&server);
    let answer = user.ask(1, LINES, TimeLimit::Unlimited);
    assert_eq!(text(&answer), "zebra();");
    let report = &answer.report;
    assert_eq!((report.source, report.model.as_str()), (TextSource::Remote, "big/coder"));
    assert_eq!((report.tokens.prompt, report.tokens.reused), (40, 32));
    assert!(report.why.iter().any(|why| why.starts_with("remote: big/coder was asked")));
    let asked = server.asked();
    let prompt = asked[0].json["prompt"].as_str().unwrap();
    assert!(prompt.ends_with("let value_5 ="), "{prompt}");
    // The next key is answered from memory.
    let answer = user.ask(2, &format!("{LINES}ze"), TimeLimit::Unlimited);
    assert_eq!((text(&answer), answer.report.source), ("bra();", TextSource::Memory));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn late_text_never_replaces_a_shown_one() {
    let (server, go) = waiting_server(&[" zebra", "();"]);
    let user = User::new(&server);
    // A server that has not answered yet is not waited for, with any budget.
    let first = user.ask(1, LINES, TimeLimit::Budget);
    let shown = text(&first).to_owned();
    assert_eq!(first.report.source, TextSource::Model);
    assert!(!shown.starts_with('z') && shown.is_ascii() && shown.len() >= 2, "{shown:?}");
    go.send(()).unwrap();
    user.wait_for_text();
    // The same place again, and the shown text typed: the shown text stays.
    let again = user.ask(1, LINES, TimeLimit::Budget);
    assert_eq!(text(&again), shown);
    let (typed, rest) = shown.split_at(1);
    let next = user.ask(2, &format!("{LINES}{typed}"), TimeLimit::Budget);
    assert_eq!(text(&next), rest);
    assert_eq!(server.asked().len(), 1, "nothing is asked about a shown text");
    // Something else typed: the server's text appears.
    let other = user.ask(3, &format!("{LINES}z"), TimeLimit::Budget);
    assert_eq!((text(&other), other.report.source), ("ebra();", TextSource::Memory));
    assert_eq!(other.report.model, "big/coder");
}

#[test]
fn late_text_appears_where_nothing_is_shown() {
    let (server, go) = waiting_server(&[" zebra", "();"]);
    let user = User::new(&server);
    let first = user.ask(1, LINES, TimeLimit::Budget);
    // As an editor does that could not draw it.
    user.completer.withheld(
        &lowkey_document::Uri::new("untitled:a.rs"),
        first.id,
        "test",
        "not drawn",
    );
    go.send(()).unwrap();
    user.wait_for_text();
    let again = user.ask(1, LINES, TimeLimit::Budget);
    assert_eq!((text(&again), again.report.source), ("zebra();", TextSource::Memory));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn superseded_call_is_closed() {
    let server = TeamServer::start(|request| {
        described(request).unwrap_or_else(|| {
            let mut events = completion_events(&[" zebra"]);
            events.truncate(1);
            Play::Stream(events, PlayEnd::Hold)
        })
    });
    let user = User::new(&server);
    user.ask(1, LINES, TimeLimit::Budget);
    wait_until(|| !server.asked().is_empty());
    // The typed text agrees with what the server may still write: the call goes on.
    user.ask(2, &format!("{LINES}z"), TimeLimit::Budget);
    assert_eq!(server.asked().len(), 1);
    user.ask(3, &format!("{LINES}7;\n    let value_6 = "), TimeLimit::Budget);
    server.wait_for_close();
    // So is the one about a document that is closed, and the one at the end.
    let closed = request("untitled:b.rs", 1, LINES, TimeLimit::Budget);
    user.runtime.block_on(user.completer.complete(closed.clone()));
    server.wait_for_close();
    wait_until(|| server.asked().len() == 3);
    user.completer.closed(closed.snapshot.uri());
    server.wait_for_close();
    user.ask(4, LINES, TimeLimit::Budget);
    wait_until(|| server.asked().len() == 4);
    user.completer.shutdown();
    server.wait_for_close();
}

#[test]
fn hidden_documents_are_not_sent() {
    let server =
        TeamServer::start(|request| described(request).unwrap_or_else(|| Play::completion(&["x"])));
    let user = User::new(&server);
    for uri in ["file:///home/u/.env", "untitled:.env.local", "file:///home/u/id_rsa"] {
        let asked = request(uri, 1, "PASSWORD=", TimeLimit::Unlimited);
        let answer = user.runtime.block_on(user.completer.complete(asked));
        assert_eq!(answer.report.silent.as_deref(), Some("denied"), "{uri}");
    }
    assert_eq!(server.requests(), [], "nothing was sent");
}

#[test]
fn failing_server_leaves_the_local_answer() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = Arc::clone(&is_up);
    let server = TeamServer::start(move |request| {
        if up.load(Ordering::SeqCst) {
            return described(request).unwrap_or_else(|| Play::completion(&[" zebra();"]));
        }
        Play::Page(429, vec![("Retry-After", "600".into())], Vec::new())
    });
    let user = User::new(&server);
    let first = user.ask(1, LINES, TimeLimit::Unlimited);
    assert_eq!(first.report.source, TextSource::Model);
    let why = first.report.why.join("\n");
    assert!(why.contains("limits requests (HTTP 429); it asks for a pause of 600 s"), "{why}");
    let RemoteState::Failing { reason } = user.completer.subscribe_remote().borrow().clone() else {
        panic!("the state is not failing");
    };
    assert!(reason.contains("HTTP 429"), "{reason}");
    let n_requests = server.requests().len();
    let second = user.ask(2, &format!("{LINES}q"), TimeLimit::Unlimited);
    assert!(second.report.why.join("\n").contains("not asked: after a failure"), "{second:?}");
    assert_eq!(server.requests().len(), n_requests);
    // Changed settings end the pause.
    is_up.store(true, Ordering::SeqCst);
    let settings =
        Settings { remote_model: "big/coder".into(), ..(*user.completer.settings()).clone() };
    assert_eq!(user.completer.configure(settings), [] as [String; 0]);
    let third = user.ask(3, LINES, TimeLimit::Unlimited);
    assert_eq!(third.report.source, TextSource::Remote, "{third:?}");
}

#[test]
fn nothing_is_sent_until_the_front_end_allows_it() {
    let server = TeamServer::start(|_| Play::models("coder", "vllm"));
    let settings = Settings {
        model: toy_path().display().to_string(),
        remote_url: server.url(),
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let completer = Completer::start(settings.clone(), None, None).unwrap();
    runtime.block_on(completer.complete(request("untitled:a.rs", 1, LINES, TimeLimit::Unlimited)));
    completer.configure(Settings { remote_model: "x".into(), ..settings });
    runtime.block_on(completer.complete(request("untitled:a.rs", 1, LINES, TimeLimit::Unlimited)));
    assert_eq!(server.requests(), []);
}

#[test]
fn wrong_settings_are_a_problem_in_words() {
    let server = TeamServer::start(|_| Play::models("coder", "vllm"));
    let user = User::new(&server);
    let settings = Settings { remote_url: "http://gpu.example".into(), ..Settings::default() };
    let problems = user.completer.configure(settings);
    assert!(
        problems.iter().any(|problem| problem.contains("remote_allow_plain_http")),
        "{problems:?}"
    );
    assert_eq!(user.completer.remote(), None);
}

#[test]
fn texts_continue_each_other_or_do_not() {
    for (shown, text, expected) in [
        (None, "b", true),
        (Some("a(b)"), "a(b)", true),
        (Some("a(b)"), "a(b);\nc", true),
        (Some("a(b);\r\nc"), "a(b);\nc\nd", true),
        (Some("a(b);\nc"), "a(b);", true),
        (Some("x"), "    x + y", true),
        (Some("a(b)"), "a(c)", false),
        (Some("a"), "b", false),
    ] {
        assert_eq!(continues(shown, text), expected, "{shown:?} and {text:?}");
    }
}

#[test]
fn improbable_and_removed_texts_are_unsure() {
    use crate::report::GateReport;
    let gate = |probability| Some(GateReport { probability, threshold: 0.3 });
    let report = |gate, silent: Option<&str>, text: &str| Report {
        gate,
        silent: silent.map(str::to_owned),
        text: text.into(),
        source: TextSource::Model,
        ..Report::default()
    };
    assert!(is_unsure(&report(gate(0.49), None, "x")));
    assert!(!is_unsure(&report(gate(0.51), None, "x")));
    assert!(is_unsure(&report(None, Some("repetition"), "x")));
    assert!(is_unsure(&report(None, Some("deadline"), "")));
    assert!(!is_unsure(&report(None, Some("too-little"), "")), "the line is complete");
    let paused = Report { source: TextSource::None, ..report(None, Some("paused"), "") };
    assert!(!is_unsure(&paused));
}

#[test]
fn text_at_the_token_limit_keeps_whole_lines() {
    let whole = |text: &str, end| {
        let answer = RemoteText {
            text: text.into(),
            log_probs: Vec::new(),
            end,
            counts: lowkey_remote::RemoteCounts::default(),
            first_text: Duration::ZERO,
            total: Duration::ZERO,
            model: "m".into(),
            form: "token ids",
        };
        whole_text(answer, None).0
    };
    assert_eq!(whole("a\nb", RemoteEnd::Limit).as_deref(), Some("a"));
    assert_eq!(whole("a", RemoteEnd::Limit), None);
    assert_eq!(whole("a", RemoteEnd::Stop).as_deref(), Some("a"));
}
