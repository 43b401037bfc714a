//! A shared cache: other tools put files there, other processes pull at the same time, and removing
//! affects only one model.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use lowkey_store::{Event, ModelSource, remove, resolve};
use lowkey_test_support::hub::HttpServer;

use crate::model::{User, bytes, honest, sha256, storage};

/// Puts a complete file into the cache, as `huggingface_hub` does.
#[cfg(unix)]
fn put_whole(user: &User, commit: &str, file: &str, name: &str, content: &[u8]) {
    user.put(&format!("blobs/{name}"), content);
    user.put("refs/main", commit.as_bytes());
    let link = user.place(&format!("snapshots/{commit}/{file}"));
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(format!("../../blobs/{name}"), link).unwrap();
}

#[cfg(unix)]
#[test]
fn other_tools_model_is_checked_and_pinned() {
    let server = HttpServer::start(|seen| panic!("asked for {seen:?}"));
    let user = User::new("found", &server.url());
    let content = bytes(4_000);
    put_whole(&user, "abc", &User::row().file, &sha256(&content), &content);
    let by_name = || resolve(&User::row().name, None, &user.hub, &user.pins).unwrap();
    let place = user.place(&format!("snapshots/abc/{}", User::row().file));
    assert_eq!(by_name(), ModelSource::Gguf(place.clone()), "also before any pull");
    let outcome = user.pull();
    assert!(outcome.events.contains(&Event::Checking { bytes: 4_000 }));
    let pulled = outcome.pulled();
    assert_eq!((pulled.path, pulled.fetched), (place.clone(), 0));
    assert_eq!((pulled.pin.sha256, pulled.pin.commit.as_deref()), (sha256(&content), Some("abc")));
    assert_eq!(by_name(), ModelSource::Gguf(place));
}

#[cfg(unix)]
#[test]
fn damaged_cached_file_is_refused() {
    let server = HttpServer::start(|seen| panic!("asked for {seen:?}"));
    let user = User::new("found-damaged", &server.url());
    put_whole(&user, "abc", &User::row().file, &sha256(b"whole"), b"other");
    let name = &User::row().name;
    let next = format!("run `lowkey models rm {name}`, then `lowkey models pull {name}`");
    user.pull().fails(&["damaged", &sha256(b"whole"), &sha256(b"other"), &next]);
}

#[test]
fn second_pull_waits_and_fetches_nothing() {
    let content = bytes(50_000);
    // The storage answers only after the second pull has reported that it waits.
    let (waits, waited) = channel();
    let waited = Mutex::new(waited);
    let server = HttpServer::start(storage(content.clone(), move |_, _, reply| {
        waited.lock().unwrap().recv().unwrap();
        reply
    }));
    let user = Arc::new(User::new("two", &server.url()));
    let (begun, begins) = channel();
    let first = std::thread::spawn({
        let user = user.clone();
        move || {
            user.pull_telling(|event| {
                if matches!(event, Event::Begun { .. }) {
                    begun.send(()).unwrap();
                }
            })
        }
    });
    begins.recv().unwrap();
    let second = user.pull_telling(|event| {
        if matches!(event, Event::Waiting { .. }) {
            waits.send(()).unwrap();
        }
    });
    let holder = Some(std::process::id());
    assert!(second.events.contains(&Event::Waiting { holder }), "{:?}", second.events);
    let (first, second) = (first.join().unwrap().pulled(), second.pulled());
    assert_eq!((first.fetched, second.fetched), (50_000, 0));
    assert_eq!((first.path, first.pin), (second.path, second.pin));
    let bodies = server.requests().iter().filter(|seen| seen.path.starts_with("/storage")).count();
    assert_eq!(bodies, 1);
}

#[test]
fn name_resolves_from_pull_until_remove() {
    let server = HttpServer::start(honest(bytes(4_000)));
    let user = User::new("names", &server.url());
    let by_name =
        || resolve(&User::row().name, None, &user.hub, &user.pins).map_err(|e| e.to_string());
    assert!(by_name().is_err_and(|message| message.contains("lowkey models pull")));
    let pulled = user.pull().pulled();
    assert_eq!(by_name(), Ok(ModelSource::Gguf(pulled.path.clone())));
    let gone = remove(&user.hub, &user.pins, User::row()).unwrap();
    assert!(gone.contains(&pulled.path), "{gone:?}");
    assert!(by_name().is_err());
    assert!(!user.place("").exists(), "no empty folders are left");
    assert_eq!(user.pins.get(&User::row().name).unwrap(), None);
    assert_eq!(remove(&user.hub, &user.pins, User::row()).unwrap(), [] as [std::path::PathBuf; 0]);
}

#[cfg(unix)]
#[test]
fn remove_keeps_other_files() {
    let server = HttpServer::start(honest(bytes(4_000)));
    let user = User::new("others", &server.url());
    put_whole(&user, "abc", "another-q4.gguf", &sha256(b"other"), b"other");
    // The same bytes under a second name.
    let content = bytes(4_000);
    put_whole(&user, "abc", "copy.gguf", &sha256(&content), &content);
    user.pull().pulled();
    let gone = remove(&user.hub, &user.pins, User::row()).unwrap();
    assert_eq!(gone.len(), 1, "the link alone: its bytes have a second name: {gone:?}");
    for (file, whole) in [("another-q4.gguf", &b"other"[..]), ("copy.gguf", &content)] {
        assert_eq!(std::fs::read(user.place(&format!("snapshots/abc/{file}"))).unwrap(), whole);
    }
}
