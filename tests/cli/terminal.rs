//! What the program writes to a terminal: a progress bar, and styles unless the environment forbids
//! them.

use std::io::Read as _;
use std::process::{Command, Stdio};

use lowkey_test_support::hub::{HttpServer, ReceivedRequest, Reply};
use lowkey_test_support::{TOY_BYTES, terminal};

use super::models::{NAME, User, hub};

/// Bytes that arrive before the connection is lost.
const CUT: usize = 1_000_000;

/// A hub whose first answer breaks off.
fn unreliable_hub(seen: &ReceivedRequest) -> Reply {
    match (&*seen.path, seen.from()) {
        ("/bytes", None) => Reply { cut: Some(CUT), ..hub(seen) }.with("ETag", "\"tag\""),
        ("/bytes", Some(from)) => {
            let body = TOY_BYTES.get(from..).unwrap().to_vec();
            let range = format!("bytes {from}-{}/{}", TOY_BYTES.len() - 1, TOY_BYTES.len());
            Reply { status: 206, body, ..Reply::default() }
                .with("Content-Range", range)
                .with("ETag", "\"tag\"")
        }
        _ => hub(seen),
    }
}

fn pull(user: &User, variables: &[(&str, &str)]) -> Command {
    let mut command = user.command(env!("CARGO_BIN_EXE_lowkey"), &["models", "pull", NAME]);
    terminal::styled(&mut command, variables);
    command
}

#[test]
fn pull_draws_bar_and_removes_it() {
    let server = HttpServer::start(unreliable_hub);
    let user = User::new("bar", &server.url());
    let (status, drawn) = terminal::run(pull(&user, &[("TERM", "xterm")]));
    assert!(status.success(), "{drawn:?}");
    assert!(drawn.contains("pulling 4.6 MB\r\n"), "{drawn:?}");
    // The bar after the line that reports the lost connection.
    let (_, after) = drawn.split_once("retrying in ").unwrap();
    assert!(after.contains('█') && after.contains("% 1.00 MB of 4.6"), "{drawn:?}");
    let (_, rest) = drawn.rsplit_once("\x1b[2K").unwrap();
    assert!(rest.contains("is here: 4.6 MB") && !rest.contains('█'), "{drawn:?}");
}

#[test]
fn dumb_terminal_gets_lines() {
    let server = HttpServer::start(hub);
    let user = User::new("dumb", &server.url());
    let (status, drawn) = terminal::run(pull(&user, &[("TERM", "dumb")]));
    assert!(status.success() && drawn.contains("pulling 4.6 MB\r\n"), "{drawn:?}");
    assert!(!drawn.contains('\x1b') && !drawn.contains('█'), "{drawn:?}");
}

#[test]
fn closed_terminal_does_not_stop_pull() {
    let server = HttpServer::start(unreliable_hub);
    let user = User::new("closed", &server.url());
    let (mut reader, stderr) = terminal::open();
    let mut command = pull(&user, &[("TERM", "xterm")]);
    let child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
    let mut drawn = Vec::new();
    while !String::from_utf8_lossy(&drawn).contains("1.00 MB of") {
        let mut bytes = [0; 4096];
        let n = reader.read(&mut bytes).unwrap();
        drawn.extend(&bytes[..n]);
    }
    // The program waits before it continues; from now on each write to the terminal fails.
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = super::stdout(&output);
    assert_eq!(std::fs::read(path.trim_end()).unwrap(), TOY_BYTES);
}

#[test]
fn environment_decides_about_styles() {
    let user = User::new("styles", "http://localhost:1");
    let list = |variables: &[(&str, &str)]| {
        let mut command = user.command(env!("CARGO_BIN_EXE_lowkey"), &["models", "list"]);
        terminal::styled(&mut command, variables);
        command
    };
    let plain = super::stdout(&list(&[]).output().unwrap());
    assert!(plain.contains(NAME) && !plain.contains('\x1b'), "{plain:?}");
    let term = ("TERM", "xterm");
    for (variables, is_styled) in [
        (&[term][..], true),
        (&[term, ("NO_COLOR", "1")], false),
        (&[term, ("CLICOLOR", "0")], false),
        (&[("TERM", "dumb")], false),
    ] {
        let (status, drawn) = terminal::run(list(variables));
        assert!(status.success() && drawn.contains(NAME), "{drawn:?}");
        assert_eq!(drawn.contains("\x1b[1m"), is_styled, "{variables:?}: {drawn:?}");
        assert!(is_styled || drawn.replace("\r\n", "\n") == plain, "{variables:?}: {drawn:?}");
    }
    let force = ("CLICOLOR_FORCE", "1");
    let forced = super::stdout(&list(&[force]).output().unwrap());
    assert!(forced.contains("\x1b[1m"), "{forced:?}");
    let forbidden = super::stdout(&list(&[force, ("NO_COLOR", "1")]).output().unwrap());
    assert_eq!(forbidden, plain);
}
