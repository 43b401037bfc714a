//! Broken connections and servers that send wrong data: the final file is right, or there is none.

use std::sync::Mutex;
use std::time::Duration;

use lowkey_store::{Event, Timeouts};
use lowkey_test_support::hub::{HttpServer, Reply};

use crate::model::{COMMIT, User, bytes, honest, linked, sha256, storage, stored};

/// Returns the next number of a reproducible pseudo-random sequence.
fn chance(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize % below
}

#[test]
fn pull_resumes_at_any_byte() {
    let content = bytes(40_000);
    let mut seed = 1;
    for case in 0..20 {
        let cuts: Vec<usize> =
            (0..=chance(&mut seed, 7)).map(|_| chance(&mut seed, 9_000)).collect();
        let n_cuts = cuts.len();
        let server = HttpServer::start(storage(content.clone(), move |n, _, reply| Reply {
            cut: cuts.get(n).copied(),
            ..reply
        }));
        let user = User::new(&format!("cut-{case}"), &server.url());
        let outcome = user.pull();
        let begins: Vec<_> =
            server.requests().iter().filter(|s| s.method == "GET").cloned().collect();
        let pulled = outcome.pulled();
        assert_eq!(std::fs::read(&pulled.path).unwrap(), content);
        assert_eq!(pulled.fetched, 40_000, "case {case} with {n_cuts} cuts");
        // The hub redirects each of them.
        assert_eq!(begins.len(), 2 * (n_cuts + 1));
    }
}

#[test]
fn retry_requests_same_file_or_everything() {
    let server = HttpServer::start(storage(bytes(9_000), |n, _, reply| Reply {
        cut: (n == 0).then_some(4_000),
        ..reply
    }));
    let user = User::new("if-range", &server.url());
    let outcome = user.pull();
    assert_eq!(outcome.waits, [1]);
    outcome.pulled();
    let asked: Vec<_> =
        server.requests().into_iter().filter(|s| s.path.starts_with("/storage")).collect();
    assert_eq!((asked[0].from(), asked[0].header("if-range")), (None, None));
    assert_eq!(
        (asked[1].from(), asked[1].header("if-range")),
        (Some(4_000), Some("\"storage-tag\""))
    );
}

#[test]
fn earlier_partial_file_is_continued() {
    let content = bytes(9_000);
    let server = HttpServer::start(honest(content.clone()));
    let user = User::new("left", &server.url());
    user.put(&format!("blobs/{}.incomplete", sha256(&content)), &content[..7_000]);
    let outcome = user.pull();
    assert!(outcome.events.contains(&Event::Begun { have: 7_000, total: Some(9_000) }));
    let pulled = outcome.pulled();
    assert_eq!((std::fs::read(&pulled.path).unwrap(), pulled.fetched), (content, 2_000));
}

#[test]
fn complete_partial_needs_only_its_checksum() {
    let content = bytes(9_000);
    let server = HttpServer::start(honest(content.clone()));
    let user = User::new("whole", &server.url());
    user.put(&format!("blobs/{}.incomplete", sha256(&content)), &content);
    let pulled = user.pull().pulled();
    assert_eq!(pulled.fetched, 0);
    assert!(server.requests().iter().all(|seen| seen.method == "HEAD"));
}

#[test]
fn wrong_partial_file_is_discarded() {
    let content = bytes(9_000);
    for left in [vec![0; 5_000], vec![0; 9_000], vec![0; 20_000]] {
        let server = HttpServer::start(honest(content.clone()));
        let user = User::new(&format!("wrong-left-{}", left.len()), &server.url());
        user.put(&format!("blobs/{}.incomplete", sha256(&content)), &left);
        let outcome = user.pull();
        let restarts = |event: &&Event| matches!(event, Event::Restarted { .. });
        assert_eq!(outcome.events.iter().filter(restarts).count(), 1);
        assert_eq!(std::fs::read(outcome.pulled().path).unwrap(), content);
    }
}

#[test]
fn twice_damaged_file_is_not_kept() {
    let server = HttpServer::start(storage(bytes(9_000), |_, _, mut reply| {
        if let Some(byte) = reply.body.get_mut(17) {
            *byte ^= 1;
        }
        reply
    }));
    let user = User::new("damaged", &server.url());
    let outcome = user.pull();
    outcome.fails(&["damaged", &sha256(&bytes(9_000)), "nothing was kept"]);
    assert_eq!(user.blobs(), [] as [&str; 0]);
    assert!(user.pins.get(&User::row().name).unwrap().is_none());
    let bodies = server.requests().iter().filter(|s| s.path.starts_with("/storage")).count();
    assert_eq!(bodies, 2, "tried again once");
}

#[test]
fn server_without_ranges_resends_everything() {
    let content = bytes(9_000);
    let whole = content.clone();
    let server = HttpServer::start(storage(content.clone(), move |n, _, _| Reply {
        status: 200,
        body: whole.clone(),
        cut: (n == 0).then_some(6_000),
        ..Reply::default()
    }));
    let user = User::new("no-ranges", &server.url());
    let pulled = user.pull().pulled();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), content);
    assert_eq!(pulled.fetched, 15_000);
}

#[test]
fn breaking_rangeless_server_is_given_up() {
    let content = bytes(9_000);
    let server = HttpServer::start(storage(content.clone(), move |_, _, _| Reply {
        status: 200,
        body: content.clone(),
        cut: Some(6_000),
        ..Reply::default()
    }));
    let user = User::new("always-breaks", &server.url());
    let outcome = user.pull();
    outcome.fails(&["gave up after 5 attempts", "run the same command again"]);
    assert_eq!(outcome.waits, [1, 2, 4, 8]);
}

#[test]
fn wrong_range_is_not_written() {
    let content = bytes(9_000);
    let wrong = content.clone();
    let server = HttpServer::start(storage(content.clone(), move |n, _, reply| match n {
        0 => Reply { cut: Some(6_000), ..reply },
        1 => Reply { status: 206, body: wrong[5_000..].to_vec(), ..Reply::default() }
            .with("Content-Range", "bytes 5000-8999/9000"),
        _ => reply,
    }));
    let user = User::new("other-part", &server.url());
    assert_eq!(std::fs::read(user.pull().pulled().path).unwrap(), content);
}

#[test]
fn surplus_bytes_are_not_kept() {
    let content = bytes(9_000);
    let server = HttpServer::start(storage(content.clone(), |n, _, mut reply| {
        if n == 0 {
            reply.body.extend([0; 50]);
        }
        reply
    }));
    let user = User::new("too-many", &server.url());
    assert_eq!(std::fs::read(user.pull().pulled().path).unwrap(), content);
}

#[test]
fn missing_length_is_accepted() {
    let content = bytes(9_000);
    let server = HttpServer::start(move |seen| {
        let mut reply = honest(content.clone())(seen);
        reply.headers.retain(|(name, _)| *name != "X-Linked-Size");
        Reply { endless: true, ..reply }
    });
    let user = User::new("no-length", &server.url());
    let outcome = user.pull();
    assert!(outcome.events.contains(&Event::Begun { have: 0, total: None }));
    assert_eq!(std::fs::read(outcome.pulled().path).unwrap(), bytes(9_000));
}

/// Starts a mirror that serves the file directly, with its own etag: no checksum.
fn without_checksum(content: Vec<u8>) -> HttpServer {
    HttpServer::start(move |seen| {
        let mut reply = stored(&content, seen);
        reply.headers.retain(|(name, _)| *name != "ETag");
        reply.with("ETag", "\"a-tag-of-its-own\"").with("X-Repo-Commit", COMMIT)
    })
}

fn gguf(len: usize) -> Vec<u8> {
    [b"GGUF", &*bytes(len - 4)].concat()
}

#[test]
fn mirror_may_serve_the_file_itself() {
    let server = without_checksum(gguf(9_000));
    let mut user = User::new("mirror", &server.url());
    user.entry.bytes = Some(9_100);
    let pulled = user.pull().pulled();
    assert_eq!(user.blobs(), ["a-tag-of-its-own"]);
    assert_eq!(pulled.pin.sha256, sha256(&gguf(9_000)), "pinned as it came");
}

#[test]
fn page_without_checksum_is_not_pinned() {
    for content in [b"please log in to the network".to_vec(), bytes(9_000), gguf(28), gguf(20_000)]
    {
        let len = content.len();
        let server = without_checksum(content);
        let mut user = User::new(&format!("page-{len}"), &server.url());
        user.entry.bytes = Some(9_100);
        let outcome = user.pull();
        let words = if len > 18_200 { "at most 18 kB" } else { "no checksum" };
        outcome.fails(&[words, "HF_ENDPOINT and proxies"]);
        assert_eq!(user.blobs(), [] as [&str; 0]);
        assert!(user.pins.get(&user.entry.name).unwrap().is_none());
    }
}

#[test]
fn endless_body_is_cut_off() {
    let server = HttpServer::start(move |seen| {
        let mut reply = honest(bytes(9_000))(seen);
        reply.headers.retain(|(name, _)| *name != "X-Linked-Size");
        reply.body = if seen.path.starts_with("/storage") { bytes(400_000) } else { Vec::new() };
        Reply { endless: true, ..reply }
    });
    let mut user = User::new("no-end", &server.url());
    user.entry.bytes = Some(9_000);
    user.pull().fails(&["18 kB or more", "at most 18 kB", "HF_ENDPOINT"]);
    assert_eq!(user.blobs(), [] as [&str; 0]);
    // The file's exact length is known: a transfer with another length does not begin.
    user.entry.sha256 = Some(sha256(&bytes(9_000)));
    user.entry.bytes = Some(8_000);
    let server = HttpServer::start(honest(bytes(9_000)));
    user.hub.endpoint = server.url();
    user.pull().fails(&["sends 9000 bytes", "has 8000"]);
    assert!(server.requests().iter().all(|seen| seen.method == "HEAD"));
}

#[test]
fn slow_server_is_awaited_while_bytes_come() {
    let content = bytes(2_000);
    let server =
        HttpServer::start(storage(content.clone(), |_, _, reply| Reply { piece: 1, ..reply }));
    let user = User::new("slow", &server.url());
    let outcome = user.pull();
    assert_eq!(outcome.waits, [] as [u64; 0]);
    assert_eq!(std::fs::read(outcome.pulled().path).unwrap(), content);
}

#[test]
fn silent_server_is_given_up_bytes_are_kept() {
    let content = bytes(9_000);
    let server = HttpServer::start(storage(content.clone(), |n, _, reply| match n {
        0 => Reply { cut: Some(6_000), ..reply },
        _ => Reply::status(0),
    }));
    let mut user = User::new("silent", &server.url());
    user.timeouts = Timeouts { read: Duration::from_secs(1), ..Timeouts::default() };
    let outcome = user.pull();
    outcome.fails(&["in time", "The received bytes are kept"]);
    assert_eq!(outcome.waits, [1, 2, 4, 8]);
    let left = user.place(&format!("blobs/{}.incomplete", sha256(&content)));
    assert_eq!(std::fs::read(left).unwrap(), content[..6_000]);
}

#[test]
fn expired_storage_address_is_renewed() {
    let content = bytes(9_000);
    let far = {
        let (content, first) = (content.clone(), Mutex::new(true));
        HttpServer::start(move |seen| {
            if std::mem::take(&mut *first.lock().unwrap()) {
                return Reply::status(403);
            }
            stored(&content, seen)
        })
    };
    let address = far.url();
    let hub = HttpServer::start(move |_| linked(&content, COMMIT, &address));
    let user = User::new("expired", &hub.url());
    let outcome = user.pull();
    assert_eq!(outcome.waits, [1]);
    outcome.pulled();
}
