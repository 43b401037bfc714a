//! Pulls from the wheels of a package index: a server in the test's own process serves pages and
//! wheels.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lowkey_store::{CatalogEntry, Event, Origin, Wheels, remove};
use lowkey_test_support::hub::{HttpServer, ReceivedRequest, Reply};

use crate::model::{COMMIT, User, bytes, honest, index_at, sha256, stored};
use rawzip::{CompressionMethod, ZipArchiveWriter};

const PARTS: u32 = 3;

/// Returns a catalog row for this file, on the hub and in this many wheels.
pub(crate) fn parted(content: &[u8], parts: u32) -> CatalogEntry {
    let wheels = Wheels {
        package: "demo-part{n}".to_owned(),
        version: "1.0".to_owned(),
        member: "demo_part{n}/data/part{nn}.bin".to_owned(),
        parts,
        part_bytes: content.len().div_ceil(parts as usize) as u64,
    };
    CatalogEntry {
        bytes: Some(content.len() as u64),
        sha256: Some(sha256(content)),
        index: Some(wheels),
        ..User::row().clone()
    }
}

/// Returns a zip archive with these files.
pub(crate) fn archive(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    for (name, content) in files {
        let new = archive.new_file(name).compression_method(method);
        let (mut entry, config) = new.start().unwrap();
        let descriptor = if method == CompressionMethod::DEFLATE {
            let level = flate2::Compression::fast();
            let deflate = flate2::write::DeflateEncoder::new(&mut entry, level);
            let mut writer = config.wrap(deflate);
            writer.write_all(content).unwrap();
            let (deflate, descriptor) = writer.finish().unwrap();
            deflate.finish().unwrap();
            descriptor
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

/// Returns the wheels of a file, every second one uncompressed.
pub(crate) fn wheels(content: &[u8], parts: usize) -> Vec<Vec<u8>> {
    let pieces = content.chunks(content.len().div_ceil(parts));
    let wheel = |(at, piece): (usize, &[u8])| {
        let n = at + 1;
        let member = format!("demo_part{n}/data/part{n:02}.bin");
        let method =
            if at % 2 == 0 { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
        archive(&[("demo/__init__.py", b"x = 1\n"), (&member, piece)], method)
    };
    pieces.enumerate().map(wheel).collect()
}

pub(crate) fn file_name(n: usize) -> String {
    format!("demo_part{n}-1.0-py3-none-any.whl")
}

/// Returns the page of a package with this wheel.
pub(crate) fn page(n: usize, wheel: &[u8], files: &str) -> Reply {
    let (name, digest, len) = (file_name(n), sha256(wheel), wheel.len());
    let body = format!(
        r#"{{"meta": {{"api-version": "1.1"}}, "name": "demo-part{n}", "files": [
            {{"filename": "{name}", "url": "{files}/{name}", "hashes": {{"sha256": "{digest}"}}, "size": {len}}}]}}"#
    );
    Reply { status: 200, body: body.into_bytes(), ..Reply::default() }
        .with("Content-Type", "application/vnd.pypi.simple.v1+json")
}

/// Returns the number in `…part2…`.
pub(crate) fn number(path: &str) -> Option<usize> {
    path.split("part").nth(1)?.chars().next()?.to_digit(10).map(|n| n as usize)
}

/// Returns a working index.
pub(crate) fn shelf(wheels: Vec<Vec<u8>>) -> impl Fn(&ReceivedRequest) -> Reply {
    move |seen| {
        let Some(wheel) = number(&seen.path).and_then(|n| wheels.get(n - 1)) else {
            return Reply::status(404);
        };
        if seen.path.starts_with("/simple/") {
            page(number(&seen.path).unwrap(), wheel, "/files")
        } else {
            stored(wheel, seen)
        }
    }
}

/// Creates a user with this index whose hub refuses.
pub(crate) fn user(name: &str, content: &[u8], index: &HttpServer) -> (HttpServer, User) {
    let hub = HttpServer::start(|_| Reply::status(403));
    let mut user = User::new(name, &hub.url());
    user.entry = parted(content, PARTS);
    user.index = index_at(&format!("{}/simple", index.url()));
    (hub, user)
}

/// Asserts that a pull failed with a message that contains these words, and left no file.
#[track_caller]
pub(crate) fn fails(user: &User, words: &[&str]) {
    let outcome = user.pull();
    outcome.fails(words);
    outcome.fails(&["From the hub: ", "answered 403", "From the package index: "]);
    assert!(!outcome.result.unwrap_err().to_string().contains('\n'));
    assert_eq!(user.blobs(), [] as [&str; 0], "half a file is left");
    assert!(user.pins.get(&user.entry.name).unwrap().is_none());
    assert!(lowkey_store::cached_file(&user.hub, &user.entry, None).is_none());
}

#[test]
fn index_serves_when_hub_refuses() {
    let content = bytes(50_001);
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    let (hub, user) = user("fallback", &content, &index);
    let outcome = user.pull();
    let origins: Vec<_> = outcome
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Asking { origin, address, packages } => {
                Some(format!("{origin:?} {address} {packages:?}"))
            }
            Event::Failed { origin, reason } => Some(format!("{origin:?}: {reason}")),
            _ => None,
        })
        .collect();
    assert_eq!(origins.len(), 3, "{origins:?}");
    assert_eq!(origins[0], format!("Hub {} None", hub.url()));
    assert!(origins[1].contains("answered 403"), "{origins:?}");
    let packages = "Some(\"demo-part1 to demo-part3, version 1.0\")";
    assert_eq!(origins[2], format!("Index {}/simple/ {packages}", index.url()));
    // Progress counts the file's bytes and never decreases.
    let mut last = 0;
    for event in &outcome.events {
        if let Event::Arrived { have, total } = event {
            assert!(*have >= last && *total == Some(50_001), "{event:?} after {last}");
            last = *have;
        }
    }
    assert_eq!(last, 50_001);
    let pulled = outcome.pulled();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), content);
    let place = user.place(&format!("snapshots/package-index/{}", user.entry.file));
    assert_eq!((pulled.path, user.blobs()), (place, vec![sha256(&content)]));
    assert_eq!(std::fs::read_to_string(user.place("refs/main")).unwrap(), "package-index");
    assert_eq!(hub.requests().len(), 1, "a refusal is not asked again");
    assert_eq!(user.pull().pulled().fetched, 0);
    let gone = remove(&user.hub, &user.pins, &user.entry).unwrap();
    assert_eq!((gone.len(), user.place("").exists()), (2, false));
}

#[test]
fn hub_is_preferred() {
    let content = bytes(9_000);
    let index = HttpServer::start(|seen| panic!("asked for {seen:?}"));
    let hub = HttpServer::start(honest(content.clone()));
    let (_refusing, mut user) = user("preferred", &content, &index);
    user.hub.endpoint = hub.url();
    let pulled = user.pull().pulled();
    assert_eq!(pulled.path, user.place(&format!("snapshots/{COMMIT}/{}", user.entry.file)));
}

#[test]
fn source_can_be_chosen() {
    let content = bytes(9_000);
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    let hub = HttpServer::start(|seen| panic!("asked for {seen:?}"));
    let (refusing, mut user) = user("chosen", &content, &index);
    user.hub.endpoint = hub.url();
    user.from = Some(Origin::Index);
    let path = user.pull().pulled().path;
    // Other tools find files through `main`, which is unchanged.
    assert!(remove(&user.hub, &user.pins, &user.entry).unwrap().contains(&path));
    user.put("refs/main", b"abc");
    user.pull().pulled();
    assert_eq!(std::fs::read_to_string(user.place("refs/main")).unwrap(), "abc");
    remove(&user.hub, &user.pins, &user.entry).unwrap();
    user.from = Some(Origin::Hub);
    user.hub.endpoint = refusing.url();
    let n_asked = index.requests().len();
    user.pull().fails(&["answered 403"]);
    assert_eq!(index.requests().len(), n_asked);
    user.from = Some(Origin::Index);
    user.entry = User::row().clone();
    user.pull().fails(&["on the hub only", "without --from index"]);
}

#[test]
fn hub_is_given_up_after_two_attempts() {
    let content = bytes(9_000);
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    let (_hub, mut user) = user("down", &content, &index);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    user.hub.endpoint = format!("http://127.0.0.1:{port}");
    let outcome = user.pull();
    assert_eq!(outcome.waits, [1]);
    outcome.pulled();
}

#[test]
fn hub_with_another_file_is_skipped() {
    let content = bytes(9_000);
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    let hub = HttpServer::start(honest(bytes(9_001)));
    let (_refusing, mut user) = user("another", &content, &index);
    user.hub.endpoint = hub.url();
    assert_eq!(std::fs::read(user.pull().pulled().path).unwrap(), content);
    user.from = Some(Origin::Hub);
    user.update = true;
    user.pull().fails(&["the only one that the catalog", &sha256(&content), "--model"]);
}

#[test]
fn html_page_of_a_mirror_is_read() {
    let content = bytes(9_000);
    let wheels = wheels(&content, 3);
    let index = HttpServer::start(move |seen| {
        if !seen.path.starts_with("/team/simple/") {
            return shelf(wheels.clone())(seen);
        }
        assert!(seen.header("accept").is_some_and(|types| types.contains("text/html")));
        let n = number(&seen.path).unwrap();
        let (name, digest) = (file_name(n), sha256(&wheels[n - 1]));
        let link = format!("<a href=\"../../files/{name}#sha256={digest}\">{name}</a>");
        let body = format!("<html><body>{link}</body></html>").into_bytes();
        Reply { status: 200, body, ..Reply::default() }.with("Content-Type", "text/html")
    });
    let (_hub, mut user) = user("html", &content, &index);
    user.index = index_at(&format!("{}/team/simple/", index.url()));
    let paths =
        |seen: Vec<ReceivedRequest>| seen.into_iter().map(|seen| seen.path).collect::<Vec<_>>();
    assert_eq!(std::fs::read(user.pull().pulled().path).unwrap(), content);
    assert!(paths(index.requests()).iter().any(|path| path.starts_with("/team/files/")));
}

#[test]
fn password_is_sent_only_to_the_index() {
    let content = bytes(9_000);
    let wheels = wheels(&content, 3);
    let files = HttpServer::start(shelf(wheels.clone()));
    let elsewhere = files.url();
    let index = HttpServer::start(move |seen| {
        let n = number(&seen.path).unwrap();
        if seen.header("authorization") != Some("Basic bWU6c2VjcmV0") {
            return Reply::status(401);
        }
        match n {
            // One wheel on the index's own server, one elsewhere, one that redirects from there to
            // elsewhere.
            1 => shelf(wheels.clone())(seen),
            2 => page(2, &wheels[1], &format!("{elsewhere}/files")),
            _ if seen.path.starts_with("/simple/") => page(3, &wheels[2], "/files"),
            _ => Reply::status(302).with("Location", format!("{elsewhere}{}", seen.path)),
        }
    });
    let (_hub, mut user) = user("password", &content, &index);
    let address = index.url().replace("http://", "http://me:secret@");
    user.index = index_at(&format!("{address}/simple"));
    let outcome = user.pull();
    assert!(!format!("{:?}", outcome.events).contains("secret"));
    outcome.pulled();
    assert_eq!(files.requests().len(), 2);
    assert!(files.requests().iter().all(|seen| seen.header("authorization").is_none()));
    // Without them the message says where to set them, and shows none.
    let (_hub, mut user) = self::user("no-password", &content, &index);
    user.index = index_at(&format!("{address}/simple").replace("me:", "you:"));
    fails(&user, &["answered 401", "https://NAME:PASSWORD@HOST", "PIP_INDEX_URL"]);
}

#[test]
fn interrupted_wheel_is_resumed() {
    let content = bytes(90_000);
    let all = wheels(&content, 3);
    let stops = Arc::new(AtomicUsize::new(usize::MAX));
    let (limit, served) = (stops.clone(), all.clone());
    let index = HttpServer::start(move |seen| {
        let reply = shelf(served.clone())(seen);
        // From the second wheel on, this many bytes, then none.
        let cut = number(&seen.path) != Some(1) && seen.path.starts_with("/files");
        let limit = limit.load(Ordering::SeqCst);
        match seen.from() {
            _ if !cut || limit == usize::MAX => reply,
            None => Reply { cut: Some(limit), ..reply },
            Some(_) => Reply::status(503),
        }
    });
    let (_hub, user) = user("stopped", &content, &index);
    stops.store(10_000, Ordering::SeqCst);
    let outcome = user.pull();
    outcome.fails(&["answered 503", "gave up", "run the same command again"]);
    assert!(
        lowkey_store::cached_file(&user.hub, &user.entry, None).is_none(),
        "half a file is there"
    );
    let digest = sha256(&content);
    let left = [format!("{digest}.incomplete"), format!("{digest}.part02.incomplete")];
    assert_eq!(user.blobs(), left);
    stops.store(usize::MAX, Ordering::SeqCst);
    let n_asked = index.requests().len();
    let outcome = user.pull();
    assert!(outcome.events.contains(&Event::Begun { have: 30_000, total: Some(90_000) }));
    let pulled = outcome.pulled();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), content);
    assert_eq!(pulled.fetched as usize, all[1].len() - 10_000 + all[2].len());
    assert_eq!(user.blobs(), [digest], "something unfinished is left");
    let asked = index.requests().split_off(n_asked);
    let files: Vec<_> = asked.iter().filter(|seen| seen.path.starts_with("/files")).collect();
    assert_eq!((files.len(), files[0].from(), files[1].from()), (2, Some(10_000), None));
}

#[test]
fn pull_resumes_from_the_other_source() {
    let content = bytes(90_000);
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    let (_hub, user) = user("other-source", &content, &index);
    // The hub's bytes end within the second part.
    let name = format!("blobs/{}.incomplete", sha256(&content));
    user.put(&name, &content[..40_000]);
    let pulled = user.pull().pulled();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), content);
    assert!(index.requests().iter().all(|seen| !seen.path.starts_with("/files/demo_part1")));
}

#[test]
fn hub_finishes_what_the_index_began() {
    let content = bytes(90_000);
    let hub = HttpServer::start(honest(content.clone()));
    let user = {
        let mut user = User::new("hub-finishes", &hub.url());
        user.entry = parted(&content, PARTS);
        user
    };
    let digest = sha256(&content);
    user.put(&format!("blobs/{digest}.incomplete"), &content[..30_000]);
    user.put(&format!("blobs/{digest}.part02.incomplete"), b"half a wheel");
    assert_eq!(user.pull().pulled().fetched, 60_000);
    assert_eq!(user.blobs(), [digest], "half a wheel is left");
}

#[test]
fn wrong_earlier_bytes_are_fetched_again() {
    let content = bytes(90_000);
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    for left in [vec![0; 40_000], vec![0; 90_000], vec![0; 100_000]] {
        let (_hub, user) = user(&format!("wrong-left-{}", left.len()), &content, &index);
        user.put(&format!("blobs/{}.incomplete", sha256(&content)), &left);
        let outcome = user.pull();
        let restarts = |event: &&Event| matches!(event, Event::Restarted { .. });
        assert_eq!(outcome.events.iter().filter(restarts).count(), 1);
        assert_eq!(std::fs::read(outcome.pulled().path).unwrap(), content);
    }
}
