//! The token that clients must send: from the environment, or from a file that only its owner may
//! read.
//!
//! The first start creates the file with 256 random bits, next to the settings file.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use lowkey_completer::{ordinary, settings};

/// Minimum length; shorter tokens could be guessed.
const MIN_BYTES: usize = 16;

/// The environment variable with the token.
const VARIABLE: &str = "LOWKEY_HTTP_TOKEN";

/// Returns the token and a description of its location.
pub(super) fn find() -> anyhow::Result<(String, String)> {
    if let Some(token) = std::env::var_os(VARIABLE) {
        let token = token.into_string().ok().with_context(|| format!("{VARIABLE} is not text"))?;
        return Ok((checked(&token, VARIABLE)?, format!("the environment variable {VARIABLE}")));
    }
    let Some(file) = file() else {
        bail!("there is no folder for the token; set {VARIABLE} to {MIN_BYTES} characters or more");
    };
    let place = file.display().to_string();
    let token = match make(&file) {
        Ok(token) => token,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(&file)?,
        Err(error) => return Err(error).with_context(|| format!("writing a token to {place}")),
    };
    Ok((checked(&token, &place)?, place))
}

fn file() -> Option<PathBuf> {
    Some(settings::config_file()?.with_file_name("http-token"))
}

/// Writes a new token, unless the file exists.
fn make(file: &Path) -> io::Result<String> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    if fs::symlink_metadata(file).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut token = String::new();
    for byte in random {
        let _ = write!(token, "{byte:02x}");
    }
    // The file is complete before it has its name: another server that starts now reads all of it
    // or creates its own.
    let whole = file.with_file_name(format!(".http-token-{}", &token[..16]));
    let linked = write_new(&whole, &token).and_then(|()| fs::hard_link(&whole, file));
    let _ = fs::remove_file(&whole);
    linked.map(|()| token)
}

/// Creates a new file that only its owner may read.
fn write_new(file: &Path, token: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut to = options.open(file)?;
    writeln!(to, "{token}")?;
    to.sync_all()
}

fn read(file: &Path) -> anyhow::Result<String> {
    let place = file.display();
    let from = ordinary::open(file).with_context(|| format!("reading {place}"))?;
    #[cfg(unix)]
    {
        let metadata = from.metadata().with_context(|| format!("reading {place}"))?;
        let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777;
        let is_private = mode & !0o700 == 0;
        ensure!(is_private, "other users may read {place} (mode {mode:o}); run `chmod 600` on it");
    }
    let mut token = String::new();
    from.take(4096).read_to_string(&mut token).with_context(|| format!("reading {place}"))?;
    Ok(token)
}

/// Returns the token without surrounding spaces, if a header can contain it and it is long enough.
fn checked(token: &str, place: &str) -> anyhow::Result<String> {
    let token = token.trim();
    ensure!(
        token.len() >= MIN_BYTES,
        "the token in {place} has {} characters, the minimum is {MIN_BYTES}; remove it to get a new one",
        token.len()
    );
    ensure!(
        token.bytes().all(|b| b.is_ascii_graphic()),
        "the token in {place} has characters that a header cannot contain; use letters and digits"
    );
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_long_and_fits_a_header() {
        assert_eq!(checked(" 0123456789abcdef\n", "x").unwrap(), "0123456789abcdef");
        for (token, word) in [
            ("", "0 characters"),
            ("0123456789abcde", "15 characters"),
            ("0123456789 abcdefg", "header"),
            ("0123456789äbcdefg", "header"),
        ] {
            let error = checked(token, "here").unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("here"), "{error}");
        }
    }
}
