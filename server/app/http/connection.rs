//! One client: its requests in sequence, each with a time limit.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::completions::{Asked, complete};
use super::request::{Fault, Head, RequestReader};
use super::response::{Refusal, Response};
use super::seats::Seat;
use super::{Shared, gate};

/// Time limit of a connection without a request.
const IDLE: Duration = Duration::from_mins(2);

/// Time limit from the first byte of a request to its end, and for reading its answer.
const REQUEST: Duration = Duration::from_secs(10);

/// How often the server checks for the client while the model works.
const LOOK: Duration = Duration::from_millis(20);

/// Bytes read from a refused client that still sends, so that it can read the reason.
const DRAINED_BYTES: usize = 256 << 10;

/// A stream whose reads end at a deadline, at any data rate.
#[derive(Debug)]
struct Timed {
    stream: TcpStream,
    until: Instant,
    has_begun: bool,
}

impl Read for Timed {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let n = self.stream.read(to)?;
        if !self.has_begun {
            self.has_begun = true;
            self.until = Instant::now() + REQUEST;
        }
        Ok(n)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Serves a connection until it ends.
pub(super) fn serve(shared: &Shared, seat: &Seat, stream: TcpStream) {
    let prepared = stream.set_nodelay(true).and_then(|()| stream.set_write_timeout(Some(REQUEST)));
    if prepared.is_err() {
        return;
    }
    let until = Instant::now() + IDLE;
    let mut reader = RequestReader::new(Timed { stream, until, has_begun: false });
    loop {
        (reader.stream.until, reader.stream.has_begun) = (Instant::now() + IDLE, false);
        seat.begin_waiting();
        let response = match answer(shared, seat, &mut reader) {
            Ok(Some(response)) => response,
            Ok(None) => return,
            Err(Fault::Gone(error)) => {
                tracing::debug!(%error, "a client has left, or is too slow");
                return;
            }
            Err(Fault::Refused(refusal)) => {
                tracing::info!(status = refusal.status, "refused");
                Response::refusing(&refusal)
            }
        };
        if response.write(&reader.stream.stream).is_err() {
            return;
        }
        if response.closes() {
            return drain(&mut reader.stream);
        }
    }
}

/// Reads a request and answers it; `None` if there is no other request, or the client has left.
fn answer(
    shared: &Shared,
    seat: &Seat,
    reader: &mut RequestReader<Timed>,
) -> Result<Option<Response>, Fault> {
    let Some(head) = reader.head()? else { return Ok(None) };
    gate::check(&head, &shared.token, shared.port)?;
    seat.begin_serving();
    let response = match (head.path.as_str(), head.method.as_str()) {
        ("/v1/completions", "POST") => {
            let body = body(reader, &head)?;
            let asked = Asked::parse(&body)?;
            let gone = client_is_gone(&reader.stream.stream, head.is_http_1_0());
            let completed = shared.runtime.block_on(async {
                tokio::select! {
                    completed = complete(&shared.completer, asked) => Some(completed),
                    () = gone => None,
                }
            });
            match completed {
                Some(response) => response?,
                None => return Ok(None),
            }
        }
        ("/v1/models", "GET") => {
            let model = shared.completer.model();
            let model = json!({"id": model, "object": "model", "owned_by": "lowkey"});
            Response::json(200, &json!({"object": "list", "data": [model]}))
        }
        ("/v1/completions" | "/v1/models", _) => {
            let why = "use POST for /v1/completions and GET for /v1/models";
            return Err(Refusal::new(405, why.into()).into());
        }
        _ => {
            let why = "this path does not exist; use /v1/completions or /v1/models";
            return Err(Refusal::new(404, why.into()).into());
        }
    };
    // An unexpected body would be parsed as the next request.
    let announces_body = head.has("content-length") || head.has("transfer-encoding");
    let leaves_body = head.method != "POST" && announces_body;
    Ok(Some(response.closing(!head.keeps_alive() || leaves_body)))
}

/// Returns the body, if its content type is JSON.
fn body(reader: &mut RequestReader<Timed>, head: &Head) -> Result<Vec<u8>, Fault> {
    let media = head.one("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        let why = "send the body with `Content-Type: application/json`";
        return Err(Refusal::new(415, why.into()).into());
    }
    reader.body(head)
}

/// Resolves when the client has left, as editors do when the user types on.
///
/// A client that closes only its sending side (`nc -N`, some HTTP/1.0 clients) still waits for its
/// answer. A read cannot tell this from a closed connection, but a write can: a closed socket
/// rejects the data, and the next check sees that. The written data is an interim response, which
/// every HTTP/1.1 client skips (RFC 9110, section 15.2). An HTTP/1.0 client does not know interim
/// responses and gets none.
async fn client_is_gone(stream: &TcpStream, is_http_1_0: bool) {
    let mut was_probed = is_http_1_0;
    loop {
        tokio::time::sleep(LOOK).await;
        // No other thread reads from this stream.
        let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        if stream.set_nonblocking(false).is_err() {
            return;
        }
        let has_ended = match looked {
            Ok(n) => n == 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(_) => return,
        };
        if has_ended && !std::mem::replace(&mut was_probed, true) {
            let mut stream = stream;
            if stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err() {
                return;
            }
        }
    }
}

/// Reads the rest of a refused client's data: closing at once would discard the answer.
fn drain(timed: &mut Timed) {
    let _ = timed.stream.shutdown(Shutdown::Write);
    (timed.until, timed.has_begun) = (Instant::now() + Duration::from_secs(1), true);
    let mut bytes = [0; 4096];
    let mut n_drained = 0;
    while let Ok(n @ 1..) = timed.read(&mut bytes) {
        n_drained += n;
        if n_drained > DRAINED_BYTES {
            return;
        }
    }
}
