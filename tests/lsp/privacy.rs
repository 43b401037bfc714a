//! The server opens no network connection, and no text of a document reaches the log.
//!
//! A whole session runs under strace in a network namespace without any interface. Both tools are
//! required: without them this promise is untested, so the test fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lowkey_test_support::TestFolder;
use lowkey_test_support::server::{self, INLINE, Options, Server, capabilities, frame, place};
use lowkey_test_support::team_server::{Play, TeamServer};
use serde_json::{Value, json};

/// Words that occur only in the documents of this test.
const MARKERS: [&str; 4] = ["zebracorn", "quuxalot", "frobnify", "hunter2secret"];

/// A command that succeeds only if the tool is installed and permitted.
type Probe = [&'static str; 4];
const UNSHARE: Probe = ["unshare", "-r", "-n", "true"];
const STRACE: Probe = ["strace", "-o", "/dev/null", "true"];

/// Whether a tool is installed and permitted.
fn works([tool, arguments @ ..]: Probe) -> bool {
    let (out, err) = (Stdio::null(), Stdio::null());
    let status = Command::new(tool).args(arguments).stdout(out).stderr(err).status();
    status.is_ok_and(|status| status.success())
}

/// Fails with a clear message if a tool is missing or not permitted.
fn require(probe: Probe) {
    assert!(
        works(probe),
        "`{}` does not work here; install it (Debian: apt-get install strace util-linux), \
         this promise cannot be tested without it",
        probe.join(" ")
    );
}

/// A session that uses all features that handle source text: edits, ghost text, popup, explain,
/// errors.
fn session(server: &mut Server, root: &Path) {
    session_with(server, root, &Value::Null);
}

/// The same with additional settings.
fn session_with(server: &mut Server, root: &Path, settings: &Value) {
    let [zebra, value, frob, secret] = MARKERS;
    let mut all = json!({"popup": "always", "time_budget_ms": 60_000});
    all.as_object_mut().unwrap().extend(settings.as_object().cloned().unwrap_or_default());
    server.initialize(&capabilities(), &all, Some(root));
    server.ready();
    let uri = server::uri(&root.join(format!("{zebra}.js")));
    let text = format!(
        "const {value}1 = {frob}(1);\nconst {value}2 = {frob}(2);\nconst {value}3 = {frob}(3);\nconst {value}4 = \n"
    );
    server.open(&uri, "javascript", &text);
    let column = 9 + value.len() as u32 + 1;
    assert!(server.ask(INLINE, &place(&uri, 3, column)).is_ok());
    let report = server.explain(&uri);
    assert_eq!(report["source"], "model", "the model saw the document: {report}");
    for kind in [1, 2] {
        let mut params = place(&uri, 3, column);
        params["context"]["triggerKind"] = kind.into();
        assert!(server.ask(INLINE, &params).is_ok());
        assert!(server.ask("textDocument/completion", &place(&uri, 3, column)).is_ok());
    }
    assert!(server.explain(&uri).is_object());
    // A secret file, a desynchronized document, malformed messages: each could end up in a log.
    let env = server::uri(&root.join(".env"));
    server.open(&env, "plaintext", &format!("PASSWORD={secret}\n"));
    assert_eq!(server.items(&env, 0, 9), [] as [Value; 0]);
    let backwards =
        json!({"start": {"line": 2, "character": 0}, "end": {"line": 0, "character": 0}});
    let change = json!({"range": backwards, "text": frob});
    let params = json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]});
    server.notify("textDocument/didChange", &params);
    server.items(&uri, 3, column);
    assert!(server.ask(INLINE, &json!({"textDocument": {"uri": 1}, "position": secret})).is_err());
    server.write(&frame(format!("{{\"{secret}\"").as_bytes()));
    assert_eq!(server.next_error().0, -32700);
    assert!(server.explain(&uri).is_object());
    server.write(format!("{secret}\r\n\r\n").as_bytes());
    assert_eq!(server.next_error().0, -32600);
}

/// Starts a server that stores its sessions on disk, as it does by default.
fn spawn(root: &Path, level: Option<&str>, under: Vec<String>) -> Server {
    let mut env = vec![("LOWKEY_CACHE_DIR", root.join("cache").display().to_string())];
    env.extend(level.map(|level| ("LOWKEY_LOG", level.to_owned())));
    Server::spawn(Options { under, env, ..Options::default() })
}

/// Returns all files in a folder and its subfolders.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[cfg(unix)]
#[test]
fn stored_files_are_private_without_text() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = TestFolder::new("privacy-kept");
    let mut server = spawn(&root, None, Vec::new());
    session(&mut server, &root);
    server.finish();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let kept = files(&root.join("cache"));
    assert!(kept.len() >= 2, "a session and the speed: {kept:?}");
    for file in kept {
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700), "{file:?}");
        let bytes = std::fs::read(&file).unwrap();
        let text = format!("{file:?} {}", String::from_utf8_lossy(&bytes));
        for marker in MARKERS {
            assert!(!text.contains(marker), "{marker} is in {file:?}");
        }
    }
}

#[test]
fn log_has_no_document_text() {
    let root = TestFolder::new("privacy-log");
    let mut server = spawn(&root, None, Vec::new());
    session(&mut server, &root);
    let log = server.finish();
    assert!(log.contains("INFO"), "there is a log: {log}");
    for marker in MARKERS {
        assert!(!log.contains(marker), "{marker} is in the log:\n{log}");
    }
}

#[test]
fn debug_log_has_no_document_text() {
    let root = TestFolder::new("privacy-debug");
    let mut server = spawn(&root, Some("debug"), Vec::new());
    session(&mut server, &root);
    let log = server.finish();
    assert!(log.contains("DEBUG"), "there is a log: {log}");
    for marker in MARKERS {
        assert!(!log.contains(marker), "{marker} is in the log:\n{log}");
    }
}

#[test]
fn session_opens_no_connection() {
    let root = TestFolder::new("privacy-network");
    if std::env::var_os("LOWKEY_CI").is_none() && !(works(UNSHARE) && works(STRACE)) {
        return without_tools(&root);
    }
    require(UNSHARE);
    require(STRACE);
    let trace = root.join("strace.txt");
    let under = ["unshare", "-rn", "strace", "-f", "-e", "trace=network", "-o"]
        .map(str::to_owned)
        .into_iter()
        .chain([trace.display().to_string()])
        .collect();
    let mut server = spawn(&root, None, under);
    session(&mut server, &root);
    server.finish();
    let trace = std::fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("exited with 0"), "strace saw the server end:\n{trace}");
    let outbound: Vec<&str> = trace.lines().filter(|line| is_outbound(line)).collect();
    assert!(outbound.is_empty(), "network calls:\n{}", outbound.join("\n"));
}

/// With a remote server, its address is the only one that is contacted; it gets the text around the
/// cursor, nothing of a hidden file, and the log still has no text.
#[test]
fn only_the_configured_server_is_contacted() {
    let team = TeamServer::start(|request| match request.target.as_str() {
        "GET /v1/models" => Play::models("coder", "vllm"),
        "POST /tokenize" => Play::json(404, &json!({"detail": "Not Found"})),
        // Servers quote prompts in their errors.
        _ => Play::json(400, &json!({"error": {"message": request.json.to_string()}})),
    });
    let root = TestFolder::new("privacy-remote");
    let trace = root.join("strace.txt");
    let is_traced = std::env::var_os("LOWKEY_CI").is_some() || works(STRACE);
    let mut under = Vec::new();
    if is_traced {
        require(STRACE);
        under.extend(["strace", "-f", "-e", "trace=network", "-o"].map(str::to_owned));
        under.push(trace.display().to_string());
    }
    let mut server = spawn(&root, Some("debug"), under);
    session_with(&mut server, &root, &json!({"remote_url": team.url()}));
    let message = server.notification("window/showMessage");
    assert!(message["message"].as_str().unwrap().contains("HTTP 400"), "{message}");
    let log = server.finish();
    let sent = format!("{:?}", team.requests());
    let [label, text, _, secret] = MARKERS;
    assert!(sent.contains(label) && sent.contains(text), "the place was sent: {sent}");
    assert!(!sent.contains(secret), "text of a hidden file was sent: {sent}");
    for marker in MARKERS {
        assert!(!log.contains(marker), "{marker} is in the log:\n{log}");
        assert!(!message.to_string().contains(marker), "{marker} is in {message}");
    }
    if !is_traced {
        return eprintln!("strace is missing: the addresses of connections are not looked at");
    }
    let trace = std::fs::read_to_string(&trace).unwrap();
    let is_contact = |line: &&str| line.contains("connect(") || line.contains("sin_addr");
    let contacts: Vec<&str> =
        trace.lines().filter(is_contact).filter(|line| !line.contains("AF_UNIX")).collect();
    let configured = format!("sin_port=htons({}), sin_addr=inet_addr(\"127.0.0.1\")", team.port());
    let connects = contacts.iter().filter(|line| line.contains("connect(")).count();
    assert!(connects > 0, "strace saw no connection:\n{trace}");
    for line in contacts.iter().filter(|line| line.contains("connect(")) {
        assert!(line.contains(&configured), "another address: {line}");
    }
    // Datagrams, such as questions for names, have their address in the call.
    let datagrams: Vec<_> = contacts.iter().filter(|line| line.contains("sendto(")).collect();
    assert!(datagrams.is_empty(), "{datagrams:?}");
}

/// The weaker check for a machine without the tools: at the session's end the server holds no
/// internet socket. `.ci/run` sets `LOWKEY_CI`, which makes the tools mandatory.
fn without_tools(root: &Path) {
    eprintln!("strace or unshare is missing: only the server's open sockets are looked at");
    let mut server = Server::spawn(Options::default());
    session(&mut server, root);
    let process = PathBuf::from(format!("/proc/{}", server.process_id()));
    let inodes: Vec<String> = std::fs::read_dir(process.join("fd"))
        .unwrap()
        .filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
        .filter_map(|to| Some(to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    for table in ["net/tcp", "net/tcp6", "net/udp", "net/udp6"] {
        let text = std::fs::read_to_string(process.join(table)).unwrap();
        for line in text.lines().skip(1) {
            let inode = line.split_whitespace().nth(9).unwrap_or_default();
            assert!(!inodes.iter().any(|held| held == inode), "{table}: {line}");
        }
    }
    server.finish();
}

/// Whether a line of the trace uses an internet socket, or any socket that is not between threads
/// of the server.
fn is_outbound(line: &str) -> bool {
    let call = line.split_whitespace().nth(1).unwrap_or_default();
    let is_network = ["socket(", "connect(", "sendto(", "sendmsg(", "bind(", "listen("]
        .iter()
        .any(|name| call.starts_with(name));
    is_network && !line.contains("AF_UNIX")
}

#[test]
fn outbound_check_detects_sockets() {
    assert!(is_outbound("12 socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3"));
    assert!(is_outbound("12 connect(3, {sa_family=AF_INET6, sin6_port=htons(443)}, 28) = 0"));
    assert!(is_outbound("12 sendto(3, \"x\", 1, 0, NULL, 0) = 1"));
    assert!(!is_outbound("12 socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0"));
    assert!(!is_outbound("12 +++ exited with 0 +++"));
}
