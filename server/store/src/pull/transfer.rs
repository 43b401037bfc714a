//! Transfers one file from a server: requests it from the file's current end, writes bytes as they
//! arrive, and requests the rest when the connection stops.
//!
//! A range is requested only of a file that does not change (a commit, a wheel), and the checksum
//! decides in the end. Unfinished files of other tools and of earlier pulls can therefore be
//! continued.

use std::path::Path;

use super::attempt_error::{AttemptError, refusal, untrusted};
use super::attempts::{Attempts, MAX_ATTEMPTS, TransientFailure};
use super::follow::{Followed, Redirects};
use super::partial::Partial;
use super::redirect::display_url;
use super::{Event, Origin, Pull};
use crate::amount::amount;
use crate::error::StoreError;
use crate::http::{Http, HttpRequest, HttpResponse};
use crate::hub::AuthToken;
use lowkey_network::printable;

const MAX_REDIRECTS: usize = 10;
/// Bytes between two progress reports.
const CHUNK: usize = 1 << 18;

/// The parameters and state of a transfer.
pub(super) struct Transfer<'a> {
    pub(super) origin: Origin,
    pub(super) url: &'a str,
    /// The only server that receives the token.
    pub(super) home: &'a str,
    pub(super) token: Option<&'a AuthToken>,
    /// The file's name, for messages.
    pub(super) name: &'a str,
    pub(super) total: Option<u64>,
    /// Space to reserve if the server announces no length.
    pub(super) likely: u64,
    /// Maximum length of the file; a longer body is refused.
    pub(super) limit: u64,
    /// How the file counts in the progress of the pull.
    pub(super) progress: ProgressShare,
    /// The etag of the server that sent the bytes so far; the server sends the whole file if its
    /// file has changed since.
    pub(super) validator: Option<String>,
    pub(super) fetched: u64,
}

/// How the bytes of one file count in the progress of the whole pull.
#[derive(Debug, Clone, Copy)]
pub(super) enum ProgressShare {
    /// The file is the whole pull.
    Whole,
    /// The file provides the bytes from `start` to `end` of `total`; its own length may differ
    /// slightly.
    Part { start: u64, end: u64, total: u64 },
}

impl Transfer<'_> {
    fn arrived(&self, have: u64) -> Event {
        match self.progress {
            ProgressShare::Whole => Event::Arrived { have, total: self.total },
            ProgressShare::Part { start, end, total } => {
                Event::Arrived { have: start.saturating_add(have).min(end), total: Some(total) }
            }
        }
    }

    fn too_long(&self, told: u64) -> StoreError {
        StoreError::Length {
            url: display_url(self.url),
            name: self.name.to_owned(),
            told: format!("{} or more", amount(told)),
            known: format!("at most {}", amount(self.limit)),
            origin: self.origin,
        }
    }

    /// Refuses a length that the file cannot have.
    fn check_length(&self) -> Result<(), StoreError> {
        match self.total {
            Some(total) if total > self.limit => Err(self.too_long(total)),
            _ => Ok(()),
        }
    }
}

impl Pull<'_> {
    /// Fills a partial file. Returns its checksum, which equals the expected one if there is one.
    ///
    /// Calls `room` before each attempt with the number of missing bytes, to check that they fit.
    pub(super) fn transfer(
        &mut self,
        http: &mut Http,
        transfer: &mut Transfer<'_>,
        partial: &mut Partial<'_>,
        expected: Option<&str>,
        room: &dyn Fn(u64) -> Result<(), StoreError>,
    ) -> Result<String, StoreError> {
        for damaged in [false, true] {
            transfer.check_length()?;
            if partial.len() > transfer.total.unwrap_or(transfer.limit) {
                self.restart(partial, "there are more bytes than the file has")?;
            }
            room(transfer.total.unwrap_or(transfer.likely).saturating_sub(partial.len()))?;
            if matches!(transfer.progress, ProgressShare::Whole) {
                (self.report)(Event::Begun { have: partial.len(), total: transfer.total });
            }
            self.fill(http, transfer, partial)?;
            let found = partial.checksum();
            if expected.is_none_or(|expected| expected == found) {
                return Ok(found);
            }
            if damaged {
                partial.restart()?;
                return Err(StoreError::Checksum {
                    origin: transfer.origin,
                    file: transfer.name.to_owned(),
                    expected: expected.unwrap_or_default().to_owned(),
                    found,
                });
            }
            self.restart(partial, "the checksum is wrong")?;
            transfer.validator = None;
        }
        Err(untrusted(transfer.origin, transfer.url, "wrong bytes repeatedly"))
    }

    pub(super) fn restart(
        &mut self,
        partial: &mut Partial<'_>,
        reason: &str,
    ) -> Result<(), StoreError> {
        (self.report)(Event::Restarted { reason: reason.to_owned() });
        partial.restart()
    }

    /// Retries until the file is complete.
    fn fill(
        &mut self,
        http: &mut Http,
        transfer: &mut Transfer<'_>,
        partial: &mut Partial<'_>,
    ) -> Result<(), StoreError> {
        let mut attempts = Attempts::new(MAX_ATTEMPTS);
        while transfer.total != Some(partial.len()) {
            match self.fill_once(http, transfer, partial) {
                Ok(()) => return Ok(()),
                Err(AttemptError::Permanent(error)) => return Err(error),
                Err(AttemptError::Transient(failure)) => {
                    self.wait_or_give_up(&mut attempts, partial.len(), transfer.url, failure)?;
                }
            }
        }
        Ok(())
    }

    fn fill_once(
        &mut self,
        http: &mut Http,
        transfer: &mut Transfer<'_>,
        partial: &mut Partial<'_>,
    ) -> Result<(), AttemptError> {
        let answer = open(http, transfer, partial.len())?;
        match answer.status {
            200 => {
                if partial.len() > 0 {
                    self.restart(partial, "the server sends the whole file, not the rest")?;
                }
                transfer.total = transfer.total.or(answer.number("content-length"));
            }
            206 => {
                let (from, total) = content_range(&answer).unwrap_or_default();
                if from != Some(partial.len())
                    || (transfer.total.is_some() && total != transfer.total)
                {
                    self.restart(partial, "the server sends another part than was asked for")?;
                    return Err(AttemptError::Transient(TransientFailure::new(
                        "another part arrived",
                    )));
                }
                transfer.total = transfer.total.or(total);
            }
            // 416, the only other status that reaches this arm: the file ends at our length, or it
            // is a different file.
            _ => {
                let total = content_range(&answer).and_then(|(_, total)| total);
                if total == Some(partial.len()) && total.is_some() {
                    return Ok(());
                }
                self.restart(partial, "the server's file is shorter")?;
                return Err(AttemptError::Transient(TransientFailure::new(
                    "the part asked for is not there",
                )));
            }
        }
        transfer.check_length()?;
        let strong = answer.header("etag").filter(|etag| etag.starts_with('"'));
        transfer.validator = strong.map(str::to_owned);
        self.copy(answer, transfer, partial)
    }

    fn copy(
        &mut self,
        mut answer: HttpResponse,
        transfer: &mut Transfer<'_>,
        partial: &mut Partial<'_>,
    ) -> Result<(), AttemptError> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = match answer.body.read(&mut buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let reason = printable(&error.to_string());
                    return Err(AttemptError::Transient(TransientFailure::new(format!(
                        "the connection broke ({reason})"
                    ))));
                }
            };
            let bytes = buffer.get(..n).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            transfer.fetched += n as u64;
            if transfer.total.is_none() && partial.len() + n as u64 > transfer.limit {
                partial.restart()?;
                return Err(transfer.too_long(transfer.limit + 1).into());
            }
            partial.push(bytes)?;
            if transfer.total.is_some_and(|total| partial.len() > total) {
                self.restart(partial, "more bytes arrived than the file has")?;
                return Err(AttemptError::Transient(TransientFailure::new(
                    "too many bytes arrived",
                )));
            }
            (self.report)(transfer.arrived(partial.len()));
        }
        match transfer.total {
            Some(total) if partial.len() < total => {
                Err(AttemptError::Transient(TransientFailure::new("the connection ended early")))
            }
            _ => Ok(()),
        }
    }
}

/// Requests the bytes from `from` on.
fn open(http: &mut Http, transfer: &Transfer<'_>, from: u64) -> Result<HttpResponse, AttemptError> {
    let redirects = Redirects {
        origin: transfer.origin,
        home: transfer.home,
        token: transfer.token,
        max: MAX_REDIRECTS,
        drops_secrets: false,
    };
    let validator = transfer.validator.as_deref();
    let request = HttpRequest { from, validator, ..HttpRequest::default() };
    let followed = redirects.send(http, transfer.url, request, |_| false)?;
    let Followed { url, response, at_home, with_token } = followed;
    match response.status {
        200 | 206 => Ok(response),
        416 if from > 0 => Ok(response),
        // The address in a redirect is valid for minutes; the next attempt gets a new one.
        401 | 403 if !at_home => {
            let name = transfer.origin.name();
            let reason = format!("the storage of {name} refused an address of its own");
            Err(AttemptError::Transient(TransientFailure::new(reason)))
        }
        _ => Err(refusal(transfer.origin, &url, &response, true, with_token)),
    }
}

/// Fails if a file does not fit. If the system does not report free space, the transfer proceeds.
pub(super) fn check_free_space(name: &str, folder: &Path, needed: u64) -> Result<(), StoreError> {
    match fs4::available_space(folder) {
        Ok(free) if free < needed => Err(StoreError::Space {
            name: name.to_owned(),
            folder: folder.to_path_buf(),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}

/// Returns the first byte and the length of the whole file from `bytes 10-99/100` or `bytes */100`.
fn content_range(answer: &HttpResponse) -> Option<(Option<u64>, Option<u64>)> {
    let (part, total) = answer.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let from = part.split_once('-').and_then(|(from, _)| from.trim().parse().ok());
    Some((from, total.trim().parse().ok()))
}
