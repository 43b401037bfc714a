//! Rejected requests and their error messages.

use super::*;

/// A valid request in which `from` is replaced with `to`.
fn sent(server: &Server, from: &str, to: &str) -> Answer {
    let request = String::from_utf8(server.request(&zed(PREFIX, SUFFIX))).unwrap();
    assert!(request.contains(from), "{from}");
    let answer = server.send(request.replacen(from, to, 1).as_bytes());
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(!answer.body.contains(TOKEN) && !answer.body.contains("self.x"), "{}", answer.body);
    answer
}

#[test]
fn rejections_give_reasons() {
    let folder = Folder::new("refusals");
    let server = Server::start(&folder);
    let host = format!("Host: 127.0.0.1:{}", server.port);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let same_length = format!("Authorization: Bearer {}", "x".repeat(TOKEN.len()));
    let large = format!("Content-Length: {}", 5 << 20);
    for (from, to, status, word) in [
        // The sender.
        (host.as_str(), "Host: evil.example", 403, "another host"),
        (&host, "Host: 127.0.0.1", 403, "another host"),
        (&host, "X: y", 403, "another host"),
        (&host, &format!("Host: 127.0.0.1:+{}", server.port), 403, "another host"),
        (&host, &format!("{host}\r\n{host}"), 403, "another host"),
        (&host, &format!("{host}\r\nOrigin: https://evil.example"), 403, "web pages"),
        (&host, &format!("{host}\r\nOrigin: null"), 403, "web pages"),
        (&bearer, "X: y", 401, "token"),
        (&bearer, "Authorization: Bearer", 401, "token"),
        (&bearer, "Authorization: Basic eDp5", 401, "token"),
        (&bearer, &same_length, 401, "token"),
        (&bearer, &format!("{bearer}x"), 401, "token"),
        (&bearer, &format!("{same_length}\r\n{bearer}"), 401, "token"),
        // The request.
        ("POST /v1/completions", "GET /v1/completions", 405, "POST"),
        ("POST /v1/completions", "OPTIONS /v1/completions", 405, "POST"),
        ("POST /v1/completions", "POST /v1/chat/completions", 404, "/v1/completions"),
        ("application/json", "text/plain", 415, "application/json"),
        ("Content-Length", "X-Length", 411, "Content-Length"),
        (
            "Content-Length: ",
            "Transfer-Encoding: chunked\r\nContent-Length: ",
            501,
            "Content-Length",
        ),
        ("Content-Length: ", &format!("{large}\r\nX: "), 413, "limit"),
        ("\"prompt\"", "\"prumpt\"", 400, "prompt is missing"),
        ("{", "[", 400, "JSON"),
        // The request line may name a host too.
        ("/v1/completions", "http://evil.example/v1/completions", 403, "another host"),
        // Methods and paths that do not exist.
        ("POST /v1/completions", "PUT /v1/completions", 405, "POST"),
        ("POST /v1/completions", "OPTIONS *", 404, "/v1/completions"),
        ("POST /v1/completions", "GET /", 404, "/v1/completions"),
        ("POST /v1/completions", "OPTIONS /v1/chat/completions", 404, "/v1/completions"),
        ("POST /v1/completions", "POST /v1/models", 405, "GET"),
        ("POST /v1/completions", "POST /v1/completions/", 404, "/v1/completions"),
        ("POST /v1/completions", "POST /v1/../v1/completions", 404, "/v1/completions"),
    ] {
        let answer = sent(&server, from, to);
        assert_eq!(answer.status, status, "{to}: {}", answer.body);
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("lowkey: ") && message.contains(word), "{to}: {message}");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    assert_eq!(sent(&server, "POST", "POST").status, 200);
    let own = format!("POST http://127.0.0.1:{}/v1/completions", server.port);
    assert_eq!(sent(&server, "POST /v1/completions", &own).status, 200);
    // The sender is checked first, whatever else is wrong.
    for (from, to) in [
        ("POST /v1/completions", "GET /v1/models"),
        ("POST /v1/completions", "OPTIONS /"),
        ("Content-Length: ", &format!("{large}\r\nX: ")),
        ("Content-Length: ", "Transfer-Encoding: chunked\r\nX: "),
        ("application/json", "text/plain"),
    ] {
        for (sender, other, status) in [(&host, "Host: evil.example", 403), (&bearer, "X: y", 401)]
        {
            let request = String::from_utf8(server.request(&zed(PREFIX, SUFFIX))).unwrap();
            let request = request.replacen(from, to, 1).replacen(sender, other, 1);
            assert_eq!(server.send(request.as_bytes()).status, status, "{request}");
        }
    }
}

#[test]
fn standard_headers_of_rejections() {
    let folder = Folder::new("rejection-headers");
    let server = Server::start(&folder);
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let answer = sent(&server, &bearer, "X: y");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let answer = sent(&server, "POST", "DELETE");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    // A browser's preflight request for a page of another origin.
    let preflight = "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST";
    let answer = sent(&server, &bearer, preflight);
    assert_eq!(answer.status, 403);
    assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("access-control")));
    // The answer to HEAD has the length of a body, and no body.
    let request = String::from_utf8(server.request(&zed(PREFIX, SUFFIX))).unwrap();
    let mut stream = server.connect();
    stream.write_all(request.replacen("POST", "HEAD", 1).as_bytes()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert!(all.starts_with("HTTP/1.1 405 ") && all.ends_with("\r\n\r\n"), "{all}");
}

#[test]
fn malformed_request_has_no_body_in_answer() {
    let folder = Folder::new("malformed");
    let server = Server::start(&folder);
    let header = format!("X: {}\r\nHost", "x".repeat(1 << 20));
    for (from, to, status) in [
        ("HTTP/1.1", "HTTP/7", 400),
        ("Content-Length", "Content-Length : 1\r\nX", 400),
        ("Content-Length: ", "Content-Length: +", 400),
        ("Host", &header, 431),
    ] {
        let answer = sent(&server, from, to);
        assert_eq!(answer.status, status, "{to:.20}");
        assert_eq!((answer.header("connection"), &*answer.body), (Some("close"), ""));
        // No longer text than the status.
        assert!(
            answer
                .headers
                .iter()
                .all(|(name, _)| ["connection", "content-length", "date"].contains(&&**name))
        );
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let folder = Folder::new("pipelined");
    let server = Server::start(&folder);
    let bodies = ["sub", "div", "mul"].map(|name| zed(&PREFIX.replace("sub", name), SUFFIX));
    let expected = bodies.each_ref().map(|body| server.complete(body)["choices"].clone());
    let all: Vec<u8> = bodies.iter().flat_map(|body| server.request(body)).collect();
    let mut stream = server.connect();
    stream.write_all(&all).unwrap();
    let mut reader = BufReader::new(stream);
    for choices in expected {
        let answer = Answer::read(&mut reader);
        assert_eq!(answer.status, 200);
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["choices"], choices);
    }
}

#[test]
fn too_many_requests_are_rejected() {
    let folder = Folder::new("busy");
    let server = Server::start(&folder);
    let request = String::from_utf8(server.request(&zed(PREFIX, SUFFIX))).unwrap();
    let request = request.replacen("Content-Type", "Expect: 100-continue\r\nContent-Type", 1);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    // Each has its head accepted, and keeps its body back.
    let mut held: Vec<BufReader<TcpStream>> = (0..32)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
            let mut reader = BufReader::new(stream);
            assert_eq!(Answer::read(&mut reader).status, 100);
            reader
        })
        .collect();
    let idle: Vec<TcpStream> = (0..80).map(|_| server.connect()).collect();
    let answer = server.send(&server.request(&zed(PREFIX, SUFFIX)));
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("32 requests"), "{}", answer.body);
    // Connections that serve a request stay.
    for reader in &mut held {
        reader.get_mut().write_all(body.as_bytes()).unwrap();
    }
    for reader in &mut held {
        assert_eq!(Answer::read(reader).status, 200);
    }
    drop(idle);
}

#[test]
fn idle_connections_give_way() {
    let folder = Folder::new("crowd");
    let server = Server::start(&folder);
    // More connections than the limit, twice, with and without the start of a request.
    let held: Vec<TcpStream> = (0..160)
        .map(|idx| {
            let mut stream = server.connect();
            if idx % 2 == 0 {
                stream.write_all(b"POST /v1/completions HTTP/1.1\r\nHost: ").unwrap();
            }
            stream
        })
        .collect();
    for _ in 0..4 {
        assert_eq!(server.send(&server.request(&zed(PREFIX, SUFFIX))).status, 200);
    }
    drop(held);
}

#[test]
fn half_closed_client_gets_answer() {
    let folder = Folder::new("half-closed");
    let server = Server::start(&folder);
    for (nth, version) in ["HTTP/1.1", "HTTP/1.0"].into_iter().enumerate() {
        let body = zed(&PREFIX.replace("sub", &format!("half{nth}")), SUFFIX);
        let request = String::from_utf8(server.request(&body)).unwrap();
        let mut stream = server.connect();
        stream.write_all(request.replacen("HTTP/1.1", version, 1).as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut reader = BufReader::new(stream);
        let mut answer = Answer::read(&mut reader);
        if answer.status == 100 {
            assert_eq!(version, "HTTP/1.1");
            answer = Answer::read(&mut reader);
        }
        assert_eq!(answer.status, 200, "{version}");
    }
}

#[cfg(unix)]
#[test]
fn closed_client_cancels_request() {
    let folder = Folder::new("closed-client");
    let mut command = command(&folder.0, "0");
    let mut server =
        Server::run(command.env("LOWKEY_HTTP_TOKEN", TOKEN).env("LOWKEY_LOG", "debug"));
    // One engine answers them in sequence, so most are still waiting when their clients leave.
    let clients: Vec<TcpStream> = (0..24)
        .map(|nth| {
            let body = zed(&PREFIX.replace("sub", &format!("sub{nth}")).repeat(20), SUFFIX);
            let mut stream = server.connect();
            stream.write_all(&server.request(&body)).unwrap();
            stream
        })
        .collect();
    drop(clients);
    server.complete(&zed(PREFIX, SUFFIX));
    assert_eq!(server.terminate(), Some(0));
    let log = server.log.take().unwrap().join().unwrap();
    assert!(log.contains("a client has left"), "{log}");
}

#[test]
fn rejected_body_is_not_next_request() {
    let folder = Folder::new("smuggled");
    let server = Server::start(&folder);
    let get = |header: &str, body: &str| {
        let port = server.port;
        format!(
            "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n{header}\r\n{body}"
        )
    };
    let inner = get("", "");
    for header in [
        "Transfer-Encoding: chunked\r\n".to_owned(),
        format!("Content-Length: {}\r\n", inner.len()),
    ] {
        let mut stream = server.connect();
        stream.write_all(get(&header, &inner).as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert_eq!(all.matches("HTTP/1.1 200").count(), 1, "{header}");
    }
}

/// Whether the server answers with a suggestion. Without a free descriptor it resets a connection.
#[cfg(target_os = "linux")]
fn is_served(server: &Server, request: &[u8]) -> bool {
    let mut stream = server.connect();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut answer = [0; 13];
    let read = stream.write_all(request).and_then(|()| stream.read_exact(&mut answer));
    read.is_ok() && &answer == b"HTTP/1.1 200 "
}

#[cfg(target_os = "linux")]
#[test]
fn failing_accept_does_not_spin() {
    let folder = Folder::new("descriptors");
    let mut command = Command::new("sh");
    let limited = "ulimit -n 16; exec \"$0\" serve --http 0";
    command.args(["-c", limited, env!("CARGO_BIN_EXE_lowkey")]);
    command
        .env("LOWKEY_CONFIG", folder.0.join("lowkey.toml"))
        .env("LOWKEY_CACHE_DIR", "")
        .env("LOWKEY_HTTP_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut server = Server::run(&mut command);
    let held: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    // The server works again once descriptors are free, so it survived failed accepts.
    drop(held);
    let deadline = std::time::Instant::now() + Duration::from_mins(2);
    let request = server.request(&zed(PREFIX, SUFFIX));
    while !is_served(&server, &request) {
        assert!(std::time::Instant::now() < deadline, "it does not serve again");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.terminate();
    let log = server.log.take().unwrap().join().unwrap();
    // At most once a minute; two entries if this test took over a minute.
    assert!(log.matches("cannot be accepted").count() <= 2, "{log}");
}

#[test]
fn load_failure_is_reported_to_client() {
    let folder = Folder::new("no-model");
    let mut command = command(&folder.0, "0");
    command.env("LOWKEY_HTTP_TOKEN", TOKEN).args(["--model", "/nonexistent/model.gguf"]);
    let server = Server::run(&mut command);
    let answer = server.send(&server.request(&zed(PREFIX, SUFFIX)));
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("/nonexistent/model.gguf"), "{}", answer.body);
}

#[test]
fn port_in_use_ends_command() {
    let folder = Folder::new("taken");
    let server = Server::start(&folder);
    let mut command = command(&folder.0, &server.port.to_string());
    let output = command.env("LOWKEY_HTTP_TOKEN", TOKEN).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&server.port.to_string()) && said.contains("--http PORT"), "{said}");
}
