//! A hub repository with one file, as the hub serves it: a redirect with the file's facts, and a
//! storage server with the bytes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lowkey_store::{
    AuthToken, Cache, CatalogEntry, Event, Hub, Index, Origin, Pins, Pull, Pulled, StoreError,
    Timeouts, entry,
};
use lowkey_test_support::hub::{ReceivedRequest, Reply};
use sha2::{Digest, Sha256};

pub(crate) const COMMIT: &str = "c0ffee";

/// Returns bytes without repetitions.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digits: Vec<_> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Returns the hub's answer for a file: a redirect with the file's facts.
pub(crate) fn linked(bytes: &[u8], commit: &str, storage: &str) -> Reply {
    Reply::status(302)
        .with("X-Repo-Commit", commit)
        .with("X-Linked-Etag", format!("\"{}\"", sha256(bytes)))
        .with("X-Linked-Size", bytes.len().to_string())
        .with("Location", format!("{storage}/storage?Signature=secret"))
}

/// Returns the storage's answer: the requested range, or all bytes.
pub(crate) fn stored(bytes: &[u8], seen: &ReceivedRequest) -> Reply {
    let tag = |reply: Reply| reply.with("ETag", "\"storage-tag\"");
    match seen.from() {
        None => tag(Reply { status: 200, body: bytes.to_vec(), ..Reply::default() }),
        Some(from) if from >= bytes.len() => {
            Reply::status(416).with("Content-Range", format!("bytes */{}", bytes.len()))
        }
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            let body = bytes[from..].to_vec();
            tag(Reply { status: 206, body, ..Reply::default() }).with("Content-Range", range)
        }
    }
}

/// Returns a working hub.
pub(crate) fn honest(bytes: Vec<u8>) -> impl Fn(&ReceivedRequest) -> Reply {
    move |seen| {
        if seen.path.starts_with("/storage") {
            stored(&bytes, seen)
        } else {
            linked(&bytes, COMMIT, "")
        }
    }
}

/// Returns a hub whose storage answers with `storage`, which gets the number of the request,
/// counted from 0.
pub(crate) fn storage(
    bytes: Vec<u8>,
    storage: impl Fn(usize, &ReceivedRequest, Reply) -> Reply,
) -> impl Fn(&ReceivedRequest) -> Reply {
    let count = AtomicUsize::new(0);
    move |seen| {
        if !seen.path.starts_with("/storage") {
            return linked(&bytes, COMMIT, "");
        }
        storage(count.fetch_add(1, Ordering::SeqCst), seen, stored(&bytes, seen))
    }
}

/// Returns the index of `PIP_INDEX_URL`, without the pip configuration of this machine.
pub(crate) fn index_at(url: &str) -> Index {
    let find = |name: &str| match name {
        "PIP_INDEX_URL" => Some(url.into()),
        "PIP_CONFIG_FILE" => Some(if cfg!(windows) { "nul" } else { "/dev/null" }.into()),
        _ => None,
    };
    Index::read(find, None)
}

/// A user with a separate cache folder and pins.
pub(crate) struct User {
    pub(crate) folder: PathBuf,
    pub(crate) entry: CatalogEntry,
    pub(crate) hub: Hub,
    pub(crate) index: Index,
    pub(crate) from: Option<Origin>,
    pub(crate) pins: Pins,
    pub(crate) timeouts: Timeouts,
    pub(crate) update: bool,
}

/// The result of a pull.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Pulled, StoreError>,
    pub(crate) waits: Vec<u64>,
    pub(crate) events: Vec<Event>,
}

impl Outcome {
    #[track_caller]
    pub(crate) fn pulled(self) -> Pulled {
        self.result.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Asserts that the pull failed with a message that contains all these words.
    #[track_caller]
    pub(crate) fn fails(&self, words: &[&str]) {
        let message = self.result.as_ref().map_or_else(ToString::to_string, |p| panic!("{p:?}"));
        assert!(!message.contains("secret"), "a signature or token is shown: {message}");
        for word in words {
            assert!(message.contains(word), "{message:?} lacks {word:?}");
        }
    }
}

impl User {
    pub(crate) fn new(name: &str, endpoint: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("lowkey-pull-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let hub = Hub {
            endpoint: endpoint.to_owned(),
            token: AuthToken::new("hf_secret"),
            offline: false,
            cache: Cache::new(folder.join("hub")),
        };
        let pins = Pins::at(folder.join("models.toml"));
        Self {
            folder,
            entry: Self::row().clone(),
            hub,
            index: index_at("http://127.0.0.1:1/simple"),
            from: None,
            pins,
            timeouts: Timeouts::default(),
            update: false,
        }
    }

    /// The catalog row that the tests pull.
    pub(crate) fn row() -> &'static CatalogEntry {
        entry("qwen2.5-coder-0.5b").unwrap()
    }

    pub(crate) fn pull(&self) -> Outcome {
        self.pull_telling(|_| {})
    }

    pub(crate) fn pull_telling(&self, tell: impl FnMut(&Event)) -> Outcome {
        self.pull_from(self.from, tell)
    }

    pub(crate) fn pull_from(&self, from: Option<Origin>, mut tell: impl FnMut(&Event)) -> Outcome {
        let (mut waits, mut events) = (Vec::new(), Vec::new());
        let result = Pull {
            hub: &self.hub,
            index: &self.index,
            from,
            pins: &self.pins,
            update: self.update,
            timeouts: self.timeouts,
            wait: &mut |time: Duration| waits.push(time.as_secs()),
            report: &mut |event| {
                tell(&event);
                events.push(event);
            },
        }
        .run(&self.entry);
        Outcome { result, waits, events }
    }

    /// Returns a path in the repository's folder of the cache.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        let repository = format!("models--{}", Self::row().repository.replace('/', "--"));
        self.folder.join("hub").join(repository).join(path)
    }

    /// Writes a file there, as another tool or an earlier pull would.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.place(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Returns the names in the blobs folder, sorted.
    pub(crate) fn blobs(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.place("blobs")).into_iter().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
