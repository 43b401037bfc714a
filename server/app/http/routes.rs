//! Which request leads to which answer.

use std::io;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::ALLOW;
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::client::Client;
use super::completions::{CompletionParams, complete};
use super::connections::{ConnectionPermit, MAX_REQUESTS};
use super::response::{self, ApiError, Response};
use super::{Shared, access, body};

/// Time limit for a body, from its head.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers a request, unless its client leaves before.
pub(super) async fn answer(
    shared: &Shared,
    connection: &ConnectionPermit,
    client: &Client,
    request: Request<Incoming>,
) -> io::Result<Response> {
    let version = request.version();
    tokio::select! {
        // In this order, so that a rejection, which waits for nothing, is always sent.
        biased;
        answer = route(shared, connection, request) => Ok(answer.unwrap_or_else(|error| {
            tracing::info!(status = error.status.as_u16(), "refused");
            error.into_response()
        })),
        () = client.left(version) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Checks a request's sender, then answers it. Dropping the future cancels the request.
async fn route(
    shared: &Shared,
    connection: &ConnectionPermit,
    request: Request<Incoming>,
) -> Result<Response, ApiError> {
    access::check(&request, &shared.token, shared.port)?;
    let Some(_permit) = connection.serve_request() else {
        let message = format!("{MAX_REQUESTS} requests are being served; retry later");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message));
    };
    match (request.uri().path(), request.method()) {
        ("/v1/completions", &Method::POST) => {
            let body = body::read(request, BODY_TIMEOUT).await?;
            complete(&shared.completer, CompletionParams::parse(&body)?).await
        }
        ("/v1/models", &Method::GET) => {
            let model = shared.completer.model();
            let model = json!({"id": model, "object": "model", "owned_by": "lowkey"});
            Ok(response::json(StatusCode::OK, &json!({"object": "list", "data": [model]})))
        }
        ("/v1/completions", _) => Err(wrong_method("POST")),
        ("/v1/models", _) => Err(wrong_method("GET")),
        _ => {
            let message = "this path does not exist; use /v1/completions or /v1/models";
            Err(ApiError::new(StatusCode::NOT_FOUND, message))
        }
    }
}

fn wrong_method(allowed: &'static str) -> ApiError {
    let message = "use POST for /v1/completions and GET for /v1/models";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).with_header(ALLOW, allowed)
}
