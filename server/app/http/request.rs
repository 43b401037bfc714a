//! A strict reader of HTTP/1.1 requests: the head first, the body only if the caller needs it.
//!
//! `httparse` splits lines and headers; this module decides which values are valid. The length of a
//! body is that of its only `Content-Length`. Other ways to end a body are refused, because a
//! client can smuggle a second request past a server that guesses the end of the first.
//!
//! Invariant: a head has at most [`MAX_HEAD_BYTES`], a body at most [`MAX_BODY_BYTES`].

use std::io::{self, Read, Write};

use super::response::Refusal;

/// Limit of the request line and headers.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Maximum number of headers.
const MAX_HEADERS: usize = 64;

/// Enough for the longest prompt with JSON's escapes.
const MAX_BODY_BYTES: usize = 4 << 20;

/// The request line and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    headers: Vec<(String, Vec<u8>)>,
    is_http_1_0: bool,
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Fault {
    /// The client closed the connection, or is too slow.
    Gone(io::Error),
    /// The client gets an error, and the connection is closed.
    Refused(Refusal),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads requests from a connection.
#[derive(Debug)]
pub(super) struct RequestReader<S> {
    pub(super) stream: S,
    /// Bytes read and not yet used.
    buffer: Vec<u8>,
}

impl Head {
    /// Returns the header's value, if the header occurs once.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let value = values.next()?;
        if values.next().is_some() { None } else { std::str::from_utf8(value).ok().map(str::trim) }
    }

    /// Whether the header occurs at least once.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_slice())
    }

    /// Whether another request may follow on this connection.
    pub(super) fn keeps_alive(&self) -> bool {
        let connection = self.one("connection").unwrap_or_default();
        !self.is_http_1_0 && !connection.to_ascii_lowercase().contains("close")
    }

    /// Whether the client uses HTTP/1.0, without interim responses.
    pub(super) fn is_http_1_0(&self) -> bool {
        self.is_http_1_0
    }

    /// Returns the length of the body.
    fn body_bytes(&self) -> Result<usize, Refusal> {
        if self.has("transfer-encoding") {
            let why = "Transfer-Encoding is not supported; send the body with a Content-Length";
            return Err(Refusal::new(501, why.into()));
        }
        if !self.has("content-length") {
            return Err(Refusal::new(411, "send the body with a Content-Length".into()));
        }
        let length = self.one("content-length").filter(|l| l.bytes().all(|b| b.is_ascii_digit()));
        let Some(length) = length.and_then(|l| l.parse::<usize>().ok()) else {
            return Err(Refusal::new(400, "the Content-Length is not a number".into()));
        };
        if length > MAX_BODY_BYTES {
            let why = format!("the body has {length} bytes, the limit is {MAX_BODY_BYTES}");
            return Err(Refusal::new(413, why));
        }
        Ok(length)
    }
}

impl<S: Read + Write> RequestReader<S> {
    /// Builds a reader of `stream`. The reader also sends `100 Continue` for bodies that clients
    /// hold back.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Returns the next request's head; `None` if the client closed between two requests.
    pub(super) fn head(&mut self) -> Result<Option<Head>, Fault> {
        loop {
            if let Some((head, n_bytes)) = parse(&self.buffer)? {
                self.buffer.drain(..n_bytes);
                return Ok(Some(head));
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                let why = format!("the headers have more than {MAX_HEAD_BYTES} bytes");
                return Err(Refusal::new(431, why).into());
            }
            if self.read_more(MAX_HEAD_BYTES)? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(Fault::Gone(io::ErrorKind::UnexpectedEof.into()))
                };
            }
        }
    }

    /// Returns the body that belongs to `head`.
    pub(super) fn body(&mut self, head: &Head) -> Result<Vec<u8>, Fault> {
        let n_bytes = head.body_bytes()?;
        let is_held_back =
            head.one("expect").is_some_and(|e| e.eq_ignore_ascii_case("100-continue"));
        if is_held_back && self.buffer.len() < n_bytes {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.stream.flush()?;
        }
        while self.buffer.len() < n_bytes {
            if self.read_more(n_bytes - self.buffer.len())? == 0 {
                return Err(Fault::Gone(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        let rest = self.buffer.split_off(n_bytes);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    fn read_more(&mut self, most: usize) -> io::Result<usize> {
        let mut bytes = [0; 16 << 10];
        let most = most.clamp(1, bytes.len());
        let n = self.stream.read(bytes.get_mut(..most).unwrap_or_default())?;
        self.buffer.extend_from_slice(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// Parses a head at the beginning of `bytes`; returns it with its length, or `None` if it is
/// incomplete.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let n_bytes = match request.parse(bytes) {
        Ok(httparse::Status::Complete(n_bytes)) if n_bytes <= MAX_HEAD_BYTES => n_bytes,
        Ok(httparse::Status::Complete(_)) => {
            let why = format!("the headers have more than {MAX_HEAD_BYTES} bytes");
            return Err(Refusal::new(431, why));
        }
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::new(431, format!("there are more than {MAX_HEADERS} headers")));
        }
        Err(error) => return Err(Refusal::new(400, format!("no HTTP request: {error}"))),
    };
    let target = request.path.unwrap_or_default();
    let headers = request.headers.iter().map(|h| (h.name.to_owned(), h.value.to_vec())).collect();
    let head = Head {
        method: request.method.unwrap_or_default().to_owned(),
        path: target.split('?').next().unwrap_or_default().to_owned(),
        headers,
        is_http_1_0: request.version == Some(0),
    };
    Ok(Some((head, n_bytes)))
}

#[cfg(test)]
mod tests;
