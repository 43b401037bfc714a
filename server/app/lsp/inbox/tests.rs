//! Order and isolation, with a service that records.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tower_lsp::jsonrpc::ErrorCode;

use super::*;

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Edits for Log {
    fn takes(&self, method: &str) -> bool {
        method.starts_with("edit")
    }

    fn apply(&self, method: &str, _: Option<Value>) {
        self.note(method);
        assert!(method != "edit panics", "as asked");
    }
}

impl Service<Request> for Log {
    type Response = Option<Response>;
    type Error = Infallible;
    type Future = Pending<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let log = self.clone();
        let (method, id, _) = request.into_parts();
        Box::pin(async move {
            log.note(&method);
            if method.contains("waits") {
                tokio::task::yield_now().await;
                log.note(&format!("{method}, end"));
            }
            assert!(!method.contains("panics"), "as asked");
            Ok(id.map(|id| Response::from_ok(id, json!(method))))
        })
    }
}

fn inbox() -> (Inbox<Log, Log>, Log) {
    let log = Log::default();
    (Inbox::new(log.clone(), log.clone()), log)
}

fn request(method: &'static str) -> Request {
    Request::build(method).id(1).finish()
}

fn notification(method: &'static str) -> Request {
    Request::build(method).finish()
}

#[tokio::test]
async fn messages_take_effect_when_they_are_called_not_when_they_are_polled() {
    let (mut inbox, log) = inbox();
    let first = inbox.call(request("waits"));
    let edit = inbox.call(notification("edit"));
    let second = inbox.call(request("answers"));
    assert_eq!(log.lines(), ["waits", "edit", "answers"]);
    // Polled in the opposite order, each is answered once.
    assert!(second.await.unwrap().is_some());
    assert!(edit.await.unwrap().is_none());
    assert!(first.await.unwrap().unwrap().is_ok());
    assert_eq!(log.lines(), ["waits", "edit", "answers", "waits, end"]);
}

#[tokio::test]
async fn a_panic_before_or_after_a_wait_answers_its_own_request_only() {
    let (mut inbox, _) = inbox();
    for method in ["panics", "waits and panics"] {
        let answer = inbox.call(request(method)).await.unwrap().unwrap();
        assert_eq!(answer.error().unwrap().code, ErrorCode::InternalError);
        assert!(inbox.call(request("answers")).await.unwrap().unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_panic_in_an_edit_does_not_stop_the_next_one() {
    let (mut inbox, log) = inbox();
    assert_eq!(inbox.call(notification("edit panics")).await, Ok(None));
    assert_eq!(inbox.call(notification("edit")).await, Ok(None));
    assert_eq!(log.lines(), ["edit panics", "edit"]);
}

#[tokio::test]
async fn an_edit_with_an_id_is_no_notification() {
    let (mut inbox, log) = inbox();
    assert!(inbox.call(request("edit")).await.unwrap().is_some());
    assert_eq!(log.lines(), ["edit"]);
}
