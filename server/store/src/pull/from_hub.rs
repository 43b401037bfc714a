//! Pulls a file from the model hub.

use super::attempts::{LIMIT, LIMIT_WITH_FALLBACK};
use super::offer::Offer;
use super::partial::Partial;
use super::redirect::shown;
use super::transfer::{Course, Shown, room};
use super::{Brought, Event, Origin, Pull, remove_parts};
use crate::cache::{Main, incomplete, is_sha256};
use crate::catalog::Entry;
use crate::error::StoreError;
use crate::http::{Http, Route};
use crate::pins::Pin;

/// Maximum length of a file without a known size.
const LONGEST: u64 = 64_000_000_000;

impl Pull<'_> {
    /// Pulls the file from the hub. If there is another source, it gives up on an unreachable hub
    /// sooner.
    pub(super) fn pull_from_hub(
        &mut self,
        entry: &Entry,
        pin: Option<&Pin>,
        has_fallback: bool,
    ) -> Result<Brought, StoreError> {
        let address = shown(&self.hub.endpoint);
        (self.report)(Event::Asking { origin: Origin::Hub, address, packages: None });
        let mut http = Http::new(self.patience, Route::default());
        let limit = if has_fallback { LIMIT_WITH_FALLBACK } else { LIMIT };
        let offer = self.ask(&mut http, entry, pin, limit)?;
        let expected = expected(entry, pin, &offer)?;
        check_length(entry, pin, &offer)?;
        let (blobs, _held) = self.hold(entry, &offer.etag)?;
        let brought = |offer: Offer, sha256, bytes, fetched| Brought {
            commit: offer.commit,
            etag: offer.etag,
            main: Main::Moves,
            sha256,
            bytes,
            fetched,
        };
        if let Some((sha256, bytes)) =
            self.present(entry, &blobs, &offer.etag, expected.as_deref())?
        {
            return Ok(brought(offer, sha256, bytes, 0));
        }
        let mut partial = Partial::open(&blobs, incomplete(&offer.etag))?;
        let fetched = self.fetch(&mut http, entry, pin, &offer, expected.as_deref(), &mut partial);
        let (sha256, fetched) = match fetched {
            Ok(fetched) => fetched,
            Err(error) => {
                partial.sweep()?;
                return Err(error);
            }
        };
        let bytes = partial.len();
        partial.publish(&offer.etag)?;
        remove_parts(entry, &blobs, &offer.etag);
        Ok(brought(offer, sha256, bytes, fetched))
    }

    /// Fills the file. Returns the checksum and the bytes fetched.
    fn fetch(
        &mut self,
        http: &mut Http,
        entry: &Entry,
        pin: Option<&Pin>,
        offer: &Offer,
        expected: Option<&str>,
        partial: &mut Partial<'_>,
    ) -> Result<(String, u64), StoreError> {
        let about = entry.about_bytes();
        let exact = exact_bytes(entry, pin);
        let mut course = Course {
            origin: Origin::Hub,
            url: &offer.url,
            home: &self.hub.endpoint,
            token: self.hub.token.as_ref(),
            name: &entry.file,
            total: offer.total,
            likely: exact.or(about).unwrap_or_default(),
            limit: exact.or(about.map(|about| about.saturating_mul(2))).unwrap_or(LONGEST),
            shown: Shown::Whole,
            validator: None,
            fetched: 0,
        };
        let path = partial.path().to_path_buf();
        let folder = path.parent().unwrap_or(&path);
        let fits = |needed| room(&entry.name, folder, needed);
        self.transfer(http, &mut course, partial, expected, &fits)?;
        if expected.is_none() && !partial.is_plausible(entry)? {
            let (url, bytes) = (shown(&offer.url), partial.len());
            partial.restart()?;
            let known = about.unwrap_or_default();
            return Err(StoreError::Implausible { url, bytes, known });
        }
        Ok((partial.finish()?, course.fetched))
    }
}

/// Returns the checksum that the file must have: from the catalog, the pin, or the server.
fn expected(entry: &Entry, pin: Option<&Pin>, offer: &Offer) -> Result<Option<String>, StoreError> {
    let known = entry.sha256.as_ref().or(pin.map(|pin| &pin.sha256));
    let offered = is_sha256(&offer.etag).then_some(&offer.etag);
    match (known, offered) {
        (Some(known), Some(offered)) if known != offered => Err(StoreError::Moved {
            in_catalog: entry.sha256.is_some(),
            url: shown(&offer.url),
            name: entry.name.clone(),
            offered: offered.clone(),
            pinned: known.clone(),
        }),
        _ => Ok(known.or(offered).cloned()),
    }
}

/// Returns the length that the file must have, if the catalog or a pin identifies the file.
fn exact_bytes(entry: &Entry, pin: Option<&Pin>) -> Option<u64> {
    let catalog = entry.bytes.filter(|_| entry.sha256.is_some());
    catalog.or(pin.map(|pin| pin.bytes))
}

fn check_length(entry: &Entry, pin: Option<&Pin>, offer: &Offer) -> Result<(), StoreError> {
    match (exact_bytes(entry, pin), offer.total) {
        (Some(known), Some(total)) if known != total => Err(StoreError::Length {
            url: shown(&offer.url),
            name: entry.name.clone(),
            told: format!("{total} bytes"),
            known: format!("{known}"),
            origin: Origin::Hub,
        }),
        _ => Ok(()),
    }
}
