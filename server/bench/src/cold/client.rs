//! The editor's end of the connection: requests that are not waited for, and answers with the time of their arrival.

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

/// A request that is not answered by then means that the server hangs.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at the server's status, and at whether it has ended.
const LOOK: Duration = Duration::from_millis(2);
/// Loading a large model from a slow disk takes minutes.
const LOADING: Duration = Duration::from_mins(10);

/// JSON-RPC's code of a request that its client cancelled or a newer one replaced.
const CANCELLED: i64 = -32800;

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: u64,
    /// When its last byte was read.
    pub(super) at: Instant,
    /// The result; `None` when the request was cancelled or replaced by a newer one.
    pub(super) result: Option<Value>,
}

/// A server and the connection to it. Dropping it kills the server; [`end`](Self::end) ends it as an editor does.
#[derive(Debug)]
pub(super) struct Client {
    scratch: Arc<Scratch>,
    stdin: ChildStdin,
    from_server: Receiver<(Instant, Value)>,
    /// Answers that came while another one was waited for.
    early: VecDeque<Reply>,
    last_id: u64,
    started: Instant,
}

impl Client {
    /// Starts `program` as a server that keeps its files in the folder of `scratch`.
    pub(super) fn start(program: &Path, scratch: &Arc<Scratch>) -> anyhow::Result<Self> {
        let mut command = server(program);
        command
            // There is none: the settings come with `initialize` alone.
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
        self.send(&message).with_context(|| died(&format!("during {method}")))
    }

    /// Sends a request and returns its id; the answer comes by [`reply`](Self::reply).
    pub(super) fn begin(&mut self, method: &str, params: &Value) -> anyhow::Result<u64> {
        self.last_id += 1;
        let mut message = json!({"jsonrpc": "2.0", "id": self.last_id, "method": method});
        if !params.is_null() {
            message["params"] = params.clone();
        }
        self.send(&message).with_context(|| died(&format!("during {method}")))?;
        Ok(self.last_id)
    }

    /// Returns the next answer that comes until `until`.
    pub(super) fn reply(&mut self, until: Instant) -> anyhow::Result<Option<Reply>> {
        if let Some(reply) = self.early.pop_front() {
            return Ok(Some(reply));
        }
        self.read(until)
    }

    /// Sends a request and waits for its result.
    pub(super) fn ask(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let id = self.begin(method, params)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.read(deadline).with_context(|| format!("waiting for {method}"))? {
                Some(reply) if reply.id == id => return Ok(reply.result.unwrap_or_default()),
                Some(other) => self.early.push_back(other),
                None => bail!("the server did not answer {method} within {PATIENCE:?}"),
            }
        }
    }

    /// Initializes the server and waits for its model; returns the milliseconds since the process was started, and the
    /// model's name.
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
                _ if self.started.elapsed() > LOADING => {
                    bail!("the model was not loaded within {LOADING:?}; try a smaller one")
                }
                _ => std::thread::sleep(LOOK),
            }
        }
    }

    /// Ends the server as an editor does, and waits until it has saved what it keeps.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        self.ask("shutdown", &Value::Null)?;
        self.notify("exit", &Value::Null)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(server) = self.scratch.server().as_mut()
                && let Some(status) = server.try_wait().context("cannot wait for the server")?
            {
                anyhow::ensure!(status.success(), "the server ended with {status} after `exit`");
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        bail!("the server was still there {PATIENCE:?} after `exit`");
    }

    /// Reads until an answer comes; answers what the server asks meanwhile with nothing in particular.
    fn read(&mut self, until: Instant) -> anyhow::Result<Option<Reply>> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (at, message) = match self.from_server.recv_timeout(left) {
                Ok(received) => received,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(died("while an answer was waited for"))
                }
            };
            let id = message.get("id");
            if message.get("method").is_some() {
                if let Some(id) = id {
                    self.send(&json!({"jsonrpc": "2.0", "id": id, "result": null}))
                        .with_context(|| died("while it was answered"))?;
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

fn died(when: &str) -> String {
    format!(
        "the server ended {when}; its last words are above (more with LOWKEY_LOG=debug), and `lowkey doctor` \
         checks the model and the machine"
    )
}

/// A duration in milliseconds.
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// A program in the place of the server: what it does is a line of shell.
    fn client(script: &str) -> Client {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Client::spawn(command, &Arc::new(Scratch::new().unwrap())).unwrap()
    }

    #[test]
    fn a_server_that_dies_is_an_error_that_says_what_to_do() {
        let mut client = client("head -c 10 >/dev/null; exit 3");
        let error = format!("{:#}", client.ask("initialize", &json!({})).unwrap_err());
        assert!(error.contains("ended") && error.contains("lowkey doctor"), "{error}");
    }

    #[test]
    fn answers_of_other_requests_are_kept_and_cancelled_ones_have_no_result() {
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
        let soon = Instant::now() + PATIENCE;
        let reply = client.reply(soon).unwrap().unwrap();
        assert_eq!((reply.id, reply.result), (1, None));
    }
}
