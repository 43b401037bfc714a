//! Pulls against a server in the test's own process, which simulates network failures.
//!
//! No test accesses the network, and none waits: delays between attempts are only recorded.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

mod broken;
mod index;
mod index_refused;
mod model;
#[cfg(unix)]
mod planted;
mod refused;
mod shared;

use lowkey_test_support::hub::{self, HttpServer};

use model::{COMMIT, User, bytes, honest, linked, sha256, stored};

#[test]
fn pulled_file_is_in_the_hub_cache_layout() {
    let content = bytes(300_000);
    let server = HttpServer::start(honest(content.clone()));
    let user = User::new("layout", &server.url());
    let pulled = user.pull().pulled();
    let (digest, file) = (sha256(&content), &User::row().file);
    assert_eq!(pulled.path, user.place(&format!("snapshots/{COMMIT}/{file}")));
    assert_eq!(std::fs::read(&pulled.path).unwrap(), content);
    assert_eq!(std::fs::read(user.place(&format!("blobs/{digest}"))).unwrap(), content);
    assert_eq!(std::fs::read_to_string(user.place("refs/main")).unwrap(), COMMIT);
    assert_eq!(user.blobs(), std::slice::from_ref(&digest), "nothing unfinished is left");
    #[cfg(unix)]
    assert_eq!(
        std::fs::read_link(&pulled.path).unwrap().to_str().unwrap(),
        format!("../../blobs/{digest}")
    );
    assert_eq!((pulled.fetched, pulled.pin.bytes), (300_000, 300_000));
    assert_eq!((pulled.pin.sha256, pulled.pin.commit.as_deref()), (digest, Some(COMMIT)));
}

#[test]
fn cached_file_needs_no_request() {
    let server = HttpServer::start(honest(bytes(5_000)));
    let user = User::new("again", &server.url());
    let first = user.pull().pulled();
    let n_requests = server.requests().len();
    let second = user.pull().pulled();
    assert_eq!((second.path, second.pin, second.fetched), (first.path, first.pin, 0));
    assert_eq!(server.requests().len(), n_requests);
}

#[test]
fn empty_and_one_byte_files_are_pulled() {
    for len in [0, 1] {
        let server = HttpServer::start(honest(bytes(len)));
        let user = User::new(&format!("tiny-{len}"), &server.url());
        let pulled = user.pull().pulled();
        assert_eq!(std::fs::read(pulled.path).unwrap(), bytes(len));
    }
}

#[test]
fn token_is_sent_only_to_the_hub() {
    let content = bytes(5_000);
    let far = {
        let content = content.clone();
        HttpServer::start(move |seen| stored(&content, seen))
    };
    let storage = far.url();
    let hub = HttpServer::start(move |_| linked(&content, COMMIT, &storage));
    let user = User::new("token", &hub.url());
    user.pull().pulled();
    assert!(!far.requests().is_empty() && !hub.requests().is_empty());
    let token = |seen: &hub::ReceivedRequest| seen.header("authorization").map(str::to_owned);
    assert!(hub.requests().iter().all(|seen| token(seen).as_deref() == Some("Bearer hf_secret")));
    assert!(far.requests().iter().all(|seen| token(seen).is_none()));
}

#[test]
fn renamed_repository_is_followed() {
    let content = bytes(5_000);
    let old = format!("/{}/", User::row().repository);
    let server = HttpServer::start(move |seen| {
        if let Some(rest) = seen.path.strip_prefix(&old) {
            return hub::Reply::status(307).with("Location", format!("/new/name/{rest}"));
        }
        honest(content.clone())(seen)
    });
    let user = User::new("renamed", &server.url());
    assert_eq!(user.pull().pulled().fetched, 5_000);
}

#[test]
fn pinned_commit_is_pulled_until_update() {
    let (old, new) = (bytes(5_000), bytes(6_000));
    let (first, second) = (old.clone(), new.clone());
    // `main` moves after the first pull.
    let moved = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let now = moved.clone();
    let server = HttpServer::start(move |seen| {
        let is_new = now.load(std::sync::atomic::Ordering::SeqCst) && !seen.path.contains(COMMIT);
        if let Some(tag) = seen.path.strip_prefix("/storage/") {
            return stored(if tag.starts_with("new") { &second } else { &first }, seen);
        }
        let (bytes, commit) = if is_new { (&second, "beef") } else { (&first, COMMIT) };
        let path =
            if is_new || seen.path.contains("beef") { "/storage/new" } else { "/storage/old" };
        let bytes = if path.ends_with("new") { &second } else { bytes };
        linked(bytes, commit, path)
    });
    let mut user = User::new("pinned", &server.url());
    user.pull().pulled();
    moved.store(true, std::sync::atomic::Ordering::SeqCst);
    std::fs::remove_dir_all(user.folder.join("hub")).unwrap();
    let again = user.pull().pulled();
    assert_eq!((again.pin.commit.as_deref(), again.pin.sha256), (Some(COMMIT), sha256(&old)));
    user.update = true;
    let updated = user.pull().pulled();
    assert_eq!((updated.pin.commit.as_deref(), updated.pin.sha256), (Some("beef"), sha256(&new)));
    user.update = false;
    assert_eq!(std::fs::read(user.pull().pulled().path).unwrap(), new, "the pin means the new one");
}
