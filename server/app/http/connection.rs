//! One connection: `hyper` reads its requests, one after the other, within limits.
//!
//! `hyper` itself answers a request that it cannot parse (400) and one with too large a head (431),
//! without a body, and closes the connection. Every other request reaches the caller.
//!
//! Invariant: a head has at most [`MAX_HEAD_BYTES`] and arrives within the limit of the caller,
//! counted from the connection's start or from its last answer.

use std::io;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::response::Response;

/// Limit of the request line and headers.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Maximum number of headers.
const MAX_HEADERS: usize = 64;

/// Bytes read from a client that still sends after the last answer, so that it can read it.
const MAX_DRAINED_BYTES: u64 = 256 << 10;

/// Time limit for reading these bytes.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves a connection until it ends. `head_timeout` limits the time without a complete head; an
/// error of `answer` ends the connection without an answer.
pub(super) async fn serve<A, R>(mut stream: TcpStream, head_timeout: Duration, answer: A)
where
    A: Fn(Request<Incoming>) -> R,
    R: Future<Output = io::Result<Response>>,
{
    // Answers are small and written whole: nothing is gained by waiting for more.
    let _ = stream.set_nodelay(true);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_header_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        // The end of the client's data is no reason to drop its request; `Client` decides.
        .half_close(true)
        .serve_connection(TokioIo::new(&mut stream), service_fn(answer))
        .await;
    match served {
        Ok(()) => {}
        Err(error) if error.is_parse() => tracing::info!(%error, "refused"),
        Err(error) => {
            tracing::debug!(%error, "a client has left, or is too slow");
            return;
        }
    }
    drain(stream).await;
}

/// Reads the rest of the client's data: closing a socket with unread data makes the client's system
/// discard the answer (RFC 9112, section 9.6).
async fn drain(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let mut rest = stream.take(MAX_DRAINED_BYTES);
    let mut sink = tokio::io::sink();
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, tokio::io::copy(&mut rest, &mut sink)).await;
}

#[cfg(test)]
mod tests;
