//! Order and isolation, with a recording service.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tower_lsp::jsonrpc::ErrorCode;

use super::*;

/// A service and its edits, which record the methods they get.
#[derive(Debug, Clone, Default)]
pub(in crate::lsp) struct Log(Arc<Mutex<Vec<String>>>);

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
    type Future = Pin<Box<dyn Future<Output = Result<Option<Response>, Infallible>> + Send>>;

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

fn take(log: &mut Log, request: Request) -> Running {
    let edits = log.clone();
    match dispatch(log, &edits, request) {
        Dispatched::Done(response) => Box::pin(std::future::ready(response)),
        Dispatched::Running(running) => running,
    }
}

fn request(method: &'static str) -> Request {
    Request::build(method).id(1).finish()
}

fn notification(method: &'static str) -> Request {
    Request::build(method).finish()
}

#[tokio::test]
async fn requests_take_effect_in_arrival_order() {
    let mut log = Log::default();
    let first = take(&mut log, request("waits"));
    let edit = take(&mut log, notification("edit"));
    let second = take(&mut log, request("answers"));
    assert_eq!(log.lines(), ["waits", "edit", "answers"]);
    // Polled in reverse order, each gets one answer.
    assert!(second.await.is_some());
    assert!(edit.await.is_none());
    assert!(first.await.unwrap().is_ok());
    assert_eq!(log.lines(), ["waits", "edit", "answers", "waits, end"]);
}

#[tokio::test]
async fn panic_fails_only_its_request() {
    let mut log = Log::default();
    for method in ["panics", "waits and panics"] {
        let answer = take(&mut log, request(method)).await.unwrap();
        assert_eq!(answer.error().unwrap().code, ErrorCode::InternalError);
        assert!(take(&mut log, request("answers")).await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn edits_continue_after_a_panic() {
    let mut log = Log::default();
    assert!(take(&mut log, notification("edit panics")).await.is_none());
    assert!(take(&mut log, notification("edit")).await.is_none());
    assert_eq!(log.lines(), ["edit panics", "edit"]);
}

#[tokio::test]
async fn edit_with_an_id_is_a_request() {
    let mut log = Log::default();
    assert!(take(&mut log, request("edit")).await.is_some());
    assert_eq!(log.lines(), ["edit"]);
}
