//! A small HTTP/1.1 server in the test's own process: it records requests and returns configured
//! answers.
//!
//! It serves one request per connection and stops when it is dropped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// `GET` or `HEAD`.
    pub method: String,
    /// Path with query.
    pub path: String,
    headers: Vec<(String, String)>,
}

impl ReceivedRequest {
    /// Returns a header's value; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Returns the first byte that `Range` requests.
    pub fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// A configured answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// The status; 0 means no answer until the client gives up.
    pub status: u16,
    /// Headers in addition to the length.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Bytes of the body to send before closing the connection; `None` for all.
    pub cut: Option<usize>,
    /// Whether to omit the length.
    pub endless: bool,
    /// Bytes per write; 0 for all at once.
    pub piece: usize,
}

impl Reply {
    /// Returns an answer without a body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Wraps a connection, for encryption.
pub type Wrap = Arc<dyn Fn(TcpStream) -> Box<dyn Stream> + Send + Sync>;

pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

pub struct HttpServer {
    port: u16,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    ended: Arc<AtomicBool>,
}

impl HttpServer {
    /// Starts a server. It calls `answer` for each request, on a separate thread.
    pub fn start(answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_wrapped(answer, Arc::new(|stream| Box::new(stream)))
    }

    /// Starts a server over wrapped connections.
    pub fn start_wrapped(
        answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static,
        wrap: Wrap,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, ended) =
            (Arc::<Mutex<Vec<ReceivedRequest>>>::default(), Arc::<AtomicBool>::default());
        let (log, stop, answer) = (requests.clone(), ended.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (log, answer, wrap) = (log.clone(), answer.clone(), wrap.clone());
                std::thread::spawn(move || serve(wrap(stream), &log, &*answer));
            }
        });
        Self { port, requests, ended }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Reads one request and answers it. A closed connection is not an error.
fn serve(
    stream: Box<dyn Stream>,
    log: &Mutex<Vec<ReceivedRequest>>,
    answer: &dyn Fn(&ReceivedRequest) -> Reply,
) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(n) if n > 0 && !line.trim().is_empty() => lines.push(line.trim().to_owned()),
            Ok(n) if n > 0 => break,
            _ => return,
        }
    }
    let mut words = lines[0].split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let headers = lines[1..].iter().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(k, v)| (k.to_lowercase(), v.trim().to_owned())).collect();
    let request = ReceivedRequest { method, path, headers };
    log.lock().unwrap().push(request.clone());
    let reply = answer(&request);
    if reply.status == 0 {
        let _ = reader.read(&mut [0]);
        return;
    }
    let mut head = vec![format!("HTTP/1.1 {} Status", reply.status), "Connection: close".into()];
    if !reply.endless {
        head.push(format!("Content-Length: {}", reply.body.len()));
    }
    head.extend(reply.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    let stream = reader.get_mut();
    let mut bytes = format!("{}\r\n\r\n", head.join("\r\n")).into_bytes();
    if request.method != "HEAD" {
        bytes.extend(&reply.body[..reply.cut.unwrap_or(reply.body.len()).min(reply.body.len())]);
    }
    let piece = if reply.piece == 0 { bytes.len() } else { reply.piece };
    for part in bytes.chunks(piece) {
        if stream.write_all(part).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}
