//! Pulls a file from the model hub.

use super::attempts::{MAX_ATTEMPTS, MAX_ATTEMPTS_WITH_FALLBACK};
use super::partial::Partial;
use super::redirect::display_url;
use super::remote_file::RemoteFile;
use super::transfer::{ProgressShare, Transfer, check_free_space};
use super::{Event, FetchedBlob, Origin, Pull, remove_parts};
use crate::cache::{MainUpdate, incomplete, is_sha256};
use crate::catalog::CatalogEntry;
use crate::error::StoreError;
use crate::http::{Http, Route};
use crate::pins::Pin;

/// Maximum length of a file without a known size.
const MAX_BYTES: u64 = 64_000_000_000;

impl Pull<'_> {
    /// Pulls the file from the hub. If there is another source, it gives up on an unreachable hub
    /// sooner.
    pub(super) fn pull_from_hub(
        &mut self,
        entry: &CatalogEntry,
        pin: Option<&Pin>,
        has_fallback: bool,
    ) -> Result<FetchedBlob, StoreError> {
        let address = display_url(&self.hub.endpoint);
        (self.report)(Event::Asking { origin: Origin::Hub, address, packages: None });
        let mut http = Http::new(self.timeouts, Route::default());
        let limit = if has_fallback { MAX_ATTEMPTS_WITH_FALLBACK } else { MAX_ATTEMPTS };
        let remote = self.find_remote(&mut http, entry, pin, limit)?;
        let expected = expected(entry, pin, &remote)?;
        check_length(entry, pin, &remote)?;
        let (blobs, _held) = self.lock_blob(entry, &remote.etag)?;
        let fetched_blob = |remote: RemoteFile, sha256, bytes, fetched| FetchedBlob {
            commit: remote.commit,
            etag: remote.etag,
            main: MainUpdate::Moves,
            sha256,
            bytes,
            fetched,
        };
        if let Some((sha256, bytes)) =
            self.find_blob(entry, &blobs, &remote.etag, expected.as_deref())?
        {
            return Ok(fetched_blob(remote, sha256, bytes, 0));
        }
        let mut partial = Partial::open(&blobs, incomplete(&remote.etag))?;
        let fetched = self.fetch(&mut http, entry, pin, &remote, expected.as_deref(), &mut partial);
        let (sha256, fetched) = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                partial.sweep()?;
                return Err(error);
            }
        };
        let bytes = partial.len();
        partial.publish(&remote.etag)?;
        remove_parts(entry, &blobs, &remote.etag);
        Ok(fetched_blob(remote, sha256, bytes, fetched))
    }

    /// Fills the file. Returns the checksum and the bytes fetched.
    fn fetch(
        &mut self,
        http: &mut Http,
        entry: &CatalogEntry,
        pin: Option<&Pin>,
        remote: &RemoteFile,
        expected: Option<&str>,
        partial: &mut Partial<'_>,
    ) -> Result<(String, u64), StoreError> {
        let about = entry.about_bytes();
        let exact = exact_bytes(entry, pin);
        let mut transfer = Transfer {
            origin: Origin::Hub,
            url: &remote.url,
            home: &self.hub.endpoint,
            token: self.hub.token.as_ref(),
            name: &entry.file,
            total: remote.total,
            likely: exact.or(about).unwrap_or_default(),
            limit: exact.or(about.map(|about| about.saturating_mul(2))).unwrap_or(MAX_BYTES),
            progress: ProgressShare::Whole,
            validator: None,
            fetched: 0,
        };
        let path = partial.path().to_path_buf();
        let folder = path.parent().unwrap_or(&path);
        let fits = |needed| check_free_space(&entry.name, folder, needed);
        self.transfer(http, &mut transfer, partial, expected, &fits)?;
        if expected.is_none() && !partial.is_plausible(entry)? {
            let (url, bytes) = (display_url(&remote.url), partial.len());
            partial.restart()?;
            let known = about.unwrap_or_default();
            return Err(StoreError::Implausible { url, bytes, known });
        }
        Ok((partial.finish()?, transfer.fetched))
    }
}

/// Returns the checksum that the file must have: from the catalog, the pin, or the server.
fn expected(
    entry: &CatalogEntry,
    pin: Option<&Pin>,
    remote: &RemoteFile,
) -> Result<Option<String>, StoreError> {
    let known = entry.sha256.as_ref().or(pin.map(|pin| &pin.sha256));
    let offered = is_sha256(&remote.etag).then_some(&remote.etag);
    match (known, offered) {
        (Some(known), Some(offered)) if known != offered => Err(StoreError::Moved {
            in_catalog: entry.sha256.is_some(),
            url: display_url(&remote.url),
            name: entry.name.clone(),
            offered: offered.clone(),
            pinned: known.clone(),
        }),
        _ => Ok(known.or(offered).cloned()),
    }
}

/// Returns the length that the file must have, if the catalog or a pin identifies the file.
fn exact_bytes(entry: &CatalogEntry, pin: Option<&Pin>) -> Option<u64> {
    let catalog = entry.bytes.filter(|_| entry.sha256.is_some());
    catalog.or(pin.map(|pin| pin.bytes))
}

fn check_length(
    entry: &CatalogEntry,
    pin: Option<&Pin>,
    remote: &RemoteFile,
) -> Result<(), StoreError> {
    match (exact_bytes(entry, pin), remote.total) {
        (Some(known), Some(total)) if known != total => Err(StoreError::Length {
            url: display_url(&remote.url),
            name: entry.name.clone(),
            told: format!("{total} bytes"),
            known: format!("{known}"),
            origin: Origin::Hub,
        }),
        _ => Ok(()),
    }
}
