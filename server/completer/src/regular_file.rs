//! Reads regular files of a bounded size, from the user or from lowkey's own folders.
//!
//! Opening a pipe could block forever, and reading a device could never end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use lowkey_document::{Document, Language, Uri};

/// Longer documents are rejected: an editor would not open them either.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// Opens a regular file; an error for anything else.
pub fn open(path: &Path) -> io::Result<File> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    // Checked before opening, which would wait for a pipe's writer, and again after, because the
    // file may have been replaced.
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let file = File::open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused()) }
}

/// Reads a regular file of at most `limit` bytes.
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
    // The file may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { too_long(bytes.len() as u64) } else { Ok(bytes) }
}

/// Reads a regular text file of at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text");
    String::from_utf8(read(path, limit)?).map_err(invalid)
}

/// Opens a file as a document, like an editor.
pub fn document(file: &Path) -> Result<Document, String> {
    let unreadable = |error: io::Error| format!("cannot read {}: {error}", file.display());
    let bytes = read(file, MAX_DOCUMENT_BYTES).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!(
            "{} is not UTF-8 text: byte {at} is invalid; convert the file first",
            file.display()
        )
    })?;
    let path = std::path::absolute(file).map_err(unreadable)?;
    Ok(Document::open(Uri::of_path(&path).as_str(), Language::by_path(&path).id, 0, &text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lowkey_test_support::TestFolder;

    #[test]
    fn only_regular_files_in_limit_are_read() {
        let folder = TestFolder::new("ordinary");
        let path = folder.join("file");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(read_text(&path, 4).unwrap(), "text");
        assert!(read(&path, 3).unwrap_err().to_string().contains("limit is 3"));
        assert!(read(&folder, 99).is_err());
        #[cfg(unix)]
        assert!(read(Path::new("/dev/zero"), 99).is_err());
        assert_eq!(read(&folder.join("none"), 9).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn documents_have_escaped_uris_and_a_language() {
        let folder = TestFolder::new("document");
        let path = folder.join("a b#%.rs");
        std::fs::write(&path, "fn a() {}").unwrap();
        let snapshot = document(&path).unwrap().snapshot();
        assert!(
            snapshot.uri().as_str().ends_with("/a%20b%23%25.rs"),
            "{}",
            snapshot.uri().as_str()
        );
        assert_eq!((snapshot.language_id(), snapshot.text().as_str()), ("rust", "fn a() {}"));
        std::fs::write(&path, b"fn \xff").unwrap();
        assert!(document(&path).unwrap_err().contains("byte 3 is invalid"));
    }
}
