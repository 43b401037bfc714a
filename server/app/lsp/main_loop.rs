//! The main loop: requests in, responses out, all in one task.
//!
//! One task polls every handler, so no edit is applied between a handler's look at a document and
//! its response. Ready responses are sent before the next request is taken: a flood of requests
//! delays no answer.

use futures_util::stream::FuturesUnordered;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tower::Service;
use tower_lsp::jsonrpc::{Request, Response};

use super::dispatch::{Dispatched, Edits, Running, dispatch};
use super::transport::message::Message;
use super::transport::outbox::Outbox;

/// The two halves of tower-lsp's socket for requests to the client.
pub(super) struct ToClient<R, W> {
    /// The server's requests and notifications.
    pub(super) requests: R,
    /// Receives the client's responses.
    pub(super) responses: W,
}

/// Serves until `exit` or the end of `messages`; then waits for the running handlers.
pub(super) async fn run<S, E, R, W>(
    mut service: S,
    edits: E,
    mut to_client: ToClient<R, W>,
    mut messages: mpsc::Receiver<Message>,
    outbox: Outbox,
) where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    E: Edits,
    R: Stream<Item = Request> + Unpin,
    W: Sink<Response> + Unpin,
{
    let mut handlers = FuturesUnordered::<Running>::new();
    let mut is_open = true;
    while is_open || !handlers.is_empty() {
        tokio::select! {
            biased;
            Some(response) = handlers.next() => {
                if let Some(response) = response {
                    outbox.send(&response);
                }
            }
            Some(request) = to_client.requests.next() => outbox.send(&request),
            message = messages.recv(), if is_open => match message {
                Some(Message::Request(request)) => {
                    // A client may keep stdin open after `exit`.
                    is_open = request.method() != "exit";
                    match dispatch(&mut service, &edits, request) {
                        Dispatched::Done(Some(response)) => outbox.send(&response),
                        Dispatched::Done(None) => {}
                        Dispatched::Running(handler) => handlers.push(handler),
                    }
                }
                Some(Message::Response(response)) => {
                    // Fails only after `exit`, when no task waits for the response.
                    let _ = to_client.responses.send(response).await;
                }
                None => is_open = false,
            },
        }
    }
}

#[cfg(test)]
mod tests;
