//! Pulling a model: from a name to a checked file in the shared cache, whatever the network does on the way.
//!
//! 1. A file that is here already, pulled by whichever tool, is checked and pinned; nothing is asked.
//! 2. The hub says commit, checksum and length ([`offer`]).
//! 3. One process at a time writes a file; what an earlier one left is continued ([`transfer`]).
//! 4. The checksum decides. Only then does the file appear under its name, by a rename, and its pin is written.
//!
//! Invariant: a file under its final name has had the checksum of its pin.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::is_sha256;
use crate::catalog::Entry;
use crate::error::{StoreError, disk};
use crate::http::{Http, Patience};
use crate::hub::Hub;
use crate::kept;
use crate::pins::{Pin, Pins};

mod attempts;
mod lock;
mod offer;
mod partial;
mod redirect;
mod transfer;

use offer::Offer;

/// What happens during a pull, for whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A file that is here is read to compute its checksum.
    Checking {
        /// Its length.
        bytes: u64,
    },
    /// Another process is pulling the same file.
    Waiting {
        /// Its process id, if it left one.
        holder: Option<u32>,
    },
    /// Bytes begin to arrive.
    Begun {
        /// Those that an earlier attempt left.
        have: u64,
        /// All of them, if the server said so.
        total: Option<u64>,
    },
    /// Bytes have arrived.
    Arrived {
        /// How many there are now.
        have: u64,
        /// All of them, if the server said so.
        total: Option<u64>,
    },
    /// An attempt failed; another follows.
    Again {
        /// What happened.
        reason: String,
        /// After this time.
        after: Duration,
    },
    /// What has arrived is of no use; the file begins from nothing.
    Restarted {
        /// Why.
        reason: String,
    },
}

/// A model that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The file.
    pub path: PathBuf,
    /// Its pin.
    pub pin: Pin,
    /// Bytes that came over the network, those of failed attempts included; 0 when it was here already.
    pub fetched: u64,
}

/// How to pull.
pub struct Pull<'a> {
    /// From where to where.
    pub hub: &'a Hub,
    /// What earlier pulls brought.
    pub pins: &'a Pins,
    /// Take what the repository has now, whatever the pin says.
    pub update: bool,
    /// How long to wait for the server.
    pub patience: Patience,
    /// Waits between attempts.
    pub wait: &'a mut dyn FnMut(Duration),
    /// Is told what happens.
    pub report: &'a mut dyn FnMut(Event),
}

impl Pull<'_> {
    /// Brings the model here, or finds that it is.
    pub fn run(&mut self, entry: &Entry) -> Result<Pulled, StoreError> {
        let pin = kept::pin(self.pins, entry)?;
        if !self.update
            && let Some(path) = kept::here(self.hub, entry, pin.as_ref())
        {
            return self.adopt(entry, pin.as_ref(), path);
        }
        if self.hub.offline {
            let folder = self.hub.cache.root().to_path_buf();
            return Err(StoreError::Offline { name: entry.name.clone(), folder });
        }
        let pin = pin.filter(|_| !self.update);
        let mut http = Http::new(self.patience);
        let offer = self.ask(&mut http, entry, pin.as_ref())?;
        let expected = expected(entry, pin.as_ref(), &offer)?;
        let (sha256, bytes, fetched) = self.bring(&mut http, entry, &offer, expected.as_deref())?;
        let cache = &self.hub.cache;
        let path = cache
            .publish(&entry.repository, &offer.commit, &entry.file, &offer.etag)
            .map_err(disk("link the file into", &cache.repository(&entry.repository)))?;
        let pin = self.pin(entry, Some(offer.commit), sha256, bytes)?;
        Ok(Pulled { path, pin, fetched })
    }

    /// A file that is here: it must be what its pin or its name in the cache says.
    fn adopt(
        &mut self,
        entry: &Entry,
        pin: Option<&Pin>,
        path: PathBuf,
    ) -> Result<Pulled, StoreError> {
        let (found, bytes) = kept::checked(entry, pin, &path, self.report)?;
        let commit = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let pin = self.pin(entry, commit.map(str::to_owned), found, bytes)?;
        Ok(Pulled { path, pin, fetched: 0 })
    }

    fn pin(
        &self,
        entry: &Entry,
        commit: Option<String>,
        sha256: String,
        bytes: u64,
    ) -> Result<Pin, StoreError> {
        let (repository, file) = (entry.repository.clone(), entry.file.clone());
        let pin = Pin { repository, file, commit, sha256, bytes };
        self.pins.set(&entry.name, Some(pin.clone())).map_err(disk("write", self.pins.path()))?;
        Ok(pin)
    }

    /// Makes the blob of this offer be there, whole and checked. Returns checksum, length and bytes fetched.
    fn bring(
        &mut self,
        http: &mut Http,
        entry: &Entry,
        offer: &Offer,
        expected: Option<&str>,
    ) -> Result<(String, u64, u64), StoreError> {
        let cache = &self.hub.cache;
        let blob = cache.blob(&entry.repository, &offer.etag);
        let folder = blob.parent().unwrap_or(cache.root());
        std::fs::create_dir_all(folder).map_err(disk("create the folder", folder))?;
        let lock = cache.lock(&entry.repository, &offer.etag);
        let _held = lock::hold(&lock, self.report)?;
        // Another process may have finished it meanwhile, or another commit has the same bytes.
        if blob.is_file() {
            let (found, bytes) = kept::sha256(&blob, self.report)?;
            if expected.is_none_or(|expected| expected == found) {
                return Ok((found, bytes, 0));
            }
            std::fs::remove_file(&blob).map_err(disk("remove the damaged", &blob))?;
        }
        let incomplete = cache.incomplete(&entry.repository, &offer.etag);
        let (found, bytes, fetched) = self.transfer(http, entry, offer, expected, &incomplete)?;
        std::fs::rename(&incomplete, &blob).map_err(disk("rename", &incomplete))?;
        Ok((found, bytes, fetched))
    }
}

/// The checksum that the file must have: from the catalog, the pin, or the server.
fn expected(entry: &Entry, pin: Option<&Pin>, offer: &Offer) -> Result<Option<String>, StoreError> {
    let known = entry.sha256.as_ref().or(pin.map(|pin| &pin.sha256));
    let offered = is_sha256(&offer.etag).then_some(&offer.etag);
    match (known, offered) {
        (Some(known), Some(offered)) if known != offered => Err(StoreError::Moved {
            url: offer.url.clone(),
            name: entry.name.clone(),
            offered: offered.clone(),
            pinned: known.clone(),
        }),
        _ => Ok(known.or(offered).cloned()),
    }
}
