//! Test texts that contain a cursor.
//!
//! `$0` marks the cursor and is removed; `\$0` becomes `$0` (shell code needs it). A text with
//! `//- /path` lines describes several files. The tests of every crate share this format, so that a
//! failing case is readable.

use crate::document::Document;
use crate::position::ByteOffset;
use crate::snapshot::{Cursor, Snapshot};

/// One file of a fixture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixtureFile {
    /// The text after `//- `; "" for text before the first such line.
    pub path: String,
    /// The text without its marker.
    pub text: String,
    /// Position of the removed `$0`.
    pub cursor: Option<ByteOffset>,
}

/// Separates a text from its `$0`. Without one the cursor is at the end.
pub fn parse(fixture: &str) -> (String, ByteOffset) {
    let (text, cursor) = split_marker(fixture);
    let end = ByteOffset(text.len());
    (text, cursor.unwrap_or(end))
}

/// Splits a fixture with `//- /path` lines into its files; without such a line it is a single file
/// with an empty path.
pub fn parse_files(fixture: &str) -> Vec<FixtureFile> {
    let mut raw: Vec<(String, String)> = Vec::new();
    for line in fixture.split_inclusive('\n') {
        match line.strip_prefix("//- ") {
            Some(path) => raw.push((path.trim().to_owned(), String::new())),
            None => match raw.last_mut() {
                Some((_, text)) => text.push_str(line),
                None => raw.push((String::new(), line.to_owned())),
            },
        }
    }
    raw.into_iter()
        .map(|(path, raw)| {
            let (text, cursor) = split_marker(&raw);
            FixtureFile { path, text, cursor }
        })
        .collect()
}

/// Opens a fixture as a document of `language_id`, with the cursor at `$0`.
pub fn open(language_id: &str, fixture: &str) -> (Snapshot, Cursor) {
    let (text, offset) = parse(fixture);
    let snapshot = Document::open("file:///fixture", language_id, 1, &text).snapshot();
    let cursor = snapshot.cursor(offset);
    (snapshot, cursor)
}

fn split_marker(raw: &str) -> (String, Option<ByteOffset>) {
    let mut text = String::with_capacity(raw.len());
    let mut cursor = None;
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once("$0") {
        if let Some(before) = before.strip_suffix('\\') {
            text.push_str(before);
            text.push_str("$0");
        } else {
            text.push_str(before);
            match cursor {
                None => cursor = Some(ByteOffset(text.len())),
                // A second marker is text, because there is only one cursor.
                Some(_) => text.push_str("$0"),
            }
        }
        rest = after;
    }
    text.push_str(rest);
    (text, cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_marker_is_removed_unless_escaped() {
        assert_eq!(parse("ab$0c"), ("abc".to_owned(), ByteOffset(2)));
        assert_eq!(parse("abc"), ("abc".to_owned(), ByteOffset(3)));
        assert_eq!(parse(r"echo \$0 $0!"), ("echo $0 !".to_owned(), ByteOffset(8)));
        assert_eq!(parse("$0"), (String::new(), ByteOffset(0)));
        assert_eq!(parse("é$0\r\n"), ("é\r\n".to_owned(), ByteOffset(2)));
    }

    #[test]
    fn path_lines_separate_files() {
        let files = parse_files("//- /src/a.rs\nfn a() {$0}\n//- /src/b.rs\nfn b() {}\n");
        assert_eq!(
            files,
            [
                FixtureFile {
                    path: "/src/a.rs".to_owned(),
                    text: "fn a() {}\n".to_owned(),
                    cursor: Some(ByteOffset(8)),
                },
                FixtureFile {
                    path: "/src/b.rs".to_owned(),
                    text: "fn b() {}\n".to_owned(),
                    cursor: None
                },
            ]
        );
        assert_eq!(parse_files("x$0").first().map(|file| file.path.as_str()), Some(""));
        assert!(parse_files("").is_empty());
    }

    #[test]
    fn fixture_opens_with_cursor_on_its_line() {
        let (snapshot, cursor) = open("rust", "fn a() {\n    b$0();\n}\n");
        assert_eq!(cursor.line, 1);
        assert_eq!((cursor.before.as_str(), cursor.after.as_str()), ("    b", "();"));
        assert_eq!(snapshot.language().id, "rust");
    }
}
