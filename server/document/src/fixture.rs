//! Test texts with a cursor in them.
//!
//! `$0` marks the cursor and goes away; `\$0` stays as `$0` (shell code needs it).
//! A text with `//- /path` lines is several files.
//! Shared by the tests of every crate, so that a failing case can be read.

use crate::document::Document;
use crate::position::ByteOffset;
use crate::snapshot::{Cursor, Snapshot};

/// One file of a fixture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixtureFile {
    /// What stands behind `//- `; "" for text before the first such line.
    pub path: String,
    /// The text without its marker.
    pub text: String,
    /// Where `$0` stood.
    pub cursor: Option<ByteOffset>,
}

/// Splits a text from its `$0`; without one the cursor stands at the end.
pub fn parse(fixture: &str) -> (String, ByteOffset) {
    let (text, cursor) = split_marker(fixture);
    let end = ByteOffset(text.len());
    (text, cursor.unwrap_or(end))
}

/// Splits a fixture with `//- /path` lines into its files; without one it is a single file with an empty path.
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

/// Opens a fixture as a document of `language_id` and puts the cursor where `$0` stands.
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
                // A second marker is text: a cursor cannot stand in two places.
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
    fn the_marker_goes_and_an_escaped_one_stays() {
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
    fn an_opened_fixture_has_its_cursor_on_the_line() {
        let (snapshot, cursor) = open("rust", "fn a() {\n    b$0();\n}\n");
        assert_eq!(cursor.line, 1);
        assert_eq!((cursor.before.as_str(), cursor.after.as_str()), ("    b", "();"));
        assert_eq!(snapshot.language().id, "rust");
    }
}
