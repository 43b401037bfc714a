//! The ordered inbox: a tower service around tower-lsp's.
//!
//! tower-lsp polls its handlers concurrently and in no promised order. Here each message
//! takes effect in `call`, which runs in arrival order: edits are applied there, and
//! every other message is polled once there, so that what a handler does before its
//! first wait (look at the document, supersede the previous request, cancel, answer
//! `initialize`) happens in arrival order too. `initialize` never waits, so a message
//! behind it always meets an initialized server.
//!
//! A panic ends one message, not the server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use serde_json::{Map, Value};
use tower::Service;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

use super::convert::mend_uris;

/// Where text synchronisation goes.
pub(super) trait Edits {
    /// Tells whether the notification `method` opens, changes or closes a document.
    fn takes(&self, method: &str) -> bool;

    /// Applies it, at once.
    fn apply(&self, method: &str, params: Option<Value>);
}

/// A service that takes messages in arrival order.
#[derive(Debug)]
pub(super) struct Inbox<S, E> {
    service: S,
    edits: E,
}

impl<S, E> Inbox<S, E> {
    /// Puts the inbox before `service`; edits go to `edits`.
    pub(super) fn new(service: S, edits: E) -> Self {
        Self { service, edits }
    }
}

type Answer<E> = Result<Option<Response>, E>;
type Pending<E> = Pin<Box<dyn Future<Output = Answer<E>> + Send>>;

impl<S, E> Service<Request> for Inbox<S, E>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    E: Edits,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = Pending<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.id().is_none() && self.edits.takes(request.method()) {
            let (method, _, params) = request.into_parts();
            // A panic leaves the document unknown until it is opened again.
            let _ = catch_unwind(AssertUnwindSafe(|| self.edits.apply(&method, params)));
            return Box::pin(std::future::ready(Ok(None)));
        }
        let request = lenient(request);
        let id = request.id().cloned();
        let called = catch_unwind(AssertUnwindSafe(|| self.service.call(request)));
        let Ok(future) = called else {
            return Box::pin(std::future::ready(Ok(panicked(id))));
        };
        let mut isolated = Isolated { future: Box::pin(future), id };
        // The executor polls again with a waker of its own; this first poll is for the order.
        match Pin::new(&mut isolated).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
            Poll::Pending => Box::pin(isolated),
        }
    }
}

/// The same request with parameters that tower-lsp's types accept.
fn lenient(request: Request) -> Request {
    let is_first = request.method() == "initialize";
    // Some clients (Emacs among them) send null for an empty object.
    let lacks = request.params().is_none_or(Value::is_null)
        && !matches!(request.method(), "shutdown" | "exit");
    if !(is_first || lacks) {
        return request;
    }
    let (method, id, params) = request.into_parts();
    let mut mended = Request::build(method);
    let params = params.filter(|params| !params.is_null());
    if let Some(mut params) = params.or_else(|| lacks.then(|| Value::Object(Map::new()))) {
        if is_first {
            mend_uris(&mut params);
        }
        mended = mended.params(params);
    }
    match id {
        Some(id) => mended.id(id).finish(),
        None => mended.finish(),
    }
}

/// A handler whose panic becomes an error answer.
struct Isolated<F> {
    future: Pin<Box<F>>,
    id: Option<Id>,
}

impl<F, E> Future for Isolated<F>
where
    F: Future<Output = Answer<E>>,
{
    type Output = Answer<E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(context)));
        match polled {
            Ok(polled) => polled,
            Err(_) => Poll::Ready(Ok(panicked(self.id.take()))),
        }
    }
}

/// The panic hook has logged where; what it said may hold source text.
fn panicked(id: Option<Id>) -> Option<Response> {
    id.map(|id| Response::from_error(id, Error::internal_error()))
}

#[cfg(test)]
mod tests;
