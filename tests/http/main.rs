//! `lowkey serve --http` as a process: Zed's requests, rejected requests, and listening sockets.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use lowkey_test_support::TestFolder;
use serde_json::{Value, json};

mod default;
mod refusals;
mod token;

/// Timeout after which a wait counts as a hang. Long, because tests run in parallel.
const PATIENCE: Duration = Duration::from_mins(2);

/// Long enough, and distinct from every generated token.
const TOKEN: &str = "zebra-zebra-zebra-zebra";

/// A temporary folder for one test, removed when the test ends.
struct Folder(TestFolder);

impl Folder {
    fn new(name: &str) -> Self {
        let path = TestFolder::new(name);
        // Disables the gate, so that every text is shown.
        std::fs::write(path.join("lowkey.toml"), lowkey_test_support::server::SETTINGS).unwrap();
        Self(path)
    }
}

/// A running server; its `Drop` ends it.
struct Server {
    child: Child,
    port: u16,
    /// The complete stderr output; available after the process ends.
    log: Option<JoinHandle<String>>,
}

/// The command, with settings and cache in `folder`.
fn command(folder: &Path, port: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lowkey"));
    command
        .args(["serve", "--http", port])
        .env("LOWKEY_CONFIG", folder.join("lowkey.toml"))
        .env("LOWKEY_MODEL", lowkey_test_support::toy_path())
        .env("LOWKEY_CACHE_DIR", folder.join("cache"))
        .env_remove("LOWKEY_HTTP_TOKEN")
        .env_remove("LOWKEY_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts a server with [`TOKEN`].
    fn start(folder: &Folder) -> Self {
        Self::run(command(&folder.0, "0").env("LOWKEY_HTTP_TOKEN", TOKEN))
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (to_us, lines) = channel();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            for line in stderr.lines().map(Result::unwrap) {
                log.push_str(&line);
                let _ = to_us.send(line);
            }
            log
        });
        let mut server = Self { child, port: 0, log: Some(log) };
        let line = lines.recv_timeout(PATIENCE).unwrap();
        let (_, port) = line.split_once("http://127.0.0.1:").expect(&line);
        server.port = port.strip_suffix("/v1/completions").expect(&line).parse().unwrap();
        assert!(lines.recv_timeout(PATIENCE).unwrap().contains("token in"));
        server
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The bytes of a request as clients send it.
    fn request(&self, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        format!(
            "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len(),
        )
        .into_bytes()
    }

    /// Sends one request on a separate connection; returns status, headers and body.
    fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        Answer::read(&mut BufReader::new(stream))
    }

    /// Requests a completion and returns the answer's JSON.
    fn complete(&self, body: &Value) -> Value {
        let answer = self.send(&self.request(body));
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Asks the process to end and returns its exit code.
    #[cfg(unix)]
    fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A raw answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn read(from: &mut impl BufRead) -> Self {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        // The version is that of the request, if the server knows it.
        let status = line.strip_prefix("HTTP/1.").expect(&line)[2..5].parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            from.read_line(&mut line).unwrap();
            let line = line.strip_suffix("\r\n").expect("CRLF");
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Self { status, headers, body: String::new() };
        // An interim response has no content length.
        let n_bytes = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; n_bytes];
        from.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

const PREFIX: &str = "struct P { x: f64, y: f64 }\n\nimpl P {\n    fn add(&self, o: &P) -> P {\n        P { x: self.x + o.x, y: self.y + o.y }\n    }\n\n    fn sub(&self, o: &P) -> P {\n        P { x: self.x - ";
const SUFFIX: &str = "\n    }\n}\n";

/// Zed's request for a model of the Qwen family.
fn zed(prefix: &str, suffix: &str) -> Value {
    json!({
        "model": "qwen2.5-coder",
        "prompt": format!("<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"),
        "max_tokens": 64,
        "temperature": null,
        "stop": ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"],
        "environment": null,
    })
}

#[test]
fn zed_gets_text_to_insert_at_cursor() {
    let folder = Folder::new("zed");
    let server = Server::start(&folder);
    let answer = server.complete(&zed(PREFIX, SUFFIX));
    assert!(answer["id"].is_string(), "{answer}");
    assert_eq!(answer["object"], "text_completion");
    let text = answer["choices"][0]["text"].as_str().unwrap().to_owned();
    assert!(!text.is_empty() && !text.contains("<|"), "{answer}");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 10, "{answer}");
    // A tail that editors insert themselves stays in the document.
    let inside = server.complete(&zed(&format!("{PREFIX}max("), &format!("){SUFFIX}")));
    let inside = inside["choices"][0]["text"].as_str().unwrap();
    assert!(!inside.contains(')'), "{inside:?}");
    // Fewer tokens, a stop inside the text, several alternatives.
    let mut body = zed(PREFIX, SUFFIX);
    body["stop"] = json!(text.chars().last().unwrap().to_string());
    let cut = server.complete(&body);
    let cut = cut["choices"][0]["text"].as_str().unwrap();
    assert!(text.starts_with(cut) && cut.len() < text.len(), "{cut:?} of {text:?}");
    let mut body = zed(PREFIX, SUFFIX);
    body["n"] = json!(3);
    let several = server.complete(&body);
    let several = several["choices"].as_array().unwrap();
    assert_eq!(several[0]["text"], text);
    assert!(several.len() > 1, "{several:?}");
    for (index, choice) in several.iter().enumerate() {
        assert_eq!(choice["index"], index);
        assert!(index == 0 || choice["text"] != text);
    }
    // The list of models.
    let head = format!(
        "GET /v1/models HTTP/1.1\r\nHost: localhost:{}\r\nAuthorization: bearer {TOKEN}\r\n\r\n",
        server.port
    );
    let models = server.send(head.as_bytes());
    assert_eq!(models.status, 200);
    assert!(models.body.contains(answer["model"].as_str().unwrap()), "{}", models.body);
}

#[test]
fn markers_of_all_families_are_equivalent() {
    let folder = Folder::new("families");
    let server = Server::start(&folder);
    let text =
        |body: &Value| server.complete(body)["choices"][0]["text"].as_str().unwrap().to_owned();
    let expected = text(&zed(PREFIX, SUFFIX));
    assert!(!expected.is_empty());
    for prompt in [
        format!("<fim_prefix>{PREFIX}<fim_suffix>{SUFFIX}<fim_middle>"),
        format!("<｜fim▁begin｜>{PREFIX}<｜fim▁hole｜>{SUFFIX}<｜fim▁end｜>"),
        format!("<PRE> {PREFIX} <SUF>{SUFFIX} <MID>"),
        format!("[SUFFIX]{SUFFIX}[PREFIX]{PREFIX}"),
        format!("<|code_prefix|>{PREFIX}<|code_suffix|>{SUFFIX}<|code_middle|>"),
    ] {
        assert_eq!(text(&json!({"prompt": prompt})), expected, "{prompt}");
    }
    // Without markers, with the protocol's own field.
    assert_eq!(text(&json!({"prompt": PREFIX, "suffix": SUFFIX})), expected);
    assert_eq!(text(&json!({"prompt": [PREFIX], "suffix": SUFFIX})), expected);
}

#[test]
fn stream_has_same_text_and_ends() {
    let folder = Folder::new("stream");
    let server = Server::start(&folder);
    let mut body = zed(PREFIX, SUFFIX);
    let whole = server.complete(&body);
    body["stream"] = json!(true);
    let answer = server.send(&server.request(&body));
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events: Vec<&str> =
        answer.body.split_terminator("\n\n").map(|e| e.strip_prefix("data: ").unwrap()).collect();
    let (last, events) = events.split_last().unwrap();
    assert_eq!(*last, "[DONE]");
    let events: Vec<Value> = events.iter().map(|e| serde_json::from_str(e).unwrap()).collect();
    let text: String = events.iter().map(|e| e["choices"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(text, whole["choices"][0]["text"].as_str().unwrap());
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
}

#[test]
fn connections_do_not_supersede_each_other() {
    let folder = Folder::new("many");
    let server = Server::start(&folder);
    let expected = server.complete(&zed(PREFIX, SUFFIX))["choices"][0]["text"].clone();
    let stream = server.connect();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..3 {
        (&stream).write_all(&server.request(&zed(PREFIX, SUFFIX))).unwrap();
        let answer: Value = serde_json::from_str(&Answer::read(&mut reader).body).unwrap();
        assert_eq!(answer["choices"][0]["text"], expected);
    }
    std::thread::scope(|scope| {
        for nth in 0..8 {
            let (server, expected) = (&server, &expected);
            scope.spawn(move || {
                // Some clients send the same request at the same time, others a different one.
                let prefix =
                    if nth % 2 == 0 { PREFIX.to_owned() } else { PREFIX.replace("sub", "div") };
                let answer = server.complete(&zed(&prefix, SUFFIX));
                assert!(nth % 2 != 0 || answer["choices"][0]["text"] == *expected);
            });
        }
    });
    // Clients that disconnect early, as editors do while the user types, do not affect other
    // clients.
    for nth in 0..20 {
        let bytes = server.request(&zed(&PREFIX.replace("sub", &format!("gone{nth}")), SUFFIX));
        let sent = if nth % 3 == 0 { bytes.len() / 2 } else { bytes.len() };
        server.connect().write_all(&bytes[..sent]).unwrap();
    }
    assert_eq!(server.complete(&zed(PREFIX, SUFFIX))["choices"][0]["text"], expected);
}

#[test]
fn files_with_secrets_are_not_completed() {
    let folder = Folder::new("secrets");
    let server = Server::start(&folder);
    let body = |path: &str| {
        let text = "PASSWORD_A=hunter1\nPASSWORD_B=hunter2\nPASSWORD_C=hunter3\nPASSWORD_D=";
        json!({"prompt": format!("<|file_sep|>{path}\n<|fim_prefix|>{text}<|fim_suffix|>\n<|fim_middle|>")})
    };
    assert_eq!(server.complete(&body("config/.env"))["choices"][0]["text"], "");
    let answer = server.complete(&body("config/settings.py"));
    assert_ne!(answer["choices"][0]["text"], "", "another name is not secret: {answer}");
}

/// Returns the addresses that a process listens on.
#[cfg(target_os = "linux")]
fn listening(process_id: u32) -> Vec<String> {
    let process = PathBuf::from(format!("/proc/{process_id}"));
    let inodes: Vec<String> = std::fs::read_dir(process.join("fd"))
        .unwrap()
        .filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
        .filter_map(|to| Some(to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut addresses = Vec::new();
    for table in ["net/tcp", "net/tcp6", "net/udp", "net/udp6"] {
        for line in std::fs::read_to_string(process.join(table)).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if inodes.iter().any(|held| held == fields[9]) {
                addresses.push(format!("{table} {} {}", fields[1], fields[3]));
            }
        }
    }
    addresses
}

#[cfg(target_os = "linux")]
#[test]
fn listens_on_loopback_only() {
    let folder = Folder::new("loopback");
    let server = Server::start(&folder);
    server.complete(&zed(PREFIX, SUFFIX));
    // 127.0.0.1 in the table's byte order; state 0A is LISTEN.
    let own = format!("net/tcp 0100007F:{:04X}", server.port);
    let addresses = listening(server.child.id());
    assert!(addresses.contains(&format!("{own} 0A")), "{addresses:?}");
    assert!(addresses.iter().all(|address| address.starts_with(&own)), "{addresses:?}");
}

#[cfg(unix)]
#[test]
fn debug_log_has_no_prompt_and_no_token() {
    let folder = Folder::new("log");
    let mut command = command(&folder.0, "0");
    let mut server =
        Server::run(command.env("LOWKEY_HTTP_TOKEN", TOKEN).env("LOWKEY_LOG", "debug"));
    server.complete(&zed(&PREFIX.replace("sub", "zebracorn"), SUFFIX));
    let broken = String::from_utf8(server.request(&zed("zebracorn", ""))).unwrap();
    for (from, to) in [
        ("{", "["),
        ("\"prompt\"", "zebracorn"),
        ("/v1/completions", "/zebracorn"),
        (TOKEN, "zebracorn"),
        // Not readable at all.
        ("HTTP/1.1", "zebracorn"),
        ("Content-Length: ", "Content-Length: zebracorn"),
    ] {
        assert!(server.send(broken.replacen(from, to, 1).as_bytes()).status >= 400);
    }
    assert_eq!(server.terminate(), Some(0));
    let log = server.log.take().unwrap().join().unwrap();
    assert!(log.contains("refused"), "there is a log: {log}");
    assert!(!log.contains("zebracorn") && !log.contains(TOKEN), "{log}");
}

#[cfg(unix)]
#[test]
fn sigterm_saves_sessions() {
    let folder = Folder::new("ending");
    let mut server = Server::start(&folder);
    let cold = server.complete(&zed(PREFIX, SUFFIX));
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(std::fs::read_dir(folder.0.join("cache/sessions")).unwrap().count(), 1);
    let server = Server::start(&folder);
    assert_eq!(server.complete(&zed(PREFIX, SUFFIX))["choices"], cold["choices"]);
}
