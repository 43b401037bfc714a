//! Responses: a status, a body of JSON or of events, and no header that lets a web page read it.

use std::borrow::Cow;
use std::fmt::Write as _;

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::{Value, json};

/// A response with its whole body.
pub(super) type Response = hyper::Response<Full<Bytes>>;

/// Builds a JSON response.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    response(status, "application/json", body.to_string())
}

/// Builds server-sent events, one per value, and the end mark.
pub(super) fn events(events: &[Value]) -> Response {
    let mut body = String::new();
    for event in events {
        let _ = write!(body, "data: {event}\n\n");
    }
    body.push_str("data: [DONE]\n\n");
    response(StatusCode::OK, "text/event-stream", body)
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The reason for rejecting a request, for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    /// The fault, the limit, the next step; never text of the request.
    pub(super) message: Cow<'static, str>,
    header: Option<(HeaderName, &'static str)>,
}

impl ApiError {
    /// Builds an error with an HTTP status.
    pub(super) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    /// Adds the header that HTTP requires for this status.
    pub(super) fn with_header(self, name: HeaderName, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    /// Builds the response, in the form that `OpenAI` clients expect. The connection closes after
    /// it, because the body of the request may be unread.
    pub(super) fn into_response(self) -> Response {
        let Self { status, message, header } = self;
        let kind = if status.is_client_error() { "invalid_request_error" } else { "server_error" };
        let message = format!("lowkey: {message}");
        let error = json!({"message": message, "type": kind, "code": status.as_u16()});
        let mut response = json(status, &json!({"error": error}));
        for (name, value) in header.into_iter().chain([(CONNECTION, "close")]) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
