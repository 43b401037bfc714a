//! Asks the hub for a file's commit, checksum and length, before its bytes.
//!
//! The hub answers a large file with a redirect to its storage. The headers of that redirect
//! contain the facts, so it is not followed here. A renamed repository redirects within the hub;
//! that redirect is followed.

use super::attempts::{Attempts, TransientFailure};
use super::redirect::{display_url, follow, origin};
use super::{Event, Origin, Pull};
use crate::cache::{INDEX_REVISION, is_plain};
use crate::catalog::CatalogEntry;
use crate::error::StoreError;
use crate::http::{Http, HttpRequest, HttpResponse, TransportError};
use crate::pins::Pin;

const MAX_REDIRECTS: usize = 5;

/// A file as the hub describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// Address of the file at its commit.
    pub(super) url: String,
    /// The commit; safe as the name of a folder.
    pub(super) commit: String,
    /// The identifier of the bytes, for every large file a SHA-256; safe as the name of a file.
    pub(super) etag: String,
    /// Length in bytes.
    pub(super) total: Option<u64>,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum AttemptError {
    Transient(TransientFailure),
    Permanent(StoreError),
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Permanent(error)
    }
}

/// Converts a failed request to an error.
pub(super) fn transport_error(origin: Origin, url: &str, error: TransportError) -> AttemptError {
    let url = display_url(url);
    match error {
        TransportError::Transient(reason) => AttemptError::Transient(TransientFailure::new(reason)),
        TransportError::Permanent(reason) => StoreError::Unreachable { origin, url, reason }.into(),
        TransportError::NoTls => StoreError::NoTls { url }.into(),
    }
}

/// Converts an answer that is neither the file nor a redirect to an error.
pub(super) fn refusal(
    origin: Origin,
    url: &str,
    answer: &HttpResponse,
    pinned: bool,
    with_token: bool,
) -> AttemptError {
    let (status, url) = (answer.status, display_url(url));
    match status {
        401 | 403 if origin == Origin::Index => StoreError::IndexDenied { url, status }.into(),
        401 | 403 => StoreError::Denied { url, status, with_token }.into(),
        404 | 410 if origin == Origin::Hub => StoreError::Gone { url, status, pinned }.into(),
        408 | 425 | 429 | 500..=599 => {
            let seconds = answer.number("retry-after");
            let retry_after = seconds.map(std::time::Duration::from_secs);
            AttemptError::Transient(TransientFailure {
                reason: format!("the server answered {status}"),
                retry_after,
            })
        }
        _ => StoreError::Answer { origin, url, status }.into(),
    }
}

impl Pull<'_> {
    /// Asks for the file at `main`, or at the pinned commit.
    pub(super) fn find_remote(
        &mut self,
        http: &mut Http,
        entry: &CatalogEntry,
        pin: Option<&Pin>,
        limit: u32,
    ) -> Result<RemoteFile, StoreError> {
        let pinned = pin.and_then(|pin| pin.commit.as_deref());
        // A file from a package index has no commit of the hub; its checksum identifies it.
        let pinned = pinned.filter(|commit| is_plain(commit) && *commit != INDEX_REVISION);
        let url = self.hub.url(&entry.repository, pinned.unwrap_or("main"), &entry.file);
        let mut attempts = Attempts::new(limit);
        loop {
            match self.find_remote_once(http, entry, &url, pinned.is_some()) {
                Ok(remote) => return Ok(remote),
                Err(AttemptError::Permanent(error)) => return Err(error),
                Err(AttemptError::Transient(failure)) => {
                    self.wait_or_give_up(&mut attempts, 0, &url, failure)?
                }
            }
        }
    }

    /// Waits before another attempt, or gives up.
    pub(super) fn wait_or_give_up(
        &mut self,
        attempts: &mut Attempts,
        have: u64,
        url: &str,
        failure: TransientFailure,
    ) -> Result<(), StoreError> {
        let Some(after) = attempts.failed(have, &failure) else {
            let (url, attempts, kept) = (display_url(url), attempts.failed, have > 0);
            return Err(StoreError::GivenUp { url, reason: failure.reason, attempts, kept });
        };
        (self.report)(Event::Again { reason: failure.reason, after });
        (self.wait)(after);
        Ok(())
    }

    fn find_remote_once(
        &self,
        http: &mut Http,
        entry: &CatalogEntry,
        url: &str,
        pinned: bool,
    ) -> Result<RemoteFile, AttemptError> {
        let mut url = url.to_owned();
        let mut commit = None;
        for _ in 0..=MAX_REDIRECTS {
            let at_home = origin(&url) == origin(&self.hub.endpoint);
            let token = self.hub.token.as_ref().filter(|_| at_home);
            let request = HttpRequest { head_only: true, token, ..HttpRequest::default() };
            let answer = http
                .send(&url, &request)
                .map_err(|none| transport_error(Origin::Hub, &url, none))?;
            commit = commit.or_else(|| answer.header("x-repo-commit").map(str::to_owned));
            let linked = answer.header("x-linked-etag");
            let redirected = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
            if let Some(location) =
                answer.header("location").filter(|_| redirected && linked.is_none())
            {
                let next = follow(&url, location);
                url = next.ok_or_else(|| {
                    untrusted(Origin::Hub, &url, "a redirect to an unencrypted address")
                })?;
                continue;
            }
            if !redirected && answer.status != 200 {
                return Err(refusal(Origin::Hub, &url, &answer, pinned, token.is_some()));
            }
            let etag = linked.or_else(|| answer.header("etag")).map(bare);
            let (Some(commit), Some(etag)) = (commit, etag) else {
                return Err(untrusted(Origin::Hub, &url, "no commit or no etag").into());
            };
            if !is_plain(&commit) || !is_plain(etag) {
                return Err(untrusted(
                    Origin::Hub,
                    &url,
                    "a commit or etag that is not a plain name",
                )
                .into());
            }
            let length = answer.number("content-length").filter(|_| !redirected);
            return Ok(RemoteFile {
                url: self.hub.url(&entry.repository, &commit, &entry.file),
                etag: etag.to_owned(),
                total: answer.number("x-linked-size").or(length),
                commit,
            });
        }
        Err(untrusted(Origin::Hub, &url, "too many redirects").into())
    }
}

pub(super) fn untrusted(origin: Origin, url: &str, what: &str) -> StoreError {
    StoreError::Untrusted { origin, url: display_url(url), what: what.to_owned() }
}

/// Returns an etag without its quotes and without the prefix of a weak one.
fn bare(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}
