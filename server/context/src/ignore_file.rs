//! One `.gitignore` or `.lowkeyignore`, kept until it changes on disk.
//!
//! What cannot be read might have kept something out: such a file denies everything below its folder.
//! Invariant: a line that we cannot take literally is made broader, never narrower.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Instant, SystemTime};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// No ignore file is this long; reading on would cost memory.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What git itself does on these systems.
const CASE_INSENSITIVE: bool = cfg!(any(windows, target_os = "macos"));

/// An ignore file as it was last seen.
pub(crate) struct IgnoreFile {
    pub(crate) content: Content,
    pub(crate) checked: Instant,
    stamp: Option<Stamp>,
}

/// What an ignore file says.
pub(crate) enum Content {
    Absent,
    Rules(Box<Gitignore>),
    /// It is there and cannot be read, for this reason.
    Unreadable(String),
}

/// Tells a changed file from an unchanged one.
#[derive(PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    n_bytes: u64,
    /// Change time and inode: a file that is replaced within one tick of `modified` differs here.
    identity: (i64, i64, u64),
}

impl IgnoreFile {
    /// Reads the file at `path`; pushes what is wrong with it to `problems`.
    pub(crate) fn read(path: &Path, now: Instant, problems: &mut Vec<String>) -> Self {
        let (content, stamp) = match find(path) {
            Ok(None) => (Content::Absent, None),
            Ok(Some(metadata)) => {
                (read_content(path, &metadata, problems), Some(Stamp::of(&metadata)))
            }
            Err(reason) => (Content::Unreadable(reason), None),
        };
        if let Content::Unreadable(reason) = &content {
            problems
                .push(format!("cannot be read, so everything in its folder is kept out: {reason}"));
        }
        Self { content, checked: now, stamp }
    }

    /// Tells whether the file on disk is still the one that was read.
    pub(crate) fn is_current(&self, path: &Path) -> bool {
        match find(path) {
            Ok(found) => found.as_ref().map(Stamp::of) == self.stamp && !self.failed_to_stat(),
            Err(_) => self.failed_to_stat(),
        }
    }

    fn failed_to_stat(&self) -> bool {
        matches!(self.content, Content::Unreadable(_)) && self.stamp.is_none()
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            (metadata.ctime(), metadata.ctime_nsec(), metadata.ino())
        };
        #[cfg(not(unix))]
        let identity = (0, 0, 0);
        Self { modified: metadata.modified().ok(), n_bytes: metadata.len(), identity }
    }
}

/// Looks for a file: `Ok(None)` only when there is surely none.
fn find(path: &Path) -> Result<Option<Metadata>, String> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            if fs::symlink_metadata(path).is_ok() {
                Err("it links to nothing".to_owned())
            } else {
                Ok(None)
            }
        }
        Err(error) => Err(error.to_string()),
    }
}

fn read_content(path: &Path, metadata: &Metadata, problems: &mut Vec<String>) -> Content {
    // Asked before reading: reading a pipe would wait for ever.
    if !metadata.is_file() {
        return Content::Unreadable("it is not a regular file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Content::Unreadable(format!(
            "it has {} bytes, the limit is {MAX_BYTES}",
            metadata.len()
        ));
    }
    match fs::read(path) {
        Ok(bytes) => parse(&bytes, problems),
        Err(error) => Content::Unreadable(error.to_string()),
    }
}

/// Compiles the lines of an ignore file; a line that is no pattern is a problem, the others hold.
pub(crate) fn parse(bytes: &[u8], problems: &mut Vec<String>) -> Content {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = GitignoreBuilder::new(".");
    // Cannot fail; the signature is the crate's history.
    let _ = builder.case_insensitive(CASE_INSENSITIVE);
    for (line_idx, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        for pattern in patterns(line) {
            if let Err(error) = builder.add_line(None, &pattern) {
                problems.push(format!("line {} is no pattern: {error}", line_idx + 1));
            }
        }
    }
    match builder.build() {
        Ok(rules) => Content::Rules(Box::new(rules)),
        Err(error) => Content::Unreadable(error.to_string()),
    }
}

/// Returns the patterns that one line stands for.
fn patterns(line: &str) -> Vec<String> {
    if line.starts_with('#') || line.trim().is_empty() {
        return Vec::new();
    }
    let lets_in = line.starts_with('!');
    if line.contains('\u{fffd}') {
        // Bytes that are no UTF-8: a star takes in whatever they meant. A line that lets files in must not grow.
        return if lets_in { Vec::new() } else { vec![stars_for_unknown(line)] };
    }
    if line.contains(['{', '}']) {
        // Braces are letters to git and alternatives to the matcher (and to many who write them): deny both.
        let literal = line.replace('{', "[{]").replace('}', "[}]");
        return if lets_in { vec![literal] } else { vec![literal, line.to_owned()] };
    }
    vec![line.to_owned()]
}

fn stars_for_unknown(line: &str) -> String {
    let mut pattern = String::with_capacity(line.len());
    for c in line.chars() {
        if c != '\u{fffd}' {
            pattern.push(c);
        } else if !pattern.ends_with('*') {
            pattern.push('*');
        }
    }
    pattern
}
