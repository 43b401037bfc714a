//! From frames to messages: what is no message is answered here, the rest goes to tower-lsp.
//!
//! Runs on a thread of its own, which reads stdin and may block there for ever.
//! A message is parsed with the very types of tower-lsp's decoder, so what passes here
//! cannot end the connection there.

use std::io::{self, BufReader, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::{Id, Request, Response};

use super::frame::{Frame, FrameReader};
use super::outbox::Outbox;
use super::surrogates::mend;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;

/// Messages read ahead of the server, at most.
const READ_AHEAD: usize = 256;

/// The most JSON values of one message: parsed, each takes up to 200 bytes, several times over. No edit has as many.
const MAX_VALUES: usize = 500_000;

/// What is said of a message that has more.
const TOO_MANY_VALUES: &str = "it has more than 500,000 JSON values";

/// What tower-lsp's decoder accepts, tried in its order.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    #[expect(dead_code, reason = "parsed to see that it parses")]
    Response(Response),
    Request(Request),
}

/// What becomes of a body.
#[derive(Debug, PartialEq, Eq)]
enum Sorted {
    Pass,
    /// Passes in this form.
    Mended(String),
    Drop,
    Refuse {
        code: i64,
        message: &'static str,
        id: Value,
    },
}

/// Starts to read `input`; what passes comes out of the returned stream, until the input ends.
pub(super) fn start(input: impl Read + Send + 'static, outbox: Outbox) -> io::Result<Inlet> {
    let (messages, inlet) = mpsc::channel(READ_AHEAD);
    std::thread::Builder::new().name("lowkey-stdin".into()).spawn(move || {
        if let Err(error) = filter(input, &outbox, &messages) {
            tracing::warn!(%error, "stdin cannot be read any more");
        }
    })?;
    Ok(Inlet { messages: inlet, current: Vec::new(), read: 0, gives_way: false })
}

fn filter(input: impl Read, outbox: &Outbox, messages: &mpsc::Sender<Vec<u8>>) -> io::Result<()> {
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
        let passed = match sort(&body) {
            Sorted::Pass => messages.blocking_send(framed(&body)),
            Sorted::Mended(text) => messages.blocking_send(framed(text.as_bytes())),
            Sorted::Drop => {
                tracing::warn!(bytes = body.len(), "dropped a malformed response");
                Ok(())
            }
            Sorted::Refuse { code, message, id } => {
                let message = format!("message refused: {message}");
                tracing::warn!(bytes = body.len(), "{message}");
                refuse(outbox, code, &message, &id);
                Ok(())
            }
        };
        if passed.is_err() {
            // The server is gone.
            return Ok(());
        }
    }
    Ok(())
}

/// Sorts all frames of `input` as serving does; returns the bodies that pass.
pub(super) fn passed(input: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = FrameReader::new(input);
    let mut passed = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        if let Frame::Body(body) = frame {
            match sort(&body) {
                Sorted::Pass => passed.push(body),
                Sorted::Mended(text) => passed.push(text.into_bytes()),
                Sorted::Drop | Sorted::Refuse { .. } => {}
            }
        }
    }
    passed
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut framed = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    framed.extend_from_slice(body);
    framed
}

/// Decides about one body. The words never quote it.
fn sort(body: &[u8]) -> Sorted {
    let refuse = |code, message, id| Sorted::Refuse { code, message, id };
    let Ok(text) = std::str::from_utf8(body) else {
        return refuse(PARSE_ERROR, "its body is not UTF-8", Value::Null);
    };
    let n_values = count_values(body);
    if n_values > MAX_VALUES {
        return refuse(INVALID_REQUEST, TOO_MANY_VALUES, Value::Null);
    }
    match serde_json::from_str::<Message>(text) {
        Ok(Message::Response(_)) => return Sorted::Pass,
        Ok(Message::Request(request)) if !request.method().is_empty() => return Sorted::Pass,
        Ok(Message::Request(_)) | Err(_) => {}
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        if let Some(text) = mend(text)
            && matches!(sort(text.as_bytes()), Sorted::Pass)
        {
            return Sorted::Mended(text);
        }
        return refuse(PARSE_ERROR, "its body is not JSON", Value::Null);
    };
    // JSON, but no message: say which request will have no other answer, if that can be known.
    let id = value.get("id").cloned().unwrap_or_default();
    let id = if serde_json::from_value::<Id>(id.clone()).is_ok() { id } else { Value::Null };
    if value.get("method").is_some() {
        refuse(INVALID_REQUEST, "it is no valid JSON-RPC 2.0 request", id)
    } else if value.get("result").is_some() || value.get("error").is_some() {
        // Answering an answer could go on for ever.
        Sorted::Drop
    } else {
        refuse(INVALID_REQUEST, "it is neither a request nor a response", id)
    }
}

/// Counts the values of a body, or a few more: what is between its commas, brackets and braces.
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
    let answer = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
    outbox.send(answer.to_string().as_bytes());
}

/// The messages that passed, framed anew, as the byte stream that tower-lsp reads.
///
/// Between two messages it lets everything else run once. tower-lsp reads and answers in
/// one task, and would otherwise read a flood to its end before it writes the second answer.
#[derive(Debug)]
pub(super) struct Inlet {
    messages: mpsc::Receiver<Vec<u8>>,
    current: Vec<u8>,
    read: usize,
    gives_way: bool,
}

impl AsyncRead for Inlet {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read == self.current.len() {
            if std::mem::take(&mut self.gives_way) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match std::task::ready!(self.messages.poll_recv(context)) {
                Some(message) => (self.current, self.read) = (message, 0),
                None => return Poll::Ready(Ok(())),
            }
        }
        let unread = self.current.get(self.read..).unwrap_or_default();
        let n = unread.len().min(buffer.remaining());
        buffer.put_slice(&unread[..n]);
        self.read += n;
        self.gives_way = true;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &[u8]) -> Option<i64> {
        match sort(body) {
            Sorted::Refuse { code, .. } => Some(code),
            Sorted::Pass | Sorted::Mended(_) | Sorted::Drop => None,
        }
    }

    #[test]
    fn messages_pass() {
        for body in [
            r#"{"jsonrpc":"2.0","id":1,"method":"shutdown"}"#,
            r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":"x","result":null}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#,
        ] {
            assert_eq!(sort(body.as_bytes()), Sorted::Pass, "{body}");
        }
    }

    #[test]
    fn half_an_emoji_passes_as_a_replacement_character() {
        let message = |text: &str| format!(r#"{{"jsonrpc":"2.0","method":"m","params":"{text}"}}"#);
        let mended = Sorted::Mended(message("\\ufffd"));
        assert_eq!(sort(message("\\ud83d").as_bytes()), mended);
        assert_eq!(code(br#"{"a":"\ud83d""#), Some(PARSE_ERROR));
    }

    #[test]
    fn what_is_not_json_is_a_parse_error() {
        for body in [&b"{"[..], b"", b"nonsense", b"{\"a\":\"\xff\"}", b"{} {}"] {
            assert_eq!(code(body), Some(PARSE_ERROR), "{}", String::from_utf8_lossy(body));
        }
        let deep = "[".repeat(100_000);
        assert_eq!(code(deep.as_bytes()), Some(PARSE_ERROR));
    }

    #[test]
    fn json_that_is_no_message_is_an_invalid_request() {
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
    fn a_message_of_very_many_values_is_refused_before_it_is_parsed() {
        let message =
            |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
        let many = |n: usize| message(&format!("[{}0]", "0,".repeat(n)));
        assert_eq!(code(many(MAX_VALUES).as_bytes()), Some(INVALID_REQUEST));
        assert_eq!(sort(many(1000).as_bytes()), Sorted::Pass);
        // What is in a text counts for nothing.
        let text = message(&format!("\"\\\"{}\"", "[,{:".repeat(MAX_VALUES)));
        assert_eq!(sort(text.as_bytes()), Sorted::Pass);
    }

    #[test]
    fn a_refusal_names_the_request_where_it_can() {
        let sorted = sort(br#"{"jsonrpc":"1.0","id":"seven","method":"shutdown"}"#);
        assert!(matches!(sorted, Sorted::Refuse { id, .. } if id == "seven"));
        let sorted = sort(br#"{"jsonrpc":"2.0","id":[1],"method":"shutdown"}"#);
        assert!(matches!(sorted, Sorted::Refuse { id, .. } if id == Value::Null));
    }

    #[test]
    fn a_malformed_response_is_dropped() {
        let body = br#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","extra":0}}"#;
        assert_eq!(sort(body), Sorted::Drop);
    }

    #[tokio::test]
    async fn the_inlet_gives_way_between_two_messages() {
        let (sender, messages) = mpsc::channel(2);
        for message in ["first", "second"] {
            assert!(sender.send(message.as_bytes().to_vec()).await.is_ok());
        }
        drop(sender);
        let mut inlet = Inlet { messages, current: Vec::new(), read: 0, gives_way: false };
        let mut read = || {
            let mut bytes = [0; 64];
            let mut buffer = ReadBuf::new(&mut bytes);
            let mut context = Context::from_waker(std::task::Waker::noop());
            let polled = Pin::new(&mut inlet).poll_read(&mut context, &mut buffer);
            polled.is_ready().then(|| String::from_utf8_lossy(buffer.filled()).into_owned())
        };
        let reads = std::array::from_fn::<_, 5, _>(|_| read());
        let expected = [Some("first"), None, Some("second"), None, Some("")];
        assert_eq!(reads, expected.map(|read| read.map(str::to_owned)));
    }
}
