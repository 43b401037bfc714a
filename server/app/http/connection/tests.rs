//! What `hyper` does by itself with a connection: limits, broken requests, several requests.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::http::{body, response};

/// Longer than any test should take.
const LONG: Duration = Duration::from_mins(2);
const SHORT: Duration = Duration::from_millis(50);

/// Answers with the path, or with the number of bytes in the body.
async fn echo(request: Request<Incoming>) -> io::Result<Response> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET {
        return Ok(response::json(StatusCode::OK, &json!({"path": path})));
    }
    Ok(match body::read(request, SHORT).await {
        Ok(body) => response::json(StatusCode::OK, &json!({"path": path, "length": body.len()})),
        Err(error) => error.into_response(),
    })
}

/// Returns a client's stream, and the server of this one connection.
async fn connect(head_timeout: Duration) -> (TcpStream, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    (client, tokio::spawn(serve(stream, head_timeout, echo)))
}

/// Returns everything that the server sends to a client that sends `bytes` and half-closes.
async fn exchange(bytes: &[u8]) -> String {
    let (mut client, server) = connect(LONG).await;
    client.write_all(bytes).await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    server.await.unwrap();
    answer
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("no answer")
}

/// Splits answers into heads and JSON bodies.
fn answers(mut all: &str) -> Vec<(&str, Value)> {
    let mut answers = Vec::new();
    while let Some((head, rest)) = all.split_once("\r\n\r\n") {
        let length =
            head.split("content-length: ").nth(1).map_or("0", |l| l.lines().next().unwrap());
        let (body, next) = rest.split_at(length.parse().unwrap());
        answers.push((head, serde_json::from_str(body).unwrap_or_default()));
        all = next;
    }
    answers
}

/// Sends a byte every few milliseconds until the server closes, and returns what the server sent.
async fn trickle(mut client: TcpStream, byte: &[u8]) -> String {
    let (mut from, mut to) = client.split();
    let mut answer = String::new();
    let send = async {
        while to.write_all(byte).await.is_ok() {
            tokio::time::sleep(SHORT / 25).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        // A connection that the server resets has no answer either.
        _ = from.read_to_string(&mut answer) => {}
        () = send => {}
    }
    answer
}

#[tokio::test]
async fn slow_head_ends_connection() {
    // A limit of each read would not end this connection: there is always another byte.
    let (mut client, server) = connect(SHORT).await;
    client.write_all(b"GET / HTTP/1.1\r\nA: ").await.unwrap();
    assert_eq!(trickle(client, b"a").await, "");
    server.await.unwrap();
    // Neither before the first byte nor after an answer does a connection wait for longer.
    for request in ["", "GET / HTTP/1.1\r\n\r\n"] {
        let (mut client, server) = connect(SHORT).await;
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.matches("200 OK").count(), usize::from(!request.is_empty()), "{answer}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn slow_body_is_rejected() {
    let (mut client, server) = connect(LONG).await;
    client
        .write_all(
            b"POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n",
        )
        .await
        .unwrap();
    let answer = trickle(client, b"a").await;
    assert_eq!(status(&answer), "408", "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    server.await.unwrap();
}

#[tokio::test]
async fn large_head_is_rejected() {
    let line = |n_bytes: usize| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(n_bytes));
    let header = |n_bytes: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(n_bytes));
    let headers = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(n));
    for (request, expected) in [
        (header(MAX_HEAD_BYTES - 100), "200"),
        (header(MAX_HEAD_BYTES), "431"),
        // The client sends more than the server reads before its answer, and still gets it.
        (header(8 * MAX_HEAD_BYTES), "431"),
        (line(MAX_HEAD_BYTES - 100), "200"),
        (line(2 * MAX_HEAD_BYTES), "431"),
        (headers(MAX_HEADERS), "200"),
        (headers(MAX_HEADERS + 1), "431"),
    ] {
        let answer = exchange(request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{} bytes: {answer}", request.len());
    }
}

#[tokio::test]
async fn invalid_request_is_rejected() {
    for request in [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\0\r\n\r\n",
    ] {
        let answer = exchange(request.as_bytes()).await;
        assert_eq!(status(&answer), "400", "{request:?}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("connection: close") && body.is_empty(), "{answer}");
    }
    // The beginning of HTTP/2 without an upgrade.
    assert_eq!(exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "");
}

#[tokio::test]
async fn body_ends_at_its_content_length() {
    for (headers, expected) in [
        ("Content-Length: 4\r\n", "200"),
        ("Content-Length: 4\r\nContent-Length: 4\r\n", "200"),
        ("", "411"),
        ("Transfer-Encoding: chunked\r\n", "501"),
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "501"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "501"),
        ("Transfer-Encoding: gzip\r\n", "400"),
        ("Content-Length: 4\r\nContent-Length: 5\r\n", "400"),
        ("Content-Length: -4\r\n", "400"),
        ("Content-Length: +4\r\n", "400"),
        ("Content-Length: 4, 4\r\n", "400"),
        ("Content-Length: 4x\r\n", "400"),
        ("Content-Length: 99999999999999999999999\r\n", "400"),
        ("Content-Length: 18446744073709551615\r\n", "431"),
        ("Content-Length: 4194305\r\n", "413"),
        // Shorter than announced.
        ("Content-Length: 5\r\n", "400"),
    ] {
        let request =
            format!("POST / HTTP/1.1\r\nContent-Type: application/json\r\n{headers}\r\nbody");
        let answer = exchange(request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{headers:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers:?}: {answer}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let all = [
        "GET /a HTTP/1.1\r\n\r\n",
        &post("/b", "12345"),
        &post("/c", ""),
        "GET /d HTTP/1.1\r\n\r\n",
    ];
    let expected = [
        json!({"path": "/a"}),
        json!({"path": "/b", "length": 5}),
        json!({"path": "/c", "length": 0}),
        json!({"path": "/d"}),
    ];
    let all = all.concat();
    let (mut client, server) = connect(LONG).await;
    // In pieces of every size, so that a head or a body is cut anywhere.
    for size in [1, 7, 64, all.len()] {
        let mut received = String::new();
        for piece in all.as_bytes().chunks(size) {
            client.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        while answers(&received).len() < expected.len() {
            let mut bytes = [0; 4096];
            let n_bytes = client.read(&mut bytes).await.unwrap();
            assert_ne!(n_bytes, 0, "closed after {received}");
            received.push_str(std::str::from_utf8(&bytes[..n_bytes]).unwrap());
        }
        let bodies: Vec<Value> = answers(&received).into_iter().map(|(_, body)| body).collect();
        assert_eq!(bodies, expected, "in pieces of {size}");
    }
    drop(client);
    server.await.unwrap();
}

#[tokio::test]
async fn expect_continue_is_answered() {
    let head = "POST / HTTP/1.1\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let (mut client, server) = connect(LONG).await;
    client.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    client.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answers(&answer)[0].1["length"], 4);
    server.await.unwrap();
    // A rejection without the body needs no interim response.
    let unread = exchange(head.replace("json", "xml").as_bytes()).await;
    assert_eq!(status(&unread), "415", "{unread}");
}

#[tokio::test]
async fn connection_close_is_respected() {
    for (headers, n_answers) in [
        ("HTTP/1.1\r\n", 2),
        ("HTTP/1.1\r\nConnection: Close\r\n", 1),
        ("HTTP/1.1\r\nConnection: keep-alive, close\r\n", 1),
        ("HTTP/1.0\r\n", 1),
        ("HTTP/1.0\r\nConnection: keep-alive\r\n", 2),
    ] {
        let request = format!("GET / {headers}\r\n");
        let all = exchange(request.repeat(2).as_bytes()).await;
        assert_eq!(answers(&all).len(), n_answers, "{headers:?}: {all}");
    }
}

#[tokio::test]
async fn truncated_head_has_no_answer() {
    let request = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
    for at in 0..request.len() {
        assert_eq!(exchange(&request.as_bytes()[..at]).await, "", "cut at {at}");
    }
}

#[tokio::test]
async fn failed_answer_closes_connection() {
    let (stream, mut client) = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, client)
    };
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let gone = |_| async { Err(io::ErrorKind::ConnectionAborted.into()) };
    serve(stream, LONG, gone).await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "");
}
