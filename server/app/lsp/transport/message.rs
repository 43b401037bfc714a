//! Parses frames to messages, each once.
//!
//! Runs on a separate thread, which reads stdin and may block there forever. A frame without a
//! message is answered here with a JSON-RPC error, and reading continues: no input ends the
//! connection.

use std::io::{self, BufReader, Read};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::{Id, Request, Response};

use super::frame::{Frame, FrameReader};
use super::outbox::Outbox;
use super::surrogates::mend;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;

/// Maximum number of messages read ahead. It is small, because a parsed message takes up to 100 MB.
const READ_AHEAD: usize = 16;

/// Maximum number of JSON values in a message: a parsed value takes up to 200 bytes. No edit has as
/// many.
const MAX_VALUES: usize = 500_000;

const TOO_MANY_VALUES: &str = "it has more than 500,000 JSON values";

/// A message from the client. JSON-RPC distinguishes messages by their members, so a response is
/// tried first.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(in crate::lsp) enum Message {
    /// The response to a request of the server.
    Response(Response),
    /// A request, or a notification when it has no id.
    Request(Request),
}

/// The contents of a frame's body.
#[derive(Debug)]
enum Parsed {
    Message(Message),
    /// A malformed response. An answer to an answer could cause an endless exchange.
    Dropped,
    /// Not a message. `message` never quotes the body.
    Refused {
        code: i64,
        message: &'static str,
        id: Value,
    },
}

/// Starts a thread that reads `input`. The returned channel yields its messages and closes at its
/// end.
pub(in crate::lsp) fn start(
    input: impl Read + Send + 'static,
    outbox: Outbox,
) -> io::Result<mpsc::Receiver<Message>> {
    let (sender, messages) = mpsc::channel(READ_AHEAD);
    std::thread::Builder::new().name("lowkey-stdin".into()).spawn(move || {
        if let Err(error) = read(input, &outbox, &sender) {
            tracing::warn!(%error, "stdin cannot be read");
        }
    })?;
    Ok(messages)
}

fn read(input: impl Read, outbox: &Outbox, messages: &mpsc::Sender<Message>) -> io::Result<()> {
    let mut reader = FrameReader::new(BufReader::with_capacity(64 << 10, input));
    while let Some(frame) = reader.next_frame()? {
        let body = match frame {
            Frame::Body(body) => body,
            Frame::Bad(fault) => {
                let message = format!("frame refused: {fault}");
                tracing::warn!("{message}");
                refuse(outbox, INVALID_REQUEST, &message, &Value::Null);
                continue;
            }
        };
        match parse(&body) {
            Parsed::Message(message) => {
                if messages.blocking_send(message).is_err() {
                    // The server has stopped.
                    return Ok(());
                }
            }
            Parsed::Dropped => tracing::warn!(bytes = body.len(), "dropped a malformed response"),
            Parsed::Refused { code, message, id } => {
                let message = format!("message refused: {message}");
                tracing::warn!(bytes = body.len(), "{message}");
                refuse(outbox, code, &message, &id);
            }
        }
    }
    Ok(())
}

/// Returns the messages of `input`, read like those of a server.
pub(in crate::lsp) fn all(input: &[u8]) -> Vec<Message> {
    let mut reader = FrameReader::new(input);
    let mut messages = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        if let Frame::Body(body) = frame
            && let Parsed::Message(message) = parse(&body)
        {
            messages.push(message);
        }
    }
    messages
}

/// Parses one body.
fn parse(body: &[u8]) -> Parsed {
    let refused = |code, message, id| Parsed::Refused { code, message, id };
    let Ok(text) = std::str::from_utf8(body) else {
        return refused(PARSE_ERROR, "its body is not UTF-8", Value::Null);
    };
    if count_values(body) > MAX_VALUES {
        return refused(INVALID_REQUEST, TOO_MANY_VALUES, Value::Null);
    }
    match serde_json::from_str::<Message>(text) {
        Ok(Message::Request(request)) if request.method().is_empty() => {}
        Ok(message) => return Parsed::Message(message),
        Err(_) => {}
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        if let Some(text) = mend(text)
            && let parsed @ Parsed::Message(_) = parse(text.as_bytes())
        {
            return parsed;
        }
        return refused(PARSE_ERROR, "its body is not JSON", Value::Null);
    };
    // Valid JSON without a message: the answer names the request, if it has an id.
    let id = value.get("id").cloned().unwrap_or_default();
    let id = if serde_json::from_value::<Id>(id.clone()).is_ok() { id } else { Value::Null };
    if value.get("method").is_some() {
        refused(INVALID_REQUEST, "it is not a valid JSON-RPC 2.0 request", id)
    } else if value.get("result").is_some() || value.get("error").is_some() {
        Parsed::Dropped
    } else {
        refused(INVALID_REQUEST, "it is neither a request nor a response", id)
    }
}

/// Counts the values of a body, with a small excess: the parts between commas, brackets and braces.
fn count_values(body: &[u8]) -> usize {
    let (mut n_values, mut in_string, mut is_escaped) = (1, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' | b':' if !in_string => n_values += 1,
            _ => {}
        }
    }
    n_values
}

fn refuse(outbox: &Outbox, code: i64, message: &str, id: &Value) {
    outbox.send(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &[u8]) -> Option<i64> {
        match parse(body) {
            Parsed::Refused { code, .. } => Some(code),
            Parsed::Message(_) | Parsed::Dropped => None,
        }
    }

    fn is_message(body: &[u8]) -> bool {
        matches!(parse(body), Parsed::Message(_))
    }

    #[test]
    fn messages_pass() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"shutdown"}"#,
            r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":"x","result":null}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#,
        ] {
            assert!(is_message(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn lone_surrogate_becomes_a_replacement() {
        let message = |text: &str| format!(r#"{{"jsonrpc":"2.0","method":"m","params":"{text}"}}"#);
        let Parsed::Message(Message::Request(request)) = parse(message("\\ud83d").as_bytes())
        else {
            panic!("no request")
        };
        assert_eq!(request.params(), Some(&json!("\u{fffd}")));
        assert_eq!(code(br#"{"a":"\ud83d""#), Some(PARSE_ERROR));
    }

    #[test]
    fn invalid_json_is_a_parse_error() {
        for body in [&b"{"[..], b"", b"nonsense", b"{\"a\":\"\xff\"}", b"{} {}"] {
            assert_eq!(code(body), Some(PARSE_ERROR), "{}", String::from_utf8_lossy(body));
        }
        let deep = "[".repeat(100_000);
        assert_eq!(code(deep.as_bytes()), Some(PARSE_ERROR));
    }

    #[test]
    fn other_json_is_an_invalid_request() {
        for body in [
            "42",
            "[]",
            "null",
            r#"[{"jsonrpc":"2.0","id":1,"method":"shutdown"}]"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"shutdown"}"#,
            r#"{"id":1,"method":"shutdown"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"shutdown"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":3}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","method":"a","method":"b"}"#,
        ] {
            assert_eq!(code(body.as_bytes()), Some(INVALID_REQUEST), "{body}");
        }
    }

    #[test]
    fn huge_message_is_refused_unparsed() {
        let message =
            |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
        let many = |n: usize| message(&format!("[{}0]", "0,".repeat(n)));
        assert_eq!(code(many(MAX_VALUES).as_bytes()), Some(INVALID_REQUEST));
        assert!(is_message(many(1000).as_bytes()));
        // Characters inside a string do not count.
        let text = message(&format!("\"\\\"{}\"", "[,{:".repeat(MAX_VALUES)));
        assert!(is_message(text.as_bytes()));
    }

    #[test]
    fn refusal_has_the_request_id() {
        let parsed = parse(br#"{"jsonrpc":"1.0","id":"seven","method":"shutdown"}"#);
        assert!(matches!(parsed, Parsed::Refused { id, .. } if id == "seven"));
        let parsed = parse(br#"{"jsonrpc":"2.0","id":[1],"method":"shutdown"}"#);
        assert!(matches!(parsed, Parsed::Refused { id, .. } if id == Value::Null));
    }

    #[test]
    fn malformed_response_is_dropped() {
        let body = br#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","extra":0}}"#;
        assert!(matches!(parse(body), Parsed::Dropped));
    }
}
