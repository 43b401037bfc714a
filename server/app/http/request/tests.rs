//! Whole requests, requests in pieces, in sequence, and invalid ones.

use std::collections::VecDeque;

use super::*;

/// A connection that delivers these pieces.
#[derive(Debug, Default)]
struct Pieces {
    incoming: VecDeque<Vec<u8>>,
    written: Vec<u8>,
}

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let Some(mut piece) = self.incoming.pop_front() else { return Ok(0) };
        let n = piece.len().min(to.len());
        to[..n].copy_from_slice(&piece[..n]);
        let rest = piece.split_off(n);
        if !rest.is_empty() {
            self.incoming.push_front(rest);
        }
        Ok(n)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reader(pieces: &[&[u8]]) -> RequestReader<Pieces> {
    let incoming = pieces.iter().map(|piece| piece.to_vec()).collect();
    RequestReader::new(Pieces { incoming, ..Pieces::default() })
}

fn refused<T: std::fmt::Debug>(result: Result<T, Fault>) -> u16 {
    match result {
        Err(Fault::Refused(refusal)) => refusal.status,
        other => panic!("not refused: {other:?}"),
    }
}

const POST: &[u8] =
    b"POST /v1/completions?x=1 HTTP/1.1\r\nHost: a\r\ncontent-length: 4\r\n\r\nbody";

#[test]
fn request_is_read_in_any_pieces() {
    for at in 1..POST.len() {
        let (one, two) = POST.split_at(at);
        let mut reader = reader(&[one, two, POST]);
        for _ in 0..2 {
            let head = reader.head().unwrap().unwrap();
            assert_eq!((&*head.method, &*head.path), ("POST", "/v1/completions"));
            assert_eq!(head.one("HOST"), Some("a"));
            assert!(head.keeps_alive());
            assert_eq!(reader.body(&head).unwrap(), b"body");
        }
        assert!(reader.head().unwrap().is_none(), "closed between two requests");
    }
}

#[test]
fn truncated_request_is_gone() {
    for at in 1..POST.len() {
        let mut reader = reader(&[&POST[..at]]);
        let whole = reader.head().and_then(|head| reader.body(&head.unwrap()));
        assert!(matches!(whole, Err(Fault::Gone(_))), "cut at {at}");
    }
}

#[test]
fn invalid_requests_are_refused() {
    for (bytes, status) in [
        (&b"nonsense\r\n\r\n"[..], 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", 400),
    ] {
        assert_eq!(refused(reader(&[bytes]).head()), status, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn heads_have_limits() {
    let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(MAX_HEAD_BYTES));
    assert_eq!(refused(reader(&[long.as_bytes()]).head()), 431);
    let endless = format!("GET /{}", "x".repeat(2 * MAX_HEAD_BYTES));
    assert_eq!(refused(reader(&[endless.as_bytes()]).head()), 431);
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS + 1));
    assert_eq!(refused(reader(&[many.as_bytes()]).head()), 431);
}

#[test]
fn body_ends_at_its_content_length() {
    for (headers, status) in [
        ("", 411),
        ("Transfer-Encoding: chunked\r\n", 501),
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 501),
        ("Content-Length: 4\r\nContent-Length: 4\r\n", 400),
        ("Content-Length: -4\r\n", 400),
        ("Content-Length: +4\r\n", 400),
        ("Content-Length: 4, 4\r\n", 400),
        ("Content-Length: 99999999999999999999999\r\n", 400),
        ("Content-Length: 4194305\r\n", 413),
    ] {
        let bytes = format!("POST / HTTP/1.1\r\n{headers}\r\nbody");
        let mut reader = reader(&[bytes.as_bytes()]);
        let head = reader.head().unwrap().unwrap();
        assert_eq!(refused(reader.body(&head)), status, "{headers:?}");
    }
}

#[test]
fn expect_continue_is_answered() {
    let mut reader =
        reader(&[b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", b"body"]);
    let head = reader.head().unwrap().unwrap();
    assert_eq!(reader.body(&head).unwrap(), b"body");
    assert_eq!(reader.stream.written, b"HTTP/1.1 100 Continue\r\n\r\n");
}

#[test]
fn connection_close_is_respected() {
    for (bytes, keeps) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], true),
        (b"GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", false),
        (b"GET / HTTP/1.0\r\n\r\n", false),
    ] {
        assert_eq!(reader(&[bytes]).head().unwrap().unwrap().keeps_alive(), keeps);
    }
}
