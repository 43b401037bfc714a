//! A real `lowkey serve` process and a strict client.
//!
//! The client answers the server's requests, fails at once if a request is answered twice, and
//! keeps all other messages until a test reads them. [`Server`]'s `Drop` fails a test that left a
//! message unread, a request unanswered or the process running, so the server cannot send anything
//! that no test checks.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod messages;

pub use messages::*;

/// Timeout after which a wait counts as a hang. Long, because tests run in parallel.
pub const TIMEOUT: Duration = Duration::from_mins(2);

/// Options for starting a server.
#[derive(Default)]
pub struct Options {
    /// Programs to run the server under, with their arguments.
    pub under: Vec<String>,
    /// Environment variables in addition to the inherited ones.
    pub env: Vec<(&'static str, String)>,
    /// Uses `--stdio` instead of `serve`, as plugins for other servers do.
    pub by_plugin: bool,
    /// Arguments after `serve`.
    pub arguments: Vec<String>,
    /// Where the log goes, if this harness does not read it.
    pub stderr: Option<Stdio>,
}

/// The settings of [`Server`], for a test that starts a server itself.
pub const SETTINGS: &str = include_str!("../lowkey.toml");

/// An answer: the result, or the error's code and message.
pub type RpcResult = Result<Value, (i64, String)>;

pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    stderr: Option<JoinHandle<String>>,
    last_id: i64,
    pending: HashSet<i64>,
    answers: BTreeMap<i64, RpcResult>,
    /// Request ids in the order of their answers.
    pub order: Vec<i64>,
    /// Errors without a request id.
    errors: VecDeque<(i64, String)>,
    notifications: VecDeque<(String, Value)>,
    /// Progress that has begun and not ended, by token.
    progress: HashMap<String, Value>,
    /// The client's `clientInfo` in `initialize`.
    pub client_info: Value,
    /// The client's configuration section `lowkey`.
    pub configuration: Value,
    /// Requests that the server sent to the client: method and parameters.
    pub server_requests: Vec<(String, Value)>,
    ended: Option<ExitStatus>,
}

impl Server {
    /// Starts a server without sending a message.
    pub fn spawn(options: Options) -> Self {
        let binary = crate::program::path().display().to_string();
        let mut words = options.under;
        let serve = if options.by_plugin { "--stdio" } else { "serve" };
        words.extend([binary, serve.into()]);
        words.extend(options.arguments);
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            // Only the test's settings, and no gate: most tests are not about its judgement of the
            // small model's suggestions.
            .env("LOWKEY_CONFIG", concat!(env!("CARGO_MANIFEST_DIR"), "/lowkey.toml"))
            // The toy, unless the test names another model.
            .env("LOWKEY_MODEL", crate::toy_path())
            // Files of one test must not influence the next.
            .env("LOWKEY_CACHE_DIR", "")
            .env_remove("LOWKEY_LOG")
            .envs(options.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(options.stderr.unwrap_or_else(Stdio::piped))
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", words[0]));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (to_client, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read_message(&mut stdout) {
                if to_client.send(message).is_err() {
                    return;
                }
            }
        });
        let stderr = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stderr.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        });
        Self {
            stdin: child.stdin.take(),
            child,
            messages,
            stderr,
            last_id: 0,
            pending: HashSet::new(),
            answers: BTreeMap::new(),
            order: Vec::new(),
            errors: VecDeque::new(),
            notifications: VecDeque::new(),
            progress: HashMap::new(),
            client_info: Value::Null,
            configuration: Value::Null,
            server_requests: Vec::new(),
            ended: None,
        }
    }

    /// Starts a server and initializes it as a client that draws inline completions.
    pub fn start(initialization: &Value) -> Self {
        let mut server = Self::spawn(Options::default());
        server.initialize(&capabilities(), initialization, None);
        server
    }

    /// Sends `initialize` and `initialized`; returns the server's capabilities.
    pub fn initialize(
        &mut self,
        capabilities: &Value,
        initialization: &Value,
        root: Option<&std::path::Path>,
    ) -> Value {
        let folders = root.map(|root| json!([{"uri": uri(root), "name": "root"}]));
        let params = json!({
            "processId": null,
            "clientInfo": self.client_info,
            "rootUri": null,
            "capabilities": capabilities,
            "initializationOptions": initialization,
            "workspaceFolders": folders,
        });
        let result = self.ask("initialize", &params).unwrap();
        self.notify("initialized", &json!({}));
        result["capabilities"].clone()
    }

    /// Waits until the model is loaded.
    pub fn ready(&mut self) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let status = self.ask("$/lowkey/status", &Value::Null).unwrap();
            match status["state"].as_str() {
                Some("ready") => return,
                Some("loading") => {}
                _ => panic!("no model: {status}"),
            }
            assert!(Instant::now() < deadline, "the model is not loaded after {TIMEOUT:?}");
            // Takes all messages that arrive meanwhile; a progress message ends the wait at once.
            self.receive(Duration::from_millis(20));
        }
    }

    /// Writes raw bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is closed");
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    /// Writes one message in a frame.
    pub fn send(&mut self, message: &Value) {
        self.write(&frame(message.to_string().as_bytes()));
    }

    pub fn notify(&mut self, method: &str, params: &Value) {
        self.send(&notification(method, params));
    }

    /// Builds a request without sending it and registers it as unanswered.
    pub fn make_request(&mut self, method: &str, params: &Value) -> (i64, Value) {
        self.last_id += 1;
        self.pending.insert(self.last_id);
        let mut message = notification(method, params);
        message["id"] = self.last_id.into();
        (self.last_id, message)
    }

    /// Sends a request; returns its id.
    pub fn request(&mut self, method: &str, params: &Value) -> i64 {
        let (id, message) = self.make_request(method, params);
        self.send(&message);
        id
    }

    /// Waits for the answer to a request.
    pub fn answer(&mut self, id: i64) -> RpcResult {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return answer;
            }
            self.wait_for_message(deadline, &format!("the answer to request {id}"));
        }
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, method: &str, params: &Value) -> RpcResult {
        let id = self.request(method, params);
        self.answer(id)
    }

    /// Waits for an error without a request id.
    pub fn next_error(&mut self) -> (i64, String) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(error) = self.errors.pop_front() {
                return error;
            }
            self.wait_for_message(deadline, "an error");
        }
    }

    /// Waits for a notification of this method and returns its parameters.
    pub fn notification(&mut self, method: &str) -> Value {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(at) = self.notifications.iter().position(|(name, _)| name == method) {
                return self.notifications.remove(at).unwrap().1;
            }
            self.wait_for_message(deadline, method);
        }
    }

    fn wait_for_message(&mut self, deadline: Instant, what: &str) {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{what} has not come after {TIMEOUT:?}");
        assert!(self.receive(left), "the server closed its output; missing: {what}");
    }

    /// Takes one message if it arrives in time; `false` if the output is closed.
    fn receive(&mut self, timeout: Duration) -> bool {
        match self.messages.recv_timeout(timeout) {
            Ok(message) => {
                self.handle(&message);
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    fn handle(&mut self, message: &Value) {
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        match (message.get("method").and_then(Value::as_str), message.get("id")) {
            (Some(method), Some(id)) => {
                let result = match method {
                    "workspace/configuration" => json!([self.configuration]),
                    _ => Value::Null,
                };
                self.server_requests.push((method.to_owned(), message["params"].clone()));
                if self.stdin.is_some() {
                    self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
                }
            }
            (Some("$/progress"), None) => self.handle_progress(&message["params"]),
            (Some(method), None) => {
                self.notifications.push_back((method.to_owned(), message["params"].clone()));
            }
            (None, Some(Value::Null)) => self.errors.push_back(error(&message["error"])),
            (None, Some(id)) => {
                let id = id.as_i64().expect("an id of this client");
                assert!(self.pending.remove(&id), "request {id} is answered twice: {message}");
                let answer = match message.get("error") {
                    Some(failed) => Err(error(failed)),
                    None => Ok(message.get("result").expect("a result or an error").clone()),
                };
                self.order.push(id);
                self.answers.insert(id, answer);
            }
            (None, None) => panic!("no message: {message}"),
        }
    }

    fn handle_progress(&mut self, params: &Value) {
        let token = params["token"].as_str().expect("a token").to_owned();
        match params["value"]["kind"].as_str() {
            Some("begin") => {
                let before = self.progress.insert(token, params.clone());
                assert_eq!(before, None, "began twice");
            }
            Some("report") => assert!(self.progress.contains_key(&token), "{params}"),
            Some("end") => assert!(self.progress.remove(&token).is_some(), "{params}"),
            _ => panic!("not a progress message: {params}"),
        }
    }

    /// Waits for this long; no message may arrive.
    pub fn expect_silence(&mut self, duration: Duration) {
        match self.messages.recv_timeout(duration) {
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the server has ended"),
            Ok(message) => panic!("unexpected message: {message}"),
        }
    }

    /// The id of the server's process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Closes both pipes at once and expects no more answers, as if the editor was killed. Returns
    /// the log of the server, which ends by itself.
    pub fn disconnect(&mut self) -> String {
        self.stdin = None;
        // The reader thread ends at its next message and closes the pipe.
        let (_, closed_channel) = channel();
        drop(std::mem::replace(&mut self.messages, closed_channel));
        // stderr closes with the process.
        let (log_sender, log) = channel();
        let stderr = self.stderr.take().expect("a log");
        std::thread::spawn(move || log_sender.send(stderr.join().unwrap()));
        let log = log.recv_timeout(TIMEOUT).expect("the server ends by itself");
        let status = self.child.wait().unwrap();
        self.ended = Some(status);
        self.pending.clear();
        self.answers.clear();
        log
    }

    /// Closes stdin, as an editor does when it dies.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits for the process to end by itself; returns the exit code and the log.
    pub fn wait_for_exit(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + TIMEOUT;
        while self.receive(deadline.saturating_duration_since(Instant::now())) {
            assert!(Instant::now() < deadline, "the server still runs after {TIMEOUT:?}");
        }
        // The server's output is closed, so it is about to end; stderr closes with the process.
        let log = self.stderr.take().map(|log| log.join().unwrap()).unwrap_or_default();
        let status = self.child.wait().unwrap();
        self.ended = Some(status);
        (status.code(), log)
    }

    /// Ends the session as an editor does; returns the log.
    pub fn finish(&mut self) -> String {
        assert_eq!(self.ask("shutdown", &Value::Null), Ok(Value::Null));
        self.notify("exit", &Value::Null);
        let (code, log) = self.wait_for_exit();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    // Documents.

    /// Opens a document.
    pub fn open(&mut self, uri: &str, language: &str, text: &str) {
        let item = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", &json!({ "textDocument": item }));
    }

    /// Requests an inline completion and waits for its items.
    pub fn items(&mut self, uri: &str, line: u32, character: u32) -> Vec<Value> {
        let result = self.ask(INLINE, &place(uri, line, character)).unwrap();
        result["items"].as_array().expect("a list of items, never null").clone()
    }

    /// Returns the server's state of a document.
    pub fn document(&mut self, uri: &str) -> Value {
        self.ask("$/lowkey/document", &json!({"textDocument": {"uri": uri}})).unwrap()
    }

    /// Returns the report of the document's last request.
    pub fn explain(&mut self, uri: &str) -> Value {
        self.ask("$/lowkey/explain", &json!({"textDocument": {"uri": uri}})).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            if let Some(log) = self.stderr.take() {
                eprintln!("the server's log:\n{}", log.join().unwrap_or_default());
            }
            return;
        }
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            panic!("the test ended and the server was still running");
        }
        assert!(self.pending.is_empty(), "never answered: {:?}", self.pending);
        assert!(self.answers.is_empty(), "unread answers: {:?}", self.answers);
        assert!(self.errors.is_empty(), "unread errors: {:?}", self.errors);
        assert!(self.notifications.is_empty(), "unread: {:?}", self.notifications);
    }
}
