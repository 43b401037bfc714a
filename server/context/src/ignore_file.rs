//! A `.gitignore` or `.lowkeyignore`, kept until it changes on disk.
//!
//! An unreadable ignore file might have excluded any file, so it denies everything below its
//! folder. A repository may come from a stranger, so the cost of compiling its patterns is bounded.
//! Beyond the bounds nothing is compiled and everything is denied.

use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::{Instant, SystemTime};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

mod patterns;

use patterns::Patterns;

/// Maximum length of an ignore file. The longest of GitHub's templates has 15 kB; a generated one
/// may have 100.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

/// Git itself ignores case on these systems.
const CASE_INSENSITIVE: bool = cfg!(any(windows, target_os = "macos"));

/// An ignore file as it was last read.
pub(crate) struct IgnoreFile {
    pub(crate) content: Content,
    pub(crate) checked: Instant,
    stamp: Option<Stamp>,
}

/// The content of an ignore file.
pub(crate) enum Content {
    Absent,
    Rules(Box<Gitignore>),
    /// Another thread is compiling the file.
    Pending,
    /// The file exists and cannot be read, for this reason.
    Unreadable(String),
}

/// Distinguishes a changed file from an unchanged one.
#[derive(PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    n_bytes: u64,
    /// Change time and inode: a file that is replaced within one tick of `modified` differs here.
    identity: (i64, i64, u64),
}

impl IgnoreFile {
    /// Reads the file at `path` if it has at most `budget` bytes, and subtracts its length from the
    /// budget; a longer one is [`Content::Pending`]. Appends its errors to `problems`.
    pub(crate) fn read(
        path: &Path,
        now: Instant,
        budget: &mut u64,
        problems: &mut Vec<String>,
    ) -> Self {
        let (content, stamp) = match find(path) {
            Ok(None) => (Content::Absent, None),
            Ok(Some(metadata)) => {
                let stamp = Some(Stamp::of(&metadata));
                let n_bytes = metadata.len();
                if metadata.is_file() && n_bytes <= MAX_BYTES && n_bytes > *budget {
                    (Content::Pending, stamp)
                } else {
                    *budget = budget.saturating_sub(n_bytes);
                    (read_content(path, &metadata, problems), stamp)
                }
            }
            Err(reason) => (Content::Unreadable(reason), None),
        };
        if let Content::Unreadable(reason) = &content {
            problems
                .push(format!("cannot be read, so everything in its folder is excluded: {reason}"));
        }
        Self { content, checked: now, stamp }
    }

    /// Returns the bytes of the patterns that are compiled, or will be.
    pub(crate) fn held_bytes(&self) -> u64 {
        match self.content {
            Content::Rules(_) | Content::Pending => self.stamp.as_ref().map_or(0, |s| s.n_bytes),
            Content::Absent | Content::Unreadable(_) => 0,
        }
    }

    /// Whether the file on disk is still the one that was read.
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

/// Looks for a file: `Ok(None)` only if it certainly does not exist.
fn find(path: &Path) -> Result<Option<Metadata>, String> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            if fs::symlink_metadata(path).is_ok() {
                Err("it is a link to a file that does not exist".to_owned())
            } else {
                Ok(None)
            }
        }
        Err(error) => Err(error.to_string()),
    }
}

fn read_content(path: &Path, metadata: &Metadata, problems: &mut Vec<String>) -> Content {
    // Checked before reading, because reading a pipe would block forever. `/dev/null` is git's
    // way to name no file.
    if !metadata.is_file() {
        return if path == Path::new("/dev/null") {
            Content::Absent
        } else {
            Content::Unreadable("it is not a regular file".to_owned())
        };
    }
    let mut bytes = Vec::new();
    // The file may have grown since its length was read.
    let read =
        fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(n) if n as u64 > MAX_BYTES || metadata.len() > MAX_BYTES => Content::Unreadable(
            format!("it has {} bytes, the limit is {MAX_BYTES}", metadata.len().max(n as u64)),
        ),
        Ok(_) => parse(&bytes, problems),
        Err(error) => Content::Unreadable(error.to_string()),
    }
}

/// Compiles the lines of an ignore file. An invalid line is a problem; the other lines apply.
pub(crate) fn parse(bytes: &[u8], problems: &mut Vec<String>) -> Content {
    let text = String::from_utf8_lossy(bytes);
    let mut builder = GitignoreBuilder::new(".");
    // Cannot fail; the crate keeps the `Result` for compatibility.
    let _ = builder.case_insensitive(CASE_INSENSITIVE);
    let mut patterns = Patterns::default();
    for (line_idx, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line_no = line_idx + 1;
        match patterns.of_line(line) {
            Ok(patterns) => {
                for pattern in patterns {
                    if let Err(error) = builder.add_line(None, &pattern) {
                        problems.push(format!("line {line_no} is not a valid pattern: {error}"));
                    }
                }
            }
            Err(reason) => return Content::Unreadable(format!("line {line_no}: {reason}")),
        }
    }
    match builder.build() {
        Ok(rules) => Content::Rules(Box::new(rules)),
        Err(error) => Content::Unreadable(error.to_string()),
    }
}
