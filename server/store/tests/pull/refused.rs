//! Servers that refuse, servers that are not a hub, full disks: one message, with the next step.

use std::sync::Mutex;

use lowkey_test_support::hub::{HttpServer, Reply};

use crate::model::{COMMIT, User, bytes, honest, linked, sha256};

/// Starts a hub that gives this answer to every request.
fn only(name: &str, reply: Reply) -> (HttpServer, User) {
    let server = HttpServer::start(move |_| reply.clone());
    let user = User::new(name, &server.url());
    (server, user)
}

#[test]
fn denied_repository_suggests_token() {
    for status in [401, 403] {
        let (server, mut user) = only(&format!("denied-{status}"), Reply::status(status));
        let outcome = user.pull();
        outcome.fails(&[&status.to_string(), "accept its conditions", "another token in HF_TOKEN"]);
        assert_eq!(outcome.waits, [] as [u64; 0], "asking again does not help");
        assert_eq!(server.requests().len(), 1);
        user.hub.token = None;
        user.pull().fails(&["create an access token there and set HF_TOKEN"]);
    }
}

#[test]
fn removed_file_is_not_retried() {
    for status in [404, 410] {
        let (server, user) = only(&format!("gone-{status}"), Reply::status(status));
        user.pull().fails(&[&status.to_string(), "does not exist", "HF_ENDPOINT", "--model"]);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn missing_pinned_file_suggests_update() {
    let gone = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = gone.clone();
    let server = HttpServer::start(move |seen| {
        if now.load(std::sync::atomic::Ordering::SeqCst) {
            Reply::status(404)
        } else {
            honest(bytes(50))(seen)
        }
    });
    let user = User::new("pinned-gone", &server.url());
    user.pull().pulled();
    std::fs::remove_dir_all(user.folder.join("hub")).unwrap();
    gone.store(true, std::sync::atomic::Ordering::SeqCst);
    user.pull().fails(&["404", "pinned at its first pull", "--update"]);
}

#[test]
fn retry_after_sets_the_delay() {
    let replies = Mutex::new(vec![503, 429]);
    let server = HttpServer::start(move |seen| match replies.lock().unwrap().pop() {
        Some(429) => Reply::status(429).with("Retry-After", "7"),
        Some(status) => Reply::status(status),
        None => honest(bytes(50))(seen),
    });
    let user = User::new("busy", &server.url());
    let outcome = user.pull();
    assert_eq!(outcome.waits, [7, 2]);
    outcome.pulled();
}

#[test]
fn persistently_broken_server_is_given_up() {
    for status in [500, 502, 503, 504, 429] {
        let (server, user) = only(&format!("broken-{status}"), Reply::status(status));
        let outcome = user.pull();
        outcome.fails(&[&format!("answered {status}"), "gave up after 5 attempts"]);
        assert_eq!((outcome.waits.as_slice(), server.requests().len()), (&[1, 2, 4, 8][..], 5));
    }
}

#[test]
fn long_retry_after_fails_at_once() {
    let (server, user) = only("tomorrow", Reply::status(429).with("Retry-After", "86400"));
    user.pull().fails(&["429", "gave up after 1 attempts"]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn other_status_is_reported() {
    for status in [204, 400, 418] {
        let (_server, user) = only(&format!("odd-{status}"), Reply::status(status));
        user.pull().fails(&[&status.to_string(), "which a download cannot use"]);
    }
}

#[test]
fn server_text_is_one_short_line() {
    let location = format!("http://127.0.0.1:1/\u{9b}x\t{}", "y".repeat(50_000));
    let (_server, user) = only("text", Reply::status(302).with("Location", location));
    let message = user.pull().result.unwrap_err().to_string();
    assert!(message.len() < 1_000, "{} bytes", message.len());
    assert!(!message.chars().any(char::is_control), "{message:?}");
}

#[test]
fn redirect_loop_is_refused() {
    let (server, user) = only("circle", Reply::status(302).with("Location", "/again"));
    user.pull().fails(&["too many redirects"]);
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn redirect_to_local_file_is_refused() {
    let (_server, user) = only("file", Reply::status(302).with("Location", "file:///etc/passwd"));
    user.pull().fails(&["a redirect to an unencrypted address"]);
}

#[test]
fn untrusted_answer_is_refused() {
    let (_server, user) = only("portal", Reply { body: b"log in".to_vec(), ..Reply::status(200) });
    user.pull().fails(&["no commit or no etag", "proxies"]);
    for (commit, etag) in
        [("../../x", "a"), ("c", "../../../x"), ("c", ""), ("", "a"), ("c", "a/b")]
    {
        let reply = Reply::status(302)
            .with("X-Repo-Commit", commit)
            .with("X-Linked-Etag", format!("\"{etag}\""))
            .with("Location", "/storage");
        let (_server, user) = only("traversal", reply);
        user.pull().fails(&["not a plain name"]);
        assert!(!user.folder.join("hub").exists(), "{commit:?} {etag:?} made something");
    }
}

#[test]
fn changed_bytes_at_commit_are_refused() {
    let (old, new) = (bytes(50), bytes(60));
    let swapped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = swapped.clone();
    let (first, second) = (old.clone(), new.clone());
    let server = HttpServer::start(move |seen| {
        let swapped = now.load(std::sync::atomic::Ordering::SeqCst);
        honest(if swapped { second.clone() } else { first.clone() })(seen)
    });
    let user = User::new("swapped", &server.url());
    user.pull().pulled();
    std::fs::remove_dir_all(user.folder.join("hub")).unwrap();
    swapped.store(true, std::sync::atomic::Ordering::SeqCst);
    user.pull().fails(&[&sha256(&old), &sha256(&new), "--update"]);
}

#[test]
fn oversized_file_is_not_begun() {
    let server = HttpServer::start(|_| {
        let mut reply = linked(&bytes(50), COMMIT, "");
        reply.headers.retain(|(name, _)| *name != "X-Linked-Size");
        reply.with("X-Linked-Size", (1_u64 << 60).to_string())
    });
    let mut user = User::new("space", &server.url());
    user.entry.bytes = Some(1 << 60);
    user.pull().fails(&["has ", "free", "needs", "1152921505 GB", "HF_HUB_CACHE"]);
    assert!(server.requests().iter().all(|seen| seen.method == "HEAD"));
}

#[test]
fn unreachable_hub_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let user = User::new("nobody", &format!("http://127.0.0.1:{port}"));
    user.pull().fails(&[&format!("127.0.0.1:{port}"), "gave up"]);
}

#[test]
fn offline_sends_no_request() {
    let server = HttpServer::start(honest(bytes(50)));
    let mut user = User::new("offline", &server.url());
    user.hub.offline = true;
    user.pull().fails(&["qwen2.5-coder-0.5b", "HF_HUB_OFFLINE"]);
    assert_eq!(server.requests(), []);
    user.hub.offline = false;
    user.pull().pulled();
    let n_requests = server.requests().len();
    user.hub.offline = true;
    assert_eq!(user.pull().pulled().fetched, 0);
    assert_eq!(server.requests().len(), n_requests);
}
