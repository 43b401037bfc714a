//! A new position is answered from a small prompt; the full prompt replaces it once it is computed.

use std::time::Duration;

use lowkey_test_support::server::Server;
use serde_json::{Value, json};

use crate::cursor::{long, prefilled_since};

const URI: &str = "file:///work/long.js";
const LINE: u32 = 200;

/// A server whose small prompt has `first` tokens. If that is more than the full prompt has, there
/// is no small prompt.
fn start(first: usize) -> Server {
    let mut server = Server::start(&json!({
        "time_budget_ms": 60_000,
        "look_ahead": false,
        "prompt_tokens": 512,
        "first_prompt_tokens": first,
    }));
    server.ready();
    server.open(URI, "javascript", &long().0);
    server
}

fn asked(server: &mut Server, character: u32) -> Value {
    server.items(URI, LINE, character);
    server.explain(URI)
}

/// Types a letter that the model would not suggest.
fn type_one(server: &mut Server) {
    let at = json!({"line": LINE, "character": 12});
    let change = json!({"range": {"start": at, "end": at}, "text": "q"});
    let document = json!({"uri": URI, "version": 2});
    let params = json!({"textDocument": document, "contentChanges": [change]});
    server.notify("textDocument/didChange", &params);
}

fn prefilled(report: &Value) -> u64 {
    report["tokens"]["prefilled"].as_u64().unwrap()
}

#[test]
fn first_answer_uses_small_prompt() {
    let mut server = start(128);
    let small = asked(&mut server, 12);
    assert_eq!(small["prompt_size"], "small", "{small}");
    assert!((64..=128).contains(&prefilled(&small)), "{small}");
    let why = small["why"].to_string();
    assert!(why.contains("the small prompt was used"), "{why}");

    let mut whole = start(100_000);
    type_one(&mut whole);
    let cold = asked(&mut whole, 13);
    assert_eq!(cold["prompt_size"], "full", "{cold}");
    let n_whole = cold["tokens"]["prompt"].as_u64().unwrap();
    assert!(n_whole > 300, "{cold}");

    // The computed prompt is that of the previous request, which was one letter shorter.
    prefilled_since(&mut server, n_whole - 9);
    type_one(&mut server);
    let warm = asked(&mut server, 13);
    assert_eq!(warm["prompt_size"], "full", "{warm}");
    assert!(prefilled(&warm) <= 8, "{warm}");
    assert_eq!(warm["text"], cold["text"], "warm or cold, the same text");
    server.finish();
    whole.finish();
}

#[test]
fn small_prompt_is_the_same_warm_and_cold() {
    let mut server = start(128);
    let cold = asked(&mut server, 12);
    let mut other = start(128);
    // A request at another position of the same document first, also cold.
    other.items(URI, 20, 12);
    let after_a_jump = asked(&mut other, 12);
    assert_eq!(after_a_jump["prompt_size"], "small", "{after_a_jump}");
    assert_eq!(after_a_jump["text"], cold["text"]);
    server.finish();
    other.finish();
}

/// Each position has a separate window, with a fifth window between them. Keys are typed, so
/// look-ahead runs as well.
#[test]
fn returning_to_recent_place_is_cheap() {
    let mut server = Server::start(&json!({
        "time_budget_ms": 60_000,
        "prompt_tokens": 256,
        "cache_mb": 5,
        "first_prompt_tokens": 128,
    }));
    server.ready();
    server.open(URI, "javascript", &long().0);
    let mut version = 1;
    let mut key = |server: &mut Server, line: u32, character: u32| {
        version += 1;
        let at = json!({"line": line, "character": character});
        let change = json!({"range": {"start": at, "end": at}, "text": "q"});
        let document = json!({"uri": URI, "version": version});
        let params = json!({"textDocument": document, "contentChanges": [change]});
        server.notify("textDocument/didChange", &params);
        server.items(URI, line, character + 1);
        server.explain(URI)
    };
    let places = [40, 120, 200, 280];
    for line in places {
        for typed in 0..6 {
            // Leaves time for look-ahead, as between two keys.
            std::thread::sleep(Duration::from_millis(150));
            key(&mut server, line, 12 + typed);
        }
    }
    for line in places {
        let back = key(&mut server, line, 18);
        assert_eq!(back["prompt_size"], "full", "{back}");
        // The letter, and at most three tokens before it whose tokenization it may have changed.
        assert!(prefilled(&back) <= 4, "line {line}: {back}");
    }
    server.finish();
}
