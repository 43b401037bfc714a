//! Finds, checks and removes models in the cache.
//!
//! Other tools share the cache, so only the file of one catalog row is removed.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::cache::{incomplete, incomplete_part, is_plain, is_sha256};
use crate::catalog::CatalogEntry;
use crate::error::{StoreError, disk};
use crate::event::Event;
use crate::hub::Hub;
use crate::pins::{Pin, Pins};

/// Returns the pin of a row, if it refers to the row's file.
pub fn pin_of(pins: &Pins, entry: &CatalogEntry) -> Result<Option<Pin>, StoreError> {
    let pin = pins.get(&entry.name).map_err(disk("read", pins.path()))?;
    Ok(pin.filter(|pin| pin.repository == entry.repository && pin.file == entry.file))
}

/// Returns the cached file of a row, if there is one: the pinned file, or any without a pin.
pub fn cached_file(hub: &Hub, entry: &CatalogEntry, pin: Option<&Pin>) -> Option<PathBuf> {
    let (repository, file) = (&entry.repository, &entry.file);
    let Some(pin) = pin else { return hub.cache.find(repository, file, None) };
    let places = hub.cache.paths_in_snapshots(repository, file);
    let at_commit = |path: &&PathBuf| {
        path.parent().and_then(Path::file_name).and_then(|name| name.to_str())
            == pin.commit.as_deref()
    };
    let same_bytes = |path: &&PathBuf| blob_name(path).as_ref() == Some(&pin.sha256);
    let found = places.iter().find(at_commit).or_else(|| places.iter().find(same_bytes));
    found.filter(|path| path.is_file()).cloned()
}

/// Returns the name of the blob that a link points to, if the name is a checksum.
fn blob_name(path: &Path) -> Option<String> {
    let target = std::fs::read_link(path).ok()?;
    target.file_name()?.to_str().filter(|name| is_sha256(name)).map(str::to_owned)
}

/// Reads a cached file and compares its checksum. Returns checksum and length.
///
/// Without a pin, the name in the cache is the expected checksum: every tool names large files by
/// their checksum.
pub fn verify(
    entry: &CatalogEntry,
    pin: Option<&Pin>,
    path: &Path,
    report: &mut dyn FnMut(Event),
) -> Result<(String, u64), StoreError> {
    let file = File::open(path).map_err(disk("open", path))?;
    let (found, bytes) = sha256(file, path, report)?;
    let pinned = entry.sha256.clone().or_else(|| pin.map(|pin| pin.sha256.clone()));
    match pinned.or_else(|| blob_name(path)) {
        Some(expected) if expected != found => Err(StoreError::Damaged {
            name: entry.name.clone(),
            path: path.to_path_buf(),
            expected,
            found,
        }),
        _ => Ok((found, bytes)),
    }
}

/// Returns checksum and length of an open file; `path` is for messages.
pub(crate) fn sha256(
    mut file: File,
    path: &Path,
    report: &mut dyn FnMut(Event),
) -> Result<(String, u64), StoreError> {
    let bytes = file.metadata().map_err(disk("read", path))?.len();
    report(Event::Checking { bytes });
    let mut checksum = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut len = 0;
    loop {
        let n = file.read(&mut buffer).map_err(disk("read", path))?;
        let Some(bytes) = buffer.get(..n).filter(|bytes| !bytes.is_empty()) else { break };
        checksum.update(bytes);
        len += n as u64;
    }
    Ok((hex(&checksum.finalize()), len))
}

/// Returns lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16);
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(digit).collect()
}

/// Removes a row's file, its unfinished bytes and its pin. Returns the removed files.
///
/// A blob stays if another file of the repository links to it.
pub fn remove(hub: &Hub, pins: &Pins, entry: &CatalogEntry) -> Result<Vec<PathBuf>, StoreError> {
    let (repository, cache) = (&entry.repository, &hub.cache);
    let pinned = pin_of(pins, entry)?;
    let mut gone = Vec::new();
    let mut names: Vec<String> = pinned.iter().map(|pin| pin.sha256.clone()).collect();
    names.extend(entry.sha256.clone());
    for path in cache.paths_in_snapshots(repository, &entry.file) {
        let target = std::fs::read_link(&path).ok();
        let name = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        names.extend(name.filter(|name| is_plain(name)).map(str::to_owned));
        std::fs::remove_file(&path).map_err(disk("remove", &path))?;
        gone.push(path);
    }
    names.sort();
    names.dedup();
    let linked: Vec<_> =
        cache.all_files(repository).iter().filter_map(|p| std::fs::read_link(p).ok()).collect();
    if cache.repository(repository).is_dir() {
        let blobs = cache.repository(repository).join("blobs");
        let blobs = cache.blobs(repository).map_err(disk("open", &blobs))?;
        for name in names {
            let used = linked.iter().any(|link| link.file_name().is_some_and(|f| *f == *name));
            let parts = entry.index.as_ref().map_or(0, |wheels| wheels.parts);
            let bytes = (1..=parts).map(|part| incomplete_part(&name, part));
            let bytes = [name.clone(), incomplete(&name)].into_iter().chain(bytes);
            for name in bytes.filter(|name| !used && blobs.has(name)) {
                let path = blobs.path().join(&name);
                blobs.remove(&name).map_err(disk("remove", &path))?;
                gone.push(path);
            }
        }
    }
    sweep(&cache.repository(repository));
    pins.remove(&entry.name).map_err(disk("write", pins.path()))?;
    Ok(gone)
}

/// Removes the folders of a repository that have become empty.
fn sweep(repository: &Path) {
    let snapshots = repository.join("snapshots");
    let commits = std::fs::read_dir(&snapshots).into_iter().flatten().flatten();
    for commit in commits {
        let _ = std::fs::remove_dir(commit.path());
    }
    if std::fs::remove_dir(&snapshots).is_ok() {
        let _ = std::fs::remove_dir(repository.join("blobs"));
        let refs = repository.join("refs");
        let _ = std::fs::remove_file(refs.join("main"));
        let _ = std::fs::remove_dir(refs);
        let _ = std::fs::remove_dir(repository);
    }
}
