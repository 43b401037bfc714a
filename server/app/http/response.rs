//! Responses: a status, a body of JSON or of events, and no header that lets a web page read it.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

/// The reason for refusing a request, for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The fault, the limit, the next step; never text of the request.
    pub(super) why: String,
}

impl Refusal {
    /// Builds a refusal with an HTTP status.
    pub(super) fn new(status: u16, why: String) -> Self {
        Self { status, why }
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    closes: bool,
}

impl Response {
    /// Builds a JSON response.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { status, content_type: "application/json", body, closes: false }
    }

    /// Builds server-sent events, one per value, and the end mark.
    pub(super) fn events(events: &[Value]) -> Self {
        let mut body = String::new();
        for event in events {
            let _ = write!(body, "data: {event}\n\n");
        }
        body.push_str("data: [DONE]\n\n");
        Self {
            status: 200,
            content_type: "text/event-stream",
            body: body.into_bytes(),
            closes: false,
        }
    }

    /// Builds an error in the form that `OpenAI` clients expect.
    pub(super) fn refusing(Refusal { status, why }: &Refusal) -> Self {
        let kind = if *status < 500 { "invalid_request_error" } else { "server_error" };
        let body =
            json!({"error": {"message": format!("lowkey: {why}"), "type": kind, "code": status}});
        Self { closes: true, ..Self::json(*status, &body) }
    }

    /// Sets whether the connection closes after this response.
    pub(super) fn closing(self, closes: bool) -> Self {
        Self { closes: self.closes || closes, ..self }
    }

    /// Whether the connection closes after this response.
    pub(super) fn closes(&self) -> bool {
        self.closes
    }

    /// Writes the whole response.
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        let Self { status, content_type, body, closes } = self;
        let mut bytes = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
            reason(*status),
            body.len(),
        );
        if *status == 401 {
            bytes.push_str("WWW-Authenticate: Bearer\r\n");
        }
        if *closes {
            bytes.push_str("Connection: close\r\n");
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(body);
        to.write_all(&bytes)?;
        to.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Error",
    }
}
