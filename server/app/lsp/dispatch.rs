//! One request after another, in arrival order.
//!
//! tower-lsp's service returns a future for each request and guarantees no order among them. Here
//! each request takes effect in `dispatch`. It applies edits and polls every other request once, so
//! the actions of a handler before its first wait also happen in arrival order: read the document,
//! supersede the previous request, cancel, answer `initialize`. `initialize` never waits, so every
//! later request finds an initialized server.
//!
//! A panic ends one request, not the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use serde_json::{Map, Value};
use tower::Service;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

use super::convert::{has_uris, mend_uris};

/// Receives the notifications that open, change and close documents.
pub(super) trait Edits {
    /// Returns whether the notification `method` opens, changes or closes a document.
    fn takes(&self, method: &str) -> bool;

    /// Applies it immediately.
    fn apply(&self, method: &str, params: Option<Value>);
}

/// A handler that waits. It resolves to the response, or to `None` for a notification.
pub(super) type Running = Pin<Box<dyn Future<Output = Option<Response>> + Send>>;

/// The state of a request after `dispatch`.
pub(super) enum Dispatched {
    /// It is done; notifications have no response.
    Done(Option<Response>),
    /// Its handler waits.
    Running(Running),
}

/// Dispatches one request.
pub(super) fn dispatch<S, E>(service: &mut S, edits: &E, request: Request) -> Dispatched
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    E: Edits,
{
    if request.id().is_none() && edits.takes(request.method()) {
        let (method, _, params) = request.into_parts();
        // After a panic the document is unknown until the client opens it again.
        let _ = catch_unwind(AssertUnwindSafe(|| edits.apply(&method, params)));
        return Dispatched::Done(None);
    }
    let request = lenient(request);
    let id = request.id().cloned();
    let Ok(called) = catch_unwind(AssertUnwindSafe(|| service.call(request))) else {
        return Dispatched::Done(panicked(id));
    };
    let mut running: Running = Box::pin(AssertUnwindSafe(called).catch_unwind().map(|ended| {
        match ended {
            // The service answers nothing after `exit`.
            Ok(answered) => answered.unwrap_or(None),
            Err(_) => panicked(id),
        }
    }));
    // The main loop polls again with its own waker; this first poll only keeps the order.
    match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => Dispatched::Done(response),
        Poll::Pending => Dispatched::Running(running),
    }
}

/// Returns the request with parameters that tower-lsp's types accept.
fn lenient(request: Request) -> Request {
    let has_uris = has_uris(request.method());
    // Some clients (Emacs among them) send null for an empty object.
    let lacks = request.params().is_none_or(Value::is_null)
        && !matches!(request.method(), "shutdown" | "exit");
    if !(has_uris || lacks) {
        return request;
    }
    let (method, id, params) = request.into_parts();
    let params = params.filter(|params| !params.is_null());
    let mut params = params.or_else(|| lacks.then(|| Value::Object(Map::new())));
    if has_uris && let Some(params) = &mut params {
        mend_uris(&method, params);
    }
    let mut mended = Request::build(method);
    if let Some(params) = params {
        mended = mended.params(params);
    }
    match id {
        Some(id) => mended.id(id).finish(),
        None => mended.finish(),
    }
}

/// Returns the answer to a request whose handler panicked. The panic hook has logged the location.
/// The panic's message may quote source text, so it is not used.
fn panicked(id: Option<Id>) -> Option<Response> {
    id.map(|id| Response::from_error(id, Error::internal_error()))
}

#[cfg(test)]
pub(super) mod tests;
