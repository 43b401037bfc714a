//! The server works and ends cleanly if stderr is closed, full or not read.

use std::io::pipe;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::server::{Options, Server, capabilities, frame};

const URI: &str = "file:///work/a.py";

fn start(stderr: Stdio) -> Server {
    let options = Options {
        stderr: Some(stderr),
        env: vec![("LOWKEY_LOG", "debug".to_owned())],
        ..Options::default()
    };
    let mut server = Server::spawn(options);
    server.initialize(&capabilities(), &Value::Null, None);
    server.ready();
    server
}

/// Triggers log messages: a bad frame, a lost edit, new settings, an accept.
fn provoke(server: &mut Server) {
    server.open(URI, "python", "def f(a):\n    return \n");
    server.items(URI, 1, 11);
    server.write(&frame(b"{"));
    server.next_error();
    let document = json!({"uri": URI, "version": -1});
    let edit = json!({"range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}, "text": "a"});
    let params = json!({"textDocument": document, "contentChanges": [edit]});
    server.notify("textDocument/didChange", &params);
    let settings = json!({"settings": {"lowkey": {"max_lines": 3}}});
    server.notify("workspace/didChangeConfiguration", &settings);
    accept(server, 1);
}

fn accept(server: &mut Server, id: u64) {
    let params = json!({"command": "lowkey.accept", "arguments": [id]});
    assert_eq!(server.ask("workspace/executeCommand", &params), Ok(Value::Null));
}

fn still_serves(server: &mut Server) {
    let uri = "file:///work/b.py";
    server.open(uri, "python", "def f(a):\n    return \n");
    server.items(uri, 1, 11);
    assert!(server.explain(uri)["tokens"]["prompt"].as_u64().unwrap() > 0);
    server.finish();
}

#[test]
fn closed_stderr_does_not_end_server() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let mut server = start(writer.into());
    provoke(&mut server);
    still_serves(&mut server);
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_for_stderr_does_not_end_server() {
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let mut server = start(full());
    provoke(&mut server);
    still_serves(&mut server);
    // The command line ends with its usual exit code, not with a signal.
    for (arguments, code) in [
        (&["complete", "/nonexistent:1:1"][..], 1),
        (&["models", "path", "nonsense"], 1),
        (&["doctor", "--model", "/nonexistent.gguf"], 1),
        (&["nonsense"], 2),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lowkey"));
        command.args(arguments).env("LOWKEY_CACHE_DIR", "").stdin(Stdio::null());
        let status = command.stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn unread_stderr_does_not_block_requests() {
    // A pipe buffers 64 kB; at this log level a request writes more than 60 bytes.
    let (unread, writer) = pipe().unwrap();
    let mut server = start(writer.into());
    for id in 0..3000 {
        accept(&mut server, id);
    }
    still_serves(&mut server);
    drop(unread);
}
