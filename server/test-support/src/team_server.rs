//! A small HTTP/1.1 server in the test's own process that plays the answers of a completion server,
//! and its failures.
//!
//! It keeps connections open between requests, as real servers do, reads whole bodies, and notices
//! when a client closes its connection in the middle of an answer. It stops when it is dropped.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// Timeout after which a wait counts as a hang.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A received request.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamRequest {
    /// Method and path: `GET /v1/models`.
    pub target: String,
    pub authorization: Option<String>,
    /// The JSON body; null without one.
    pub json: Value,
    /// The number of the connection, from 0.
    pub connection: usize,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayEnd {
    /// As it should.
    Whole,
    /// The server closes the connection.
    Cut,
    /// Nothing more is sent until the client closes the connection.
    Hold,
}

/// An answer to play.
#[derive(Debug, Clone)]
pub enum Play {
    /// An answer with a length: status, headers, body.
    Page(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A streamed answer with status 200, piece by piece.
    Stream(Vec<Vec<u8>>, PlayEnd),
    /// These bytes, and the end of the connection.
    Raw(Vec<u8>),
    /// Nothing, not even a status, until the client closes the connection.
    Silence,
}

impl Play {
    /// Returns an answer with JSON.
    pub fn json(status: u16, json: &Value) -> Self {
        Self::Page(status, Vec::new(), json.to_string().into_bytes())
    }

    /// Returns the answer of a server that has this model.
    pub fn models(model: &str, owner: &str) -> Self {
        let model = json!({"id": model, "object": "model", "owned_by": owner});
        Self::json(200, &json!({"object": "list", "data": [model]}))
    }

    /// Returns a text in the form of `OpenAI`'s completions protocol, a piece for each token, with
    /// the probability e^-0.1 each.
    pub fn completion(tokens: &[&str]) -> Self {
        Self::Stream(completion_events(tokens), PlayEnd::Whole)
    }
}

/// Returns the events of a text in the form of `OpenAI`'s completions protocol.
pub fn completion_events(tokens: &[&str]) -> Vec<Vec<u8>> {
    let event = |json: &Value| format!("data: {json}\n\n").into_bytes();
    let choice = |text: &str, reason: Option<&str>| {
        // The last token is the one that ends the answer; vLLM reports its probability too.
        let log_prob = if reason.is_some() { -7.0 } else { -0.1 };
        let logs = json!({"tokens": [text], "token_logprobs": [log_prob]});
        let choice = json!({"index": 0, "text": text, "logprobs": logs, "finish_reason": reason});
        event(&json!({"choices": [choice]}))
    };
    let usage = json!({
        "choices": [],
        "usage": {
            "prompt_tokens": 40, "completion_tokens": tokens.len(), "total_tokens": 40 + tokens.len(),
            "prompt_tokens_details": {"cached_tokens": 32},
        },
    });
    let texts = tokens.iter().map(|token| choice(token, None));
    texts.chain([choice("", Some("stop")), event(&usage), b"data: [DONE]\n\n".to_vec()]).collect()
}

pub struct TeamServer {
    port: u16,
    requests: Arc<Mutex<Vec<TeamRequest>>>,
    closed: Mutex<Receiver<()>>,
    ended: Arc<AtomicBool>,
}

impl TeamServer {
    /// Starts a server. It calls `answer` for each request, on the connection's thread.
    pub fn start(answer: impl Fn(&TeamRequest) -> Play + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::<Mutex<Vec<TeamRequest>>>::default();
        let ended = Arc::<AtomicBool>::default();
        let (to_closed, closed) = channel();
        let (log, stop, answer) = (requests.clone(), ended.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (log, answer, closed) = (log.clone(), answer.clone(), to_closed.clone());
                std::thread::spawn(move || serve(&stream, number, &log, &*answer, &closed));
            }
        });
        Self { port, requests, closed: Mutex::new(closed), ended }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<TeamRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the requests for a text so far.
    pub fn asked(&self) -> Vec<TeamRequest> {
        const PATHS: [&str; 4] = ["/v1/completions", "/completion", "/infill", "/api/generate"];
        let is_asked = |request: &TeamRequest| {
            PATHS.iter().any(|path| request.target == format!("POST {path}"))
        };
        self.requests().into_iter().filter(is_asked).collect()
    }

    /// Waits until a client has closed its connection in the middle of an answer.
    pub fn wait_for_close(&self) {
        let closed = self.closed.lock().unwrap().recv_timeout(TIMEOUT);
        assert!(closed.is_ok(), "no client closed its connection in {TIMEOUT:?}");
    }
}

impl Drop for TeamServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Serves a connection until one side ends it.
fn serve(
    stream: &TcpStream,
    connection: usize,
    log: &Mutex<Vec<TeamRequest>>,
    answer: &dyn Fn(&TeamRequest) -> Play,
    closed: &Sender<()>,
) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(mut request) = read_request(&mut reader) {
        request.connection = connection;
        log.lock().unwrap().push(request.clone());
        if !play(answer(&request), stream, &mut reader, closed) {
            return;
        }
    }
}

/// Reads a request; `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> Option<TeamRequest> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(n) if n > 0 && !line.trim().is_empty() => lines.push(line.trim().to_owned()),
            Ok(n) if n > 0 => break,
            _ => return None,
        }
    }
    let header = |name: &str| {
        let of_name = |line: &String| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        lines.iter().find_map(of_name)
    };
    let target = lines.first()?.rsplit_once(' ')?.0.to_owned();
    let n_bytes = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; n_bytes];
    reader.read_exact(&mut body).ok()?;
    let json = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Some(TeamRequest { target, authorization: header("authorization"), json, connection: 0 })
}

/// Plays an answer; returns whether the connection stays open.
fn play(
    play: Play,
    mut stream: &TcpStream,
    reader: &mut BufReader<&TcpStream>,
    closed: &Sender<()>,
) -> bool {
    let mut write = |bytes: &[u8]| stream.write_all(bytes).is_ok();
    match play {
        Play::Raw(bytes) => {
            write(&bytes);
            false
        }
        Play::Silence => hold(reader, closed),
        Play::Page(status, headers, body) => {
            let mut head =
                format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n", body.len());
            for (name, value) in headers {
                let _ = write!(head, "{name}: {value}\r\n");
            }
            write(format!("{head}\r\n").as_bytes()) && write(&body)
        }
        Play::Stream(pieces, end) => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                        Transfer-Encoding: chunked\r\n\r\n";
            let mut goes_on = write(head.as_bytes());
            for piece in pieces {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat();
                goes_on = goes_on && write(&chunk);
            }
            match end {
                PlayEnd::Whole => goes_on && write(b"0\r\n\r\n"),
                PlayEnd::Cut => false,
                PlayEnd::Hold => hold(reader, closed),
            }
        }
    }
}

/// Waits until the client closes the connection.
fn hold(reader: &mut BufReader<&TcpStream>, closed: &Sender<()>) -> bool {
    let _ = reader.read(&mut [0]);
    let _ = closed.send(());
    false
}
