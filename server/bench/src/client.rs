//! A small blocking LSP client, with which `lowkey demo` drives a real server process.
//!
//! `lowkey bench cold` uses the same framing, but does not wait for answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// Without an answer within this time, the server hangs.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);

/// A child server and its connection. Dropping it ends the child.
pub struct Client {
    child: Child,
    stdin: ChildStdin,
    from_server: Receiver<(Instant, Value)>,
    next_id: u64,
}

impl Client {
    /// Starts `program` as a server.
    pub fn start(
        program: &Path,
        model: Option<&str>,
        threads: Option<usize>,
    ) -> anyhow::Result<Self> {
        let mut command = server(program);
        if let Some(model) = model {
            command.args(["--model", model]);
        }
        if let Some(threads) = threads {
            command.args(["--threads", &threads.to_string()]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the server has no stdio");
        };
        Ok(Self { child, stdin, from_server: messages(stdout), next_id: 0 })
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: &Value) -> anyhow::Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    /// Sends a request and waits for its result; answers the server's own requests in the meantime.
    pub fn request(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        let deadline = Instant::now() + RESPONSE_TIMEOUT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = match self.from_server.recv_timeout(left) {
                Ok((_, message)) => message,
                Err(RecvTimeoutError::Timeout) => bail!("the server did not answer {method}"),
                Err(RecvTimeoutError::Disconnected) => bail!("the server ended during {method}"),
            };
            if message.get("method").is_some() {
                self.answer(&message)?;
            } else if message.get("id").and_then(Value::as_u64) == Some(id) {
                if let Some(error) = message.get("error") {
                    bail!("{method} failed: {error}");
                }
                return Ok(message.get("result").cloned().unwrap_or_default());
            }
        }
    }

    /// Answers a request of the server with a neutral value.
    fn answer(&mut self, message: &Value) -> anyhow::Result<()> {
        match message.get("id") {
            Some(id) => self.send(&json!({"jsonrpc": "2.0", "id": id, "result": null})),
            None => Ok(()),
        }
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        write_message(&mut self.stdin, message).context("the server has ended")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let ended_on_request = self.request("shutdown", &Value::Null).is_ok()
            && self.notify("exit", &Value::Null).is_ok();
        if !ended_on_request {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Returns the command that runs `program` as a server. It logs only warnings, because other lines
/// would mix with the report.
pub(crate) fn server(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("serve");
    if std::env::var_os("LOWKEY_LOG").is_none() {
        command.env("LOWKEY_LOG", "warn");
    }
    command
}

/// Reads a server's messages on a separate thread; each has the time when its last byte was read.
pub(crate) fn messages(stdout: ChildStdout) -> Receiver<(Instant, Value)> {
    let (to_client, from_server) = channel();
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        while let Some(message) = read_message(&mut stdout) {
            if to_client.send((Instant::now(), message)).is_err() {
                return;
            }
        }
    });
    from_server
}

/// Writes one frame in one write: a separate header would wake the server early.
pub(crate) fn write_message(stdin: &mut ChildStdin, message: &Value) -> std::io::Result<()> {
    let body = message.to_string();
    let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stdin.write_all(frame.as_bytes()).and_then(|()| stdin.flush())
}

/// Reads one frame; `None` at the end of the stream or for an invalid frame.
fn read_message(stream: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length:") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = vec![0; length?];
    stream.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
