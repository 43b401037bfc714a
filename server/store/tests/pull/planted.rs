//! A cache in which another user has planted links, and concurrent pulls.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Barrier};

use lowkey_test_support::hub::{HttpServer, Reply};

use crate::index::{parted, shelf, wheels};
use crate::model::{COMMIT, User, bytes, honest, index_at, sha256};

/// Paths of planted links, below the cache; `SHA` is replaced by the file's checksum.
const FILES: [&str; 6] = [
    "REPOSITORY/blobs/SHA.incomplete",
    "REPOSITORY/blobs/SHA.part01.incomplete",
    "REPOSITORY/blobs/SHA",
    ".locks/REPOSITORY/SHA.lock",
    "REPOSITORY/refs/main",
    "REPOSITORY/snapshots/COMMIT/FILE",
];

fn plant(user: &User, place: &str, content: &[u8], target: &Path) {
    let repository = format!("models--{}", user.entry.repository.replace('/', "--"));
    let place = place
        .replace("REPOSITORY", &repository)
        .replace("SHA", &sha256(content))
        .replace("COMMIT", COMMIT)
        .replace("FILE", &user.entry.file);
    let place = user.folder.join("hub").join(place);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    symlink(target, place).unwrap();
}

#[test]
fn planted_link_is_replaced() {
    let content = bytes(9_000);
    let hub = HttpServer::start(honest(content.clone()));
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    for (at, place) in FILES.into_iter().enumerate() {
        for from_index in [false, true] {
            let mut user = User::new(&format!("planted-{at}-{from_index}"), &hub.url());
            user.entry = parted(&content, 3);
            if from_index {
                user.index = index_at(&format!("{}/simple", index.url()));
                user.from = Some(lowkey_store::Origin::Index);
            }
            let precious = user.folder.join("precious");
            std::fs::write(&precious, "precious text of mine").unwrap();
            plant(&user, place, &content, &precious);
            // The link in the place of the file itself points to a file that is not the model.
            let snapshot = place.ends_with("FILE");
            user.update = snapshot;
            let pulled = user.pull().pulled();
            assert_eq!(std::fs::read(&pulled.path).unwrap(), content, "{place}");
            let kept = std::fs::read_to_string(&precious).unwrap();
            assert_eq!(kept, "precious text of mine", "{place}");
            let blob = user.place(&format!("blobs/{}", sha256(&content)));
            assert!(blob.symlink_metadata().unwrap().is_file(), "{place}: the blob is a link");
        }
    }
}

#[test]
fn planted_folder_is_refused() {
    let content = bytes(9_000);
    let server = HttpServer::start(honest(content.clone()));
    for (at, place) in
        ["REPOSITORY", "REPOSITORY/blobs", "REPOSITORY/snapshots", "REPOSITORY/refs", ".locks"]
            .into_iter()
            .enumerate()
    {
        let user = User::new(&format!("planted-folder-{at}"), &server.url());
        let home = user.folder.join("home");
        std::fs::create_dir(&home).unwrap();
        plant(&user, place, &content, &home);
        user.pull().fails(&["may have been planted", "HF_HUB_CACHE"]);
        assert_eq!(std::fs::read_dir(&home).unwrap().count(), 0, "{place}");
    }
    assert!(server.requests().iter().all(|seen| seen.method == "HEAD"), "refused before the bytes");
}

#[test]
fn remove_follows_no_planted_folder() {
    let server = HttpServer::start(honest(bytes(9_000)));
    let user = User::new("planted-rm", &server.url());
    let home = user.folder.join("home");
    std::fs::create_dir_all(home.join(COMMIT)).unwrap();
    let precious = home.join(COMMIT).join(&user.entry.file);
    std::fs::write(&precious, "mine").unwrap();
    plant(&user, "REPOSITORY/snapshots", b"", &home);
    let gone = lowkey_store::remove(&user.hub, &user.pins, &user.entry).unwrap();
    assert_eq!((gone.len(), precious.exists()), (0, true));
}

#[test]
fn concurrent_pulls_all_succeed() {
    let content = bytes(60_000);
    let whole = content.clone();
    // Without a lock that orders them, some of the pulls would publish at the same moment.
    let hub = HttpServer::start(move |seen| Reply { piece: 4_000, ..honest(whole.clone())(seen) });
    let index = HttpServer::start(shelf(wheels(&content, 3)));
    for round in 0..20 {
        let mut user = User::new(&format!("at-once-{round}"), &hub.url());
        user.entry = parted(&content, 3);
        user.index = index_at(&format!("{}/simple", index.url()));
        let user = Arc::new(user);
        let start = Arc::new(Barrier::new(4));
        let pulls: Vec<_> = (0..4)
            .map(|at| {
                let (user, start) = (user.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    let from = [None, Some(lowkey_store::Origin::Index)][at % 2];
                    user.pull_from(from, |_| {}).pulled()
                })
            })
            .collect();
        let pulled: Vec<_> = pulls.into_iter().map(|pull| pull.join().unwrap()).collect();
        for pulled in pulled {
            assert_eq!(std::fs::read(&pulled.path).unwrap(), content, "round {round}");
            assert_eq!(pulled.pin.sha256, sha256(&content));
        }
        assert_eq!(user.blobs(), [sha256(&content)], "round {round}");
    }
}

#[test]
fn pin_of_a_faster_pull_stays() {
    let (first, second) = (bytes(5_000), bytes(6_000));
    let server = HttpServer::start(honest(first));
    let user = Arc::new(User::new("pins-race", &server.url()));
    let other = HttpServer::start(honest(second.clone()));
    // While the first pull's bytes arrive, another pull from another server ends.
    let mut faster = User::new("pins-race-other", &other.url());
    faster.pins = user.pins.clone();
    let mut done = false;
    let outcome = user.pull_telling(|event| {
        if matches!(event, lowkey_store::Event::Begun { .. }) && !std::mem::replace(&mut done, true)
        {
            faster.pull().pulled();
        }
    });
    outcome.fails(&["another pull has just pinned", &sha256(&second), "--update"]);
    assert_eq!(user.pins.get(&user.entry.name).unwrap().unwrap().sha256, sha256(&second));
}
