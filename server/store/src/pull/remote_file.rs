//! Asks the hub for a file's commit, checksum and length, before its bytes.
//!
//! The hub answers a large file with a redirect to its storage. The headers of that redirect
//! contain the facts, so it is not followed here. A renamed repository redirects within the hub;
//! that redirect is followed.

use super::attempt_error::{AttemptError, refusal, untrusted};
use super::attempts::{Attempts, TransientFailure};
use super::follow::{Followed, Redirects, is_redirect};
use super::redirect::display_url;
use super::{Event, Origin, Pull};
use crate::cache::{INDEX_REVISION, is_plain};
use crate::catalog::CatalogEntry;
use crate::error::StoreError;
use crate::http::{Http, HttpRequest};
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
                    self.wait_or_give_up(&mut attempts, 0, &url, failure)?;
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
        let mut commit = None;
        let redirects = Redirects {
            origin: Origin::Hub,
            home: &self.hub.endpoint,
            token: self.hub.token.as_ref(),
            max: MAX_REDIRECTS,
            drops_secrets: false,
        };
        let request = HttpRequest { head_only: true, ..HttpRequest::default() };
        let followed = redirects.send(http, url, request, |response| {
            commit = commit.take().or_else(|| response.header("x-repo-commit").map(str::to_owned));
            response.header("x-linked-etag").is_some()
        })?;
        let Followed { url, response, with_token, .. } = followed;
        let redirected = is_redirect(response.status);
        if !redirected && response.status != 200 {
            return Err(refusal(Origin::Hub, &url, &response, pinned, with_token));
        }
        let etag = response.header("x-linked-etag").or_else(|| response.header("etag")).map(bare);
        let (Some(commit), Some(etag)) = (commit, etag) else {
            return Err(untrusted(Origin::Hub, &url, "no commit or no etag").into());
        };
        if !is_plain(&commit) || !is_plain(etag) {
            let what = "a commit or etag that is not a plain name";
            return Err(untrusted(Origin::Hub, &url, what).into());
        }
        let length = response.number("content-length").filter(|_| !redirected);
        Ok(RemoteFile {
            url: self.hub.url(&entry.repository, &commit, &entry.file),
            etag: etag.to_owned(),
            total: response.number("x-linked-size").or(length),
            commit,
        })
    }
}

/// Returns an etag without its quotes and without the prefix of a weak one.
fn bare(etag: &str) -> &str {
    etag.trim_start_matches("W/").trim_matches('"')
}
