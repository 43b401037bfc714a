//! A folder of the cache, in which other users may have planted files.
//!
//! Users can share a cache. Another user who may write into a folder can replace the file that
//! lowkey is about to write by a link, so that lowkey overwrites a file of its own user. Therefore:
//!
//! - A folder below the cache's root is never reached through a link. On Unix it is held open, and
//!   every name is looked up in the open folder, so that exchanging a folder between two steps has
//!   no effect.
//! - A file that is written must be an ordinary file of this user with one name. Any other file
//!   with its name is removed (the link, not its target), and a new file is created, which fails if
//!   the name is taken again.
//! - A file that gets its final name replaces the previous one atomically.
//!
//! The root itself may be a link, because the user chose it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use other::Folder;
#[cfg(unix)]
pub(crate) use unix::Folder;

/// Attempts to create a name that other processes keep taking.
const MAX_TRIES: usize = 16;

impl Folder {
    /// Writes a small file atomically.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (mut file, new) = self.fresh(name)?;
        let written = file.write_all(bytes).and_then(|()| self.rename(&new, name));
        written.inspect_err(|_| {
            let _ = self.remove(&new);
        })
    }

    /// Creates a file with an unused name.
    fn fresh(&self, name: &str) -> io::Result<(File, String)> {
        for _ in 0..MAX_TRIES {
            let new = unused(name)?;
            match self.create_new(&new) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => return Ok((file?, new)),
            }
        }
        Err(taken())
    }
}

/// Returns a temporary name. Its random number keeps other users from taking it in advance.
fn unused(name: &str) -> io::Result<String> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    Ok(format!(".{name}.{random:016x}.new"))
}

fn taken() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "other processes keep taking its name")
}

/// Returns the error for a link in the place of a folder or a lock.
fn planted() -> io::Error {
    io::Error::other(
        "it is a link or no folder; it may have been planted to lead a download elsewhere. Remove it, or set HF_HUB_CACHE to a folder of your own",
    )
}

/// Reads a small text: only an ordinary file, so that a pipe does not block, and at most `limit`
/// bytes.
pub(crate) fn small_text(path: &Path, limit: u64) -> io::Result<String> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits() as i32,
    );
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not an ordinary file"));
    }
    let mut text = String::new();
    if file.take(limit + 1).read_to_string(&mut text)? as u64 > limit {
        let long = format!("it has more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, long));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
