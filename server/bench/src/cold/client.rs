//! The editor's side of the connection: requests without waiting, and answers with their arrival
//! time.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::scratch::Scratch;
use crate::client::{messages, server, write_message};

/// Without an answer within this time, the server hangs.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(1);
/// Time between two checks of the server's status and of its process.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// Loading a large model from a slow disk takes minutes.
const LOAD_TIMEOUT: Duration = Duration::from_mins(10);

/// JSON-RPC's code of a request that its client cancelled or a newer one replaced.
const CANCELLED: i64 = -32800;

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: u64,
    /// When its last byte was read.
    pub(super) at: Instant,
    /// The result; `None` if the request was cancelled or superseded.
    pub(super) result: Option<Value>,
}

/// A server and its connection. Dropping it kills the server; [`end`](Self::end) ends it like an
/// editor.
#[derive(Debug)]
pub(super) struct Client {
    scratch: Arc<Scratch>,
    stdin: ChildStdin,
    from_server: Receiver<(Instant, Value)>,
    /// Answers that arrived during the wait for another one.
    early: VecDeque<Reply>,
    last_id: u64,
    started: Instant,
}

impl Client {
    /// Starts `program` as a server that keeps its files in the folder of `scratch`.
    pub(super) fn start(program: &Path, scratch: &Arc<Scratch>) -> anyhow::Result<Self> {
        let mut command = server(program);
        command
            // The file does not exist: all settings come with `initialize`.
            .env("LOWKEY_CONFIG", scratch.folder().join("lowkey.toml"))
            .env("LOWKEY_CACHE_DIR", scratch.folder().join("cache"));
        Self::spawn(command, scratch)
    }

    fn spawn(mut command: Command, scratch: &Arc<Scratch>) -> anyhow::Result<Self> {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let streams = (child.stdin.take(), child.stdout.take());
        *scratch.server() = Some(child);
        let (Some(stdin), Some(stdout)) = streams else { bail!("the server has no stdio") };
        let from_server = messages(stdout);
        let early = VecDeque::new();
        Ok(Self { scratch: Arc::clone(scratch), stdin, from_server, early, last_id: 0, started })
    }

    /// Sends a notification.
    pub(super) fn notify(&mut self, method: &str, params: &Value) -> anyhow::Result<()> {
        let mut message = json!({"jsonrpc": "2.0", "method": method});
        if !params.is_null() {
            message["params"] = params.clone();
        }
        self.send(&message).with_context(|| server_ended(&format!("during {method}")))
    }

    /// Sends a request and returns its id; [`reply`](Self::reply) returns the answer.
    pub(super) fn begin(&mut self, method: &str, params: &Value) -> anyhow::Result<u64> {
        self.last_id += 1;
        let mut message = json!({"jsonrpc": "2.0", "id": self.last_id, "method": method});
        if !params.is_null() {
            message["params"] = params.clone();
        }
        self.send(&message).with_context(|| server_ended(&format!("during {method}")))?;
        Ok(self.last_id)
    }

    /// Returns the next answer that arrives before `until`.
    pub(super) fn reply(&mut self, until: Instant) -> anyhow::Result<Option<Reply>> {
        if let Some(reply) = self.early.pop_front() {
            return Ok(Some(reply));
        }
        self.read(until)
    }

    /// Sends a request and waits for its result.
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let id = self.begin(method, params)?;
        let deadline = Instant::now() + RESPONSE_TIMEOUT;
        loop {
            match self.read(deadline).with_context(|| format!("waiting for {method}"))? {
                Some(reply) if reply.id == id => return Ok(reply.result.unwrap_or_default()),
                Some(other) => self.early.push_back(other),
                None => bail!("the server did not answer {method} within {RESPONSE_TIMEOUT:?}"),
            }
        }
    }

    /// Initializes the server and waits for its model; returns the milliseconds since the process
    /// start, and the model's name.
    pub(super) fn ready(&mut self, initialize: &Value) -> anyhow::Result<(f64, String)> {
        self.ask("initialize", initialize)?;
        self.notify("initialized", &json!({}))?;
        let text = |status: &Value, key: &str| {
            status.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        loop {
            let status = self.ask("$/lowkey/status", &json!({}))?;
            match text(&status, "state").as_str() {
                "ready" => return Ok((ms(self.started.elapsed()), text(&status, "model"))),
                "failed" => bail!(text(&status, "message")),
                _ if self.started.elapsed() > LOAD_TIMEOUT => {
                    bail!("the model was not loaded within {LOAD_TIMEOUT:?}; try a smaller one")
                }
                _ => std::thread::sleep(POLL_INTERVAL),
            }
        }
    }

    /// Ends the server like an editor, and waits until it has saved its data.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.ask("shutdown", &Value::Null)?;
        self.notify("exit", &Value::Null)?;
        let deadline = Instant::now() + RESPONSE_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(server) = self.scratch.server().as_mut()
                && let Some(status) = server.try_wait().context("cannot wait for the server")?
            {
                anyhow::ensure!(status.success(), "the server ended with {status} after `exit`");
                return Ok(());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        bail!("the server was still running {RESPONSE_TIMEOUT:?} after `exit`");
    }

    /// Reads until an answer arrives; answers the server's own requests with a neutral value in the
    /// meantime.
    fn read(&mut self, until: Instant) -> anyhow::Result<Option<Reply>> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (at, message) = match self.from_server.recv_timeout(left) {
                Ok(received) => received,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(server_ended("during the wait for an answer"))
                }
            };
            let id = message.get("id");
            if message.get("method").is_some() {
                if let Some(id) = id {
                    self.send(&json!({"jsonrpc": "2.0", "id": id, "result": null}))
                        .with_context(|| server_ended("while it received an answer"))?;
                }
                continue;
            }
            let Some(id) = id.and_then(Value::as_u64) else { continue };
            let result = match message.get("error") {
                None => Some(message.get("result").cloned().unwrap_or_default()),
                Some(error) if error.get("code").and_then(Value::as_i64) == Some(CANCELLED) => None,
                Some(error) => bail!("the server answered request {id} with an error: {error}"),
            };
            return Ok(Some(Reply { id, at, result }));
        }
    }

    fn send(&mut self, message: &Value) -> std::io::Result<()> {
        write_message(&mut self.stdin, message)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.scratch.kill_server();
    }
}

fn server_ended(when: &str) -> String {
    format!(
        "the server ended {when}; its last messages are above (LOWKEY_LOG=debug shows more), and `lowkey doctor` \
         checks the model and the machine"
    )
}

/// Returns a duration in milliseconds.
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Starts a line of shell in the server's place.
    fn client(script: &str) -> Client {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Client::spawn(command, &Arc::new(Scratch::new().unwrap())).unwrap()
    }

    #[test]
    fn dead_server_is_an_error_with_advice() {
        let mut client = client("head -c 10 >/dev/null; exit 3");
        let error = format!("{:#}", client.ask("initialize", &json!({})).unwrap_err());
        assert!(error.contains("ended") && error.contains("lowkey doctor"), "{error}");
    }

    #[test]
    fn early_answers_are_kept() {
        let answer = |body: &str| format!("Content-Length: {}\\r\\n\\r\\n{body}", body.len());
        let script = format!(
            "printf '{}{}{}'; cat >/dev/null",
            answer(r#"{"id":1,"error":{"code":-32800,"message":"x"}}"#),
            answer(r#"{"method":"window/logMessage","params":{}}"#),
            answer(r#"{"id":2,"result":[7]}"#),
        );
        let mut client = client(&script);
        assert_eq!(client.begin("a", &Value::Null).unwrap(), 1);
        assert_eq!(client.ask("b", &Value::Null).unwrap(), json!([7]));
        let soon = Instant::now() + RESPONSE_TIMEOUT;
        let reply = client.reply(soon).unwrap().unwrap();
        assert_eq!((reply.id, reply.result), (1, None));
    }
}
