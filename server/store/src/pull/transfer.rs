//! The bytes: asked for from where the file ends, written as they come, asked for again when they stop.
//!
//! A range is asked of a commit, which never changes, and the checksum has the last word, so that what another tool
//! or an earlier pull left can be continued.

use std::path::Path;

use super::attempts::{Attempts, Passing};
use super::offer::{Failed, Offer, refusal, silence, untrusted};
use super::partial::Partial;
use super::redirect::{follow, origin};
use super::{Event, Pull};
use crate::catalog::Entry;
use crate::error::StoreError;
use crate::http::{Answer, Http, Question};

const REDIRECTS: usize = 10;
/// Bytes from one report to the next.
const CHUNK: usize = 1 << 18;

/// What is known of the bytes on their way.
struct Course<'a> {
    offer: &'a Offer,
    total: Option<u64>,
    /// The etag of the server that has the bytes: it is asked to send all if its file has changed meanwhile.
    validator: Option<String>,
    fetched: u64,
}

impl Pull<'_> {
    /// Fills `path` with the offered file. Returns checksum, length and bytes fetched.
    pub(super) fn transfer(
        &mut self,
        http: &mut Http,
        entry: &Entry,
        offer: &Offer,
        expected: Option<&str>,
        path: &Path,
    ) -> Result<(String, u64, u64), StoreError> {
        let mut partial = Partial::open(path)?;
        let mut course = Course { offer, total: offer.total, validator: None, fetched: 0 };
        for damaged in [false, true] {
            if course.total.is_some_and(|total| partial.len() > total) {
                self.restart(&mut partial, "there are more bytes than the file has")?;
            }
            room(entry, path, course.total, partial.len())?;
            (self.report)(Event::Begun { have: partial.len(), total: course.total });
            self.fill(http, &mut course, &mut partial)?;
            let found = partial.finish()?;
            if expected.is_none_or(|expected| expected == found) {
                return Ok((found, partial.len(), course.fetched));
            }
            if damaged {
                partial.remove()?;
                let (file, expected) =
                    (entry.file.clone(), expected.unwrap_or_default().to_owned());
                return Err(StoreError::Checksum { file, expected, found });
            }
            self.restart(&mut partial, "the checksum is wrong")?;
            course.validator = None;
        }
        Err(untrusted(&offer.url, "bytes that are never right"))
    }

    fn restart(&mut self, partial: &mut Partial, reason: &str) -> Result<(), StoreError> {
        (self.report)(Event::Restarted { reason: reason.to_owned() });
        partial.restart()
    }

    /// Tries until the file is whole.
    fn fill(
        &mut self,
        http: &mut Http,
        course: &mut Course<'_>,
        partial: &mut Partial,
    ) -> Result<(), StoreError> {
        let mut attempts = Attempts::default();
        while course.total != Some(partial.len()) {
            match self.fill_once(http, course, partial) {
                Ok(()) => return Ok(()),
                Err(Failed::Lasting(error)) => return Err(error),
                Err(Failed::Passing(passing)) => {
                    self.again(&mut attempts, partial.len(), &course.offer.url, passing)?;
                }
            }
        }
        Ok(())
    }

    fn fill_once(
        &mut self,
        http: &mut Http,
        course: &mut Course<'_>,
        partial: &mut Partial,
    ) -> Result<(), Failed> {
        let answer = self.open(http, course, partial.len())?;
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
            // 416, the only other status that gets here: the file ends where we are, or is another one.
            _ => {
                let total = content_range(&answer).and_then(|(_, total)| total);
                if total == Some(partial.len()) && total.is_some() {
                    return Ok(());
                }
                self.restart(partial, "the server's file is shorter")?;
                return Err(Failed::Passing(Passing::new("the part asked for is not there")));
            }
        }
        let strong = answer.header("etag").filter(|etag| etag.starts_with('"'));
        course.validator = strong.map(str::to_owned);
        self.copy(answer, course, partial)
    }

    /// Follows redirects to an answer with bytes.
    fn open(&self, http: &mut Http, course: &Course<'_>, from: u64) -> Result<Answer, Failed> {
        let mut url = course.offer.url.clone();
        for _ in 0..=REDIRECTS {
            let at_home = origin(&url) == origin(&self.hub.endpoint);
            let token = self.hub.token.as_ref().filter(|_| at_home);
            let validator = course.validator.as_deref();
            let question = Question { head_only: false, token, from, validator };
            let answer = http.ask(&url, &question).map_err(|none| silence(&url, none))?;
            match (answer.status, answer.header("location")) {
                (200 | 206, _) => return Ok(answer),
                (416, _) if from > 0 => return Ok(answer),
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    url = follow(&url, location).ok_or_else(|| {
                        untrusted(&url, "a redirect that leads out of encryption")
                    })?;
                }
                // The address that a redirect named holds for minutes; the next attempt gets a new one.
                (401 | 403, _) if !at_home => {
                    let reason = "the storage behind the hub refused an address of its own";
                    return Err(Failed::Passing(Passing::new(reason)));
                }
                _ => return Err(refusal(&url, &answer, true, token.is_some())),
            }
        }
        Err(untrusted(&url, "one redirect after another").into())
    }

    fn copy(
        &mut self,
        mut answer: Answer,
        course: &mut Course<'_>,
        partial: &mut Partial,
    ) -> Result<(), Failed> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = match answer.body.read(&mut buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(Failed::Passing(Passing::new(format!(
                        "the connection broke ({error})"
                    ))));
                }
            };
            let bytes = buffer.get(..n).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            course.fetched += n as u64;
            partial.push(bytes)?;
            if course.total.is_some_and(|total| partial.len() > total) {
                self.restart(partial, "more bytes arrived than the file has")?;
                return Err(Failed::Passing(Passing::new("too many bytes arrived")));
            }
            (self.report)(Event::Arrived { have: partial.len(), total: course.total });
        }
        match course.total {
            Some(total) if partial.len() < total => {
                Err(Failed::Passing(Passing::new("the connection ended early")))
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a file that does not fit. A disk that does not say how much fits is tried.
fn room(entry: &Entry, path: &Path, total: Option<u64>, have: u64) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(path);
    let needed = total.unwrap_or_default().saturating_sub(have);
    match fs4::available_space(folder) {
        Ok(free) if free < needed => Err(StoreError::Space {
            name: entry.name.clone(),
            folder: folder.to_path_buf(),
            needed,
            free,
        }),
        _ => Ok(()),
    }
}

/// First byte and length of the whole file in `bytes 10-99/100` or `bytes */100`.
fn content_range(answer: &Answer) -> Option<(Option<u64>, Option<u64>)> {
    let (part, total) = answer.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let from = part.split_once('-').and_then(|(from, _)| from.trim().parse().ok());
    Some((from, total.trim().parse().ok()))
}
