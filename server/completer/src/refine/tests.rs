//! The rules about refined texts, with the toy as the local model, and a server of ours or the toy
//! again as the one that refines.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};

use lowkey_document::{ByteOffset, Document};
use lowkey_remote::RemoteState;
use lowkey_suggestion::SuggestionThreshold;
use lowkey_test_support::team_server::{Play, PlayEnd, TeamRequest, TeamServer, completion_events};
use lowkey_test_support::{TOY_BYTES, TestFolder, toy_path};
use serde_json::json;
use tokio::runtime::Runtime;

use super::*;
use crate::report::TextSource;
use crate::request::{CompletionRequest, Trigger};
use crate::second_model::SecondModelState;
use crate::settings::Settings;

mod again;
mod second;

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
        Self::with(Settings { remote_url: server.url(), ..Settings::default() })
    }

    fn with(settings: Settings) -> Self {
        let settings = Settings {
            model: toy_path().display().to_string(),
            threads: 1,
            suggestion_threshold: SuggestionThreshold::Always,
            look_ahead: false,
            time_budget_ms: 30_000,
            ..settings
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let completer = Completer::start(settings, None, None).unwrap();
        assert_eq!(completer.use_refiners(), None);
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

    /// Withholds an answer, as an editor does that could not draw it.
    fn withhold(&self, answer: &Answer) {
        let uri = lowkey_document::Uri::new("untitled:a.rs");
        self.completer.withheld(&uri, answer.id, "test", "not drawn");
    }

    /// Whether a call runs.
    fn is_asking(&self) -> bool {
        let subject = (1, LINES.len(), LINES.len());
        self.completer.refined.is_asked_about(subject)
    }

    /// Lets the runtime work until `is_so`.
    fn work_until(&self, is_so: impl Fn() -> bool) {
        wait_until(|| {
            self.runtime.block_on(tokio::task::yield_now());
            is_so()
        });
    }

    /// Waits until the other model's text is stored.
    fn wait_for_text(&self) {
        wait_until(|| !lock(&self.completer.refined.memory).is_empty());
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
    user.withhold(&first);
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
    // A call that is cancelled before it reaches the server has nothing to close.
    wait_until(|| server.asked().len() == 2);
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

/// Begins a request at the end of `text`, which the client then cancels.
fn cancel(user: &User, text: &str, is_under_way: impl Fn() -> bool) {
    let asked = request("untitled:a.rs", 1, text, TimeLimit::Unlimited);
    user.runtime.block_on(async {
        let mut answer = Box::pin(user.completer.complete(asked));
        while !is_under_way() {
            tokio::select! {
                biased;
                _ = &mut answer => panic!("it was answered"),
                () = tokio::task::yield_now() => {}
            }
        }
    });
}

/// Returns a server whose answers never end.
fn endless_server() -> TeamServer {
    TeamServer::start(|request| {
        described(request).unwrap_or_else(|| {
            let mut events = completion_events(&[" zebra"]);
            events.truncate(1);
            Play::Stream(events, PlayEnd::Hold)
        })
    })
}

#[test]
fn call_of_a_cancelled_request_is_closed() {
    let server = endless_server();
    let user = User::new(&server);
    cancel(&user, LINES, || !server.asked().is_empty());
    user.work_until(|| !user.is_asking());
    server.wait_for_close();
}

#[test]
fn call_of_an_answered_request_goes_on() {
    let server = endless_server();
    let user = User::new(&server);
    user.ask(1, LINES, TimeLimit::Budget);
    wait_until(|| !server.asked().is_empty());
    // The request is answered, so its guard does nothing, however long the runtime works.
    user.completer.refined.cancel(u64::MAX);
    assert!(user.is_asking());
}

#[test]
fn text_without_probabilities_is_one_line_and_never_quiet() {
    let server = TeamServer::start(|request| {
        described(request).unwrap_or_else(|| {
            let events = ["zebra();", "\n    let b = 1;", "\n"].map(|text| {
                let choice = json!({"index": 0, "text": text, "finish_reason": null});
                format!("data: {}\n\n", json!({"choices": [choice]})).into_bytes()
            });
            let end = b"data: [DONE]\n\n".to_vec();
            Play::Stream(events.into_iter().chain([end]).collect(), PlayEnd::Whole)
        })
    });
    let user = User::new(&server);
    // The place begins with a blank in the model's own words.
    let place = LINES.trim_end();
    let ask = |trigger| {
        let asked = CompletionRequest {
            trigger,
            ..request("untitled:a.rs", 1, place, TimeLimit::Unlimited)
        };
        user.runtime.block_on(user.completer.complete(asked))
    };
    let automatic = ask(Trigger::Automatic);
    assert_eq!(text(&automatic), "zebra();");
    assert!(automatic.report.is_refined);
    let why = automatic.report.why.join("\n");
    assert!(why.contains("only the first line is shown"), "{why}");
    // From the memory, and by a key.
    assert_eq!(text(&ask(Trigger::Automatic)), "zebra();");
    assert!(text(&ask(Trigger::Invoked)).contains("let b = 1;"));
    let quiet = Settings {
        suggestion_threshold: SuggestionThreshold::Quiet,
        ..(*user.completer.settings()).clone()
    };
    user.completer.configure(quiet);
    assert_ne!(ask(Trigger::Automatic).outcome, automatic.outcome);
}
