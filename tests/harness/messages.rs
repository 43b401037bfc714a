//! Messages and frames as an editor writes and reads them.

use std::io::BufRead;

use serde_json::{Value, json};

/// The method for ghost text.
pub(crate) const INLINE: &str = "textDocument/inlineCompletion";

/// Capabilities of a client that draws inline completions and progress.
pub(crate) fn capabilities() -> Value {
    json!({
        "general": {"positionEncodings": ["utf-16"]},
        "textDocument": {"inlineCompletion": {}, "completion": {}},
        "window": {"workDoneProgress": true},
        "workspace": {"workspaceFolders": true},
    })
}

/// Parameters of a request at a position, triggered by typing.
pub(crate) fn place(uri: &str, line: u32, character: u32) -> Value {
    json!({
        "textDocument": {"uri": uri},
        "position": {"line": line, "character": character},
        "context": {"triggerKind": 2},
    })
}

/// A notification.
pub(crate) fn notification(method: &str, params: &Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "method": method});
    if !params.is_null() {
        message["params"] = params.clone();
    }
    message
}

/// Wraps a body in a frame.
pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    frame.extend_from_slice(body);
    frame
}

/// Encodes several messages as the bytes of one write.
pub(crate) fn frames<'m>(messages: impl IntoIterator<Item = &'m Value>) -> Vec<u8> {
    messages.into_iter().flat_map(|m| frame(m.to_string().as_bytes())).collect()
}

/// The URI of a path whose characters need no escapes.
pub(crate) fn uri(path: &std::path::Path) -> String {
    format!("file://{}", path.display())
}

/// The code and message of an error object.
pub(super) fn error(error: &Value) -> (i64, String) {
    let words = error["message"].as_str().expect("an error's message").to_owned();
    (error["code"].as_i64().expect("an error's code"), words)
}

/// Reads one framed message; `None` at the end of the stream. Panics if the frame is malformed.
pub(super) fn read_message(stdout: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.strip_suffix("\r\n").expect("header lines end in CRLF");
        if line.is_empty() {
            break;
        }
        let value = line.strip_prefix("Content-Length: ").expect("no other header");
        length = Some(value.parse::<usize>().expect("a number"));
    }
    let mut body = vec![0; length.expect("a length")];
    stdout.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("JSON"))
}
