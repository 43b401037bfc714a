//! Transfers one file from a server: requests it from the file's current end, writes bytes as they
//! arrive, and requests the rest when the connection stops.
//!
//! A range is requested only of a file that does not change (a commit, a wheel), and the checksum
//! decides in the end. Unfinished files of other tools and of earlier pulls can therefore be
//! continued.

use std::path::Path;

use super::attempts::{Attempts, LIMIT, Passing};
use super::offer::{Failed, refusal, silence, untrusted};
use super::partial::Partial;
use super::redirect::{follow, origin, shown};
use super::{Event, Origin, Pull};
use crate::amount::amount;
use crate::error::StoreError;
use crate::http::{Answer, Http, Question};
use crate::hub::Token;
use crate::text::printable;

const REDIRECTS: usize = 10;
/// Bytes between two progress reports.
const CHUNK: usize = 1 << 18;

/// The parameters and state of a transfer.
pub(super) struct Course<'a> {
    pub(super) origin: Origin,
    pub(super) url: &'a str,
    /// The only server that receives the token.
    pub(super) home: &'a str,
    pub(super) token: Option<&'a Token>,
    /// The file's name, for messages.
    pub(super) name: &'a str,
    pub(super) total: Option<u64>,
    /// Space to reserve if the server announces no length.
    pub(super) likely: u64,
    /// Maximum length of the file; a longer body is refused.
    pub(super) limit: u64,
    /// How the file counts in the progress of the pull.
    pub(super) shown: Shown,
    /// The etag of the server that sent the bytes so far; the server sends the whole file if its
    /// file has changed since.
    pub(super) validator: Option<String>,
    pub(super) fetched: u64,
}

/// How the bytes of one file count in the progress of the whole pull.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    /// The file is the whole pull.
    Whole,
    /// The file provides the bytes from `start` to `end` of `total`; its own length may differ
    /// slightly.
    Part { start: u64, end: u64, total: u64 },
}

impl Course<'_> {
    fn arrived(&self, have: u64) -> Event {
        match self.shown {
            Shown::Whole => Event::Arrived { have, total: self.total },
            Shown::Part { start, end, total } => {
                Event::Arrived { have: start.saturating_add(have).min(end), total: Some(total) }
            }
        }
    }

    fn too_long(&self, told: u64) -> StoreError {
        StoreError::Length {
            url: shown(self.url),
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
        course: &mut Course<'_>,
        partial: &mut Partial<'_>,
        expected: Option<&str>,
        room: &dyn Fn(u64) -> Result<(), StoreError>,
    ) -> Result<String, StoreError> {
        for damaged in [false, true] {
            course.check_length()?;
            if partial.len() > course.total.unwrap_or(course.limit) {
                self.restart(partial, "there are more bytes than the file has")?;
            }
            room(course.total.unwrap_or(course.likely).saturating_sub(partial.len()))?;
            if matches!(course.shown, Shown::Whole) {
                (self.report)(Event::Begun { have: partial.len(), total: course.total });
            }
            self.fill(http, course, partial)?;
            let found = partial.checksum();
            if expected.is_none_or(|expected| expected == found) {
                return Ok(found);
            }
            if damaged {
                partial.restart()?;
                return Err(StoreError::Checksum {
                    origin: course.origin,
                    file: course.name.to_owned(),
                    expected: expected.unwrap_or_default().to_owned(),
                    found,
                });
            }
            self.restart(partial, "the checksum is wrong")?;
            course.validator = None;
        }
        Err(untrusted(course.origin, course.url, "wrong bytes repeatedly"))
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
        course: &mut Course<'_>,
        partial: &mut Partial<'_>,
    ) -> Result<(), StoreError> {
        let mut attempts = Attempts::new(LIMIT);
        while course.total != Some(partial.len()) {
            match self.fill_once(http, course, partial) {
                Ok(()) => return Ok(()),
                Err(Failed::Lasting(error)) => return Err(error),
                Err(Failed::Passing(passing)) => {
                    self.again(&mut attempts, partial.len(), course.url, passing)?;
                }
            }
        }
        Ok(())
    }

    fn fill_once(
        &mut self,
        http: &mut Http,
        course: &mut Course<'_>,
        partial: &mut Partial<'_>,
    ) -> Result<(), Failed> {
        let answer = open(http, course, partial.len())?;
        match answer.status {
            200 => {
                if partial.len() > 0 {
                    self.restart(partial, "the server sends the whole file, not the rest")?;
                }
                course.total = course.total.or(answer.number("content-length"));
            }
            206 => {
                let (from, total) = content_range(&answer).unwrap_or_default();
                if from != Some(partial.len()) || (course.total.is_some() && total != course.total)
                {
                    self.restart(partial, "the server sends another part than was asked for")?;
                    return Err(Failed::Passing(Passing::new("another part arrived")));
                }
                course.total = course.total.or(total);
            }
            // 416, the only other status that reaches this arm: the file ends at our length, or it
            // is a different file.
            _ => {
                let total = content_range(&answer).and_then(|(_, total)| total);
                if total == Some(partial.len()) && total.is_some() {
                    return Ok(());
                }
                self.restart(partial, "the server's file is shorter")?;
                return Err(Failed::Passing(Passing::new("the part asked for is not there")));
            }
        }
        course.check_length()?;
        let strong = answer.header("etag").filter(|etag| etag.starts_with('"'));
        course.validator = strong.map(str::to_owned);
        self.copy(answer, course, partial)
    }

    fn copy(
        &mut self,
        mut answer: Answer,
        course: &mut Course<'_>,
        partial: &mut Partial<'_>,
    ) -> Result<(), Failed> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = match answer.body.read(&mut buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let reason = printable(&error.to_string());
                    return Err(Failed::Passing(Passing::new(format!(
                        "the connection broke ({reason})"
                    ))));
                }
            };
            let bytes = buffer.get(..n).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            course.fetched += n as u64;
            if course.total.is_none() && partial.len() + n as u64 > course.limit {
                partial.restart()?;
                return Err(course.too_long(course.limit + 1).into());
            }
            partial.push(bytes)?;
            if course.total.is_some_and(|total| partial.len() > total) {
                self.restart(partial, "more bytes arrived than the file has")?;
                return Err(Failed::Passing(Passing::new("too many bytes arrived")));
            }
            (self.report)(course.arrived(partial.len()));
        }
        match course.total {
            Some(total) if partial.len() < total => {
                Err(Failed::Passing(Passing::new("the connection ended early")))
            }
            _ => Ok(()),
        }
    }
}

/// Follows redirects to an answer with bytes.
fn open(http: &mut Http, course: &Course<'_>, from: u64) -> Result<Answer, Failed> {
    let mut url = course.url.to_owned();
    for _ in 0..=REDIRECTS {
        let at_home = origin(&url) == origin(course.home);
        let token = course.token.filter(|_| at_home);
        let validator = course.validator.as_deref();
        let question = Question { token, from, validator, ..Question::default() };
        let answer =
            http.ask(&url, &question).map_err(|none| silence(course.origin, &url, none))?;
        match (answer.status, answer.header("location")) {
            (200 | 206, _) => return Ok(answer),
            (416, _) if from > 0 => return Ok(answer),
            (301 | 302 | 303 | 307 | 308, Some(location)) => {
                url = follow(&url, location).ok_or_else(|| {
                    let what = "a redirect to an unencrypted address";
                    untrusted(course.origin, &url, what)
                })?;
            }
            // The address in a redirect is valid for minutes; the next attempt gets a new one.
            (401 | 403, _) if !at_home => {
                let reason = format!(
                    "the storage of {} refused an address of its own",
                    course.origin.name()
                );
                return Err(Failed::Passing(Passing::new(reason)));
            }
            _ => return Err(refusal(course.origin, &url, &answer, true, token.is_some())),
        }
    }
    Err(untrusted(course.origin, &url, "too many redirects").into())
}

/// Fails if a file does not fit. If the system does not report free space, the transfer proceeds.
pub(super) fn room(name: &str, folder: &Path, needed: u64) -> Result<(), StoreError> {
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
fn content_range(answer: &Answer) -> Option<(Option<u64>, Option<u64>)> {
    let (part, total) = answer.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let from = part.split_once('-').and_then(|(from, _)| from.trim().parse().ok());
    Some((from, total.trim().parse().ok()))
}
