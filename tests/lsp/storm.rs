//! Floods: edits, requests and cancellations that arrive faster than any model can answer.
//!
//! Three promises: the server's text equals the editor's text in the end; every request is answered
//! exactly once (the harness fails on a second and on a missing answer); and no suggestion is
//! delivered for a text that the server knows to have changed.

use std::collections::HashMap;

use lowkey_test_support::server::{INLINE, Server, frame, frames, notification, place};
use lowkey_test_support::text::{SplitMix64, Text};
use serde_json::{Value, json};

use crate::ghost_text::PLACES;

const URI: &str = "file:///work/storm.js";
const N_MESSAGES: usize = 10_000;

/// Typed and pasted text: code, and characters that break column arithmetic.
const PIECES: &[&str] = &[
    "const a9 = foo(9);\n",
    "foo(",
    ")",
    "; ",
    " = ",
    "a",
    "b1",
    "\n",
    "\r\n",
    "\r",
    "😀",
    "👩‍👩‍👧",
    "é",
    "e\u{301}",
    "中文",
    "\u{2028}",
    "\u{85}",
    "\t",
    "",
    "𝒳 + 𝒴\n",
    "    ",
    "\"",
];

/// A request in flight.
struct Asked {
    text: Text,
    cursor: usize,
}

/// Returns a random byte offset that is a valid cursor position.
fn somewhere(text: &str, rng: &mut SplitMix64) -> usize {
    let mut at = rng.below(text.len() + 1);
    while !text.is_char_boundary(at) || (text[..at].ends_with('\r') && text[at..].starts_with('\n'))
    {
        at -= 1;
    }
    at
}

/// Makes one random edit, sometimes several changes in one notification.
fn edit(text: &mut Text, rng: &mut SplitMix64) -> Value {
    let n = if rng.below(8) == 0 { 3 } else { 1 };
    let mut changes = Vec::new();
    for _ in 0..n {
        let (a, b) = (somewhere(&text.text, rng), somewhere(&text.text, rng));
        // Mostly typing; deletions only if enough text is left.
        let range = match rng.below(4) {
            0 if a.abs_diff(b) < 40 || text.text.len() > 1200 => a.min(b)..a.max(b),
            _ => a..a,
        };
        let piece = rng.pick(PIECES);
        changes.push(text.edit(range, piece));
    }
    text.did_change(URI, &changes)
}

#[test]
fn ten_thousand_edits_keep_texts_equal() {
    let mut server = Server::start(&json!({"popup": "always", "time_budget_ms": 50}));
    server.ready();
    let mut rng = SplitMix64(20_261_122);
    let start = PLACES[0].1.replace("$0", "");
    let mut text = Text::new(&start);
    server.open(URI, "javascript", &text.text);
    let mut asked: HashMap<i64, Asked> = HashMap::new();
    let mut barriers: HashMap<i64, Text> = HashMap::new();
    let (mut cancelled, mut n_awaited) = (0, 0);
    let mut batch = Vec::new();
    for n in 0..N_MESSAGES {
        let message = match rng.below(20) {
            0..11 => notification("textDocument/didChange", &edit(&mut text, &mut rng)),
            kind @ 11..18 => {
                // Where the model can suggest text, so that some suggestions are delivered.
                let cursor = match rng.below(3) {
                    0 => somewhere(&text.text, &mut rng),
                    _ => text.text.rfind(" = ").map_or(0, |at| at + 3),
                };
                let (line, character) = text.position(cursor);
                let method = if kind == 17 { "textDocument/completion" } else { INLINE };
                let (id, message) = server.make_request(method, &place(URI, line, character));
                if method == INLINE {
                    asked.insert(id, Asked { text: text.clone(), cursor });
                } else {
                    asked.insert(id, Asked { text: text.clone(), cursor: usize::MAX });
                }
                message
            }
            18 => {
                cancelled += 1;
                let ids: Vec<_> = asked.keys().copied().collect();
                let id = if ids.is_empty() { 0 } else { ids[rng.below(ids.len())] };
                notification("$/cancelRequest", &json!({ "id": id }))
            }
            _ => {
                let params = json!({"textDocument": {"uri": URI}});
                let (id, message) = server.make_request("$/lowkey/document", &params);
                barriers.insert(id, text.clone());
                message
            }
        };
        batch.extend(frame(message.to_string().as_bytes()));
        // Sometimes many messages in one write, sometimes one message in two writes.
        if rng.below(12) == 0 || n + 1 == N_MESSAGES {
            let at = rng.below(batch.len());
            server.write(&batch[..at]);
            server.write(&batch[at..]);
            batch.clear();
        }
        // Sometimes the editor waits, so that the model can finish an answer.
        if n % 100 == 99 {
            server.write(&std::mem::take(&mut batch));
            let cursor = text.text.rfind(" = ").map_or(0, |at| at + 3);
            let (line, character) = text.position(cursor);
            let id = server.request(INLINE, &place(URI, line, character));
            asked.insert(id, Asked { text: text.clone(), cursor });
            let answer = server.answer(id).expect("no newer request");
            for item in answer["items"].as_array().unwrap() {
                text.assert_fits(cursor, item);
                n_awaited += 1;
            }
            asked.remove(&id);
        }
    }
    assert_eq!(server.document(URI), text.fingerprint(), "the final text");

    let (mut n_superseded, mut n_silent, mut n_delivered) = (0, 0, 0);
    // Answers in the order of arrival, with the text version that the server had confirmed by then.
    let mut confirmed = 0;
    for id in server.order.clone() {
        if let Some(expected) = barriers.remove(&id) {
            assert_eq!(server.answer(id).unwrap(), expected.fingerprint(), "on the way");
            confirmed = expected.version;
            continue;
        }
        let Some(asked) = asked.remove(&id) else { continue };
        match server.answer(id) {
            Err((code, words)) => {
                assert_eq!(code, -32800, "{words}");
                n_superseded += 1;
            }
            Ok(result) => {
                let items = result["items"].as_array().expect("never null");
                if items.is_empty() {
                    n_silent += 1;
                    continue;
                }
                n_delivered += 1;
                assert!(
                    asked.text.version >= confirmed,
                    "stale: made for version {}, delivered after version {confirmed}",
                    asked.text.version
                );
                if asked.cursor != usize::MAX {
                    asked.text.assert_fits(asked.cursor, &items[0]);
                }
            }
        }
    }
    assert!(asked.is_empty() && barriers.is_empty(), "never answered");
    eprintln!(
        "superseded {n_superseded}, silent {n_silent}, delivered {n_delivered} and {n_awaited} awaited, \
         cancellations {cancelled}, final {} bytes",
        text.text.len()
    );
    assert!(n_superseded > 0);
    assert!(n_delivered + n_awaited > 0, "no suggestion was delivered, so none was checked");
    server.finish();
}

#[test]
fn cancelled_requests_are_answered_once() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    let mut rng = SplitMix64(3);
    let (mut to_cancel, mut to_answer) = (Vec::new(), Vec::new());
    for n in 0..200 {
        // One document per request, so that no request is superseded or answered from memory.
        let uri = format!("file:///work/{n}.rs");
        server.open(&uri, "rust", &PLACES[2].1.replace("$0", &format!("x{n}")));
        let (id, request) = server.make_request(INLINE, &place(&uri, 8, 24));
        let cancel = |id: i64| notification("$/cancelRequest", &json!({ "id": id }));
        let past = rng.below(id as usize) as i64;
        let messages = match rng.below(4) {
            0 | 1 => vec![request, cancel(id)],
            2 => vec![request, cancel(id), cancel(id), cancel(past)],
            _ => vec![cancel(id), request, cancel(id + 1_000_000)],
        };
        let list = if messages.len() == 3 { &mut to_answer } else { &mut to_cancel };
        list.push(id);
        server.write(&frames(&messages));
    }
    let mut count = |ids: Vec<i64>| {
        let n = ids.len();
        let is_cancelled = |id: i64| match server.answer(id) {
            Ok(result) => {
                assert!(result["items"].is_array());
                false
            }
            Err((code, words)) => {
                assert_eq!(code, -32800, "{words}");
                true
            }
        };
        (ids.into_iter().map(is_cancelled).filter(|&c| c).count(), n)
    };
    // Some requests may have been answered before their cancellation was read.
    let (n_cancelled, n) = count(to_cancel);
    assert!(n_cancelled * 10 >= n * 9, "of {n} cancelled requests only {n_cancelled} ended so");
    // A cancellation of another id cancels nothing, but `past` may equal one of these ids.
    let (n_cancelled, n) = count(to_answer);
    assert!(n_cancelled * 2 < n, "of {n} requests {n_cancelled} were cancelled by mistake");
    server.items("file:///work/0.rs", 8, 24);
    server.finish();
}

#[test]
fn request_joins_cancelled_decoding() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    server.open(URI, "rust", &PLACES[2].1.replace("$0", ""));
    // Editors cancel the old request before they send the next one.
    let (first, request) = server.make_request(INLINE, &place(URI, 8, 24));
    server.write(&frames(&[request]));
    let cancel = notification("$/cancelRequest", &json!({ "id": first }));
    let (second, request) = server.make_request(INLINE, &place(URI, 8, 24));
    server.write(&frames(&[cancel, request]));
    let _ = server.answer(first);
    server.answer(second).unwrap();
    let report = server.explain(URI);
    let why = report["why"].to_string();
    assert!(report["source"] == "memory" || why.contains("joined the decoding"), "{report}");
    server.finish();
}

#[test]
fn flood_of_requests_does_not_delay_edits() {
    let mut server = Server::start(&Value::Null);
    server.ready();
    // Many documents, so that no request is superseded and all of them wait for the model.
    let n_documents = 300;
    let mut ids = Vec::new();
    for n in 0..n_documents {
        let uri = format!("file:///work/{n}.rs");
        server.open(&uri, "rust", &PLACES[2].1.replace("$0", &format!("x{n}")));
        ids.push(server.request(INLINE, &place(&uri, 8, 24)));
    }
    let mut text = Text::new("x");
    server.open(URI, "javascript", &text.text);
    let change = text.edit(1..1, "y");
    server.notify("textDocument/didChange", &text.did_change(URI, &[change]));
    assert_eq!(server.document(URI), text.fingerprint());
    let n_before = server.order.len();
    assert!(n_before < n_documents, "the edit was confirmed before the flood was answered");
    for id in ids {
        assert!(server.answer(id).is_ok());
    }
    server.finish();
}
