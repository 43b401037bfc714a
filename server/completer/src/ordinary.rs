//! Reading files that a user names or that are in a place of ours: ordinary files of a bounded size.
//!
//! A pipe in the place of a file would be waited for, and a device read, for ever.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens an ordinary file; an error for anything else.
pub fn open(path: &Path) -> io::Result<File> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "it is not an ordinary file");
    // Asked before opening, which would wait for a pipe's writer, and again: it may be another by now.
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let file = File::open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused()) }
}

/// Reads an ordinary file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let too_long = |n_bytes: u64| {
        let why = format!("it has {n_bytes} bytes, the limit is {limit}");
        Err(io::Error::new(io::ErrorKind::FileTooLarge, why))
    };
    let n_bytes = file.metadata()?.len();
    if n_bytes > limit {
        return too_long(n_bytes);
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { too_long(bytes.len() as u64) } else { Ok(bytes) }
}

/// Reads an ordinary text file of at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    String::from_utf8(read(path, limit)?).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_files_within_the_limit_are_read() {
        let folder = crate::test_folder::TestFolder::new("ordinary");
        let path = folder.join("file");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(read_text(&path, 4).unwrap(), "text");
        assert!(read(&path, 3).unwrap_err().to_string().contains("limit is 3"));
        assert!(read(&folder, 99).is_err());
        #[cfg(unix)]
        assert!(read(Path::new("/dev/zero"), 99).is_err());
        assert_eq!(read(&folder.join("none"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
