//! Converts between the protocol's types and lowkey's: position encodings, positions, ranges.
//!
//! Positions may have any number and are clamped, never rejected: a request for a position that
//! does not exist is answered for the nearest one.

use std::str::FromStr;

use lowkey_document::{ByteOffset, Position, PositionEncoding, Snapshot};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tower_lsp::ls_types::{self, PositionEncodingKind, Uri};

/// ASCII characters that no part of a URI may contain (RFC 3986, section 2). A `%` stays, because it
/// may begin an escape.
const INVALID: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Selects the first supported encoding in the client's list; UTF-16 if it has no list.
pub(super) fn negotiate(offered: Option<&[PositionEncodingKind]>) -> PositionEncoding {
    offered.unwrap_or_default().iter().find_map(encoding).unwrap_or(PositionEncoding::Utf16)
}

fn encoding(kind: &PositionEncodingKind) -> Option<PositionEncoding> {
    match kind.as_str() {
        "utf-8" => Some(PositionEncoding::Utf8),
        "utf-16" => Some(PositionEncoding::Utf16),
        "utf-32" => Some(PositionEncoding::Utf32),
        _ => None,
    }
}

/// Returns the protocol's name of an encoding.
pub(super) fn kind(encoding: PositionEncoding) -> PositionEncodingKind {
    match encoding {
        PositionEncoding::Utf8 => PositionEncodingKind::UTF8,
        PositionEncoding::Utf16 => PositionEncodingKind::UTF16,
        PositionEncoding::Utf32 => PositionEncodingKind::UTF32,
    }
}

/// The document of a request. Any version is ignored.
#[derive(Debug, Deserialize)]
pub(super) struct TextDocument {
    pub(super) uri: String,
}

/// A position in a request, with any numbers.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct LenientPosition {
    line: f64,
    character: f64,
}

impl From<LenientPosition> for Position {
    fn from(position: LenientPosition) -> Self {
        // A cast from float to integer saturates at both ends.
        Self::new(position.line as u32, position.character as u32)
    }
}

impl From<ls_types::Position> for LenientPosition {
    fn from(position: ls_types::Position) -> Self {
        Self { line: position.line.into(), character: position.character.into() }
    }
}

/// A range in a request, with any numbers.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct LenientRange {
    pub(super) start: LenientPosition,
    pub(super) end: LenientPosition,
}

/// The methods whose URIs tower-lsp parses and lowkey uses.
const METHODS_WITH_URIS: [&str; 3] =
    ["initialize", "workspace/didChangeWorkspaceFolders", "textDocument/completion"];

/// Whether [`mend_uris`] has anything to do for a method.
pub(super) fn has_uris(method: &str) -> bool {
    METHODS_WITH_URIS.contains(&method)
}

/// Replaces the URIs that tower-lsp parses by their canonical form.
///
/// tower-lsp rejects the whole message for one URI with a space: the editor would have no server,
/// or a workspace folder no ignore rules. In lists, an element that is still not a URI is removed;
/// `rootUri` becomes null.
pub(super) fn mend_uris(method: &str, params: &mut Value) {
    match method {
        "initialize" => {
            if let Some(root) = params.get_mut("rootUri") {
                *root = mended(root).unwrap_or_default();
            }
            mend_folders(params, "/workspaceFolders");
        }
        "workspace/didChangeWorkspaceFolders" => {
            mend_folders(params, "/event/added");
            mend_folders(params, "/event/removed");
        }
        _ => {
            if let Some(uri) = params.pointer_mut("/textDocument/uri")
                && let Some(mended) = mended(uri)
            {
                *uri = mended;
            }
        }
    }
}

/// Mends the list of folders at a JSON pointer.
fn mend_folders(params: &mut Value, list: &str) {
    let Some(Value::Array(folders)) = params.pointer_mut(list) else { return };
    folders.retain_mut(|folder| {
        let Some(uri) = folder.get_mut("uri") else { return false };
        let mended = mended(uri);
        let is_uri = mended.is_some();
        *uri = mended.unwrap_or_default();
        is_uri
    });
}

/// Returns the canonical form, with the characters escaped that it leaves in queries and fragments;
/// `None` if tower-lsp would reject that too.
fn mended(uri: &Value) -> Option<Value> {
    let canonical = lowkey_document::Uri::new(uri.as_str()?);
    let escaped = utf8_percent_encode(&canonical, INVALID).to_string();
    Uri::from_str(&escaped).ok()?;
    Some(Value::String(escaped))
}

/// Converts a position in a snapshot to the protocol's.
pub(super) fn to_position(
    snapshot: &Snapshot,
    offset: ByteOffset,
    encoding: PositionEncoding,
) -> ls_types::Position {
    let position = snapshot.position(offset, encoding);
    ls_types::Position::new(position.line, position.column)
}

/// Converts a range in a snapshot to the protocol's.
pub(super) fn to_range(
    snapshot: &Snapshot,
    start: ByteOffset,
    end: ByteOffset,
    encoding: PositionEncoding,
) -> ls_types::Range {
    ls_types::Range::new(
        to_position(snapshot, start, encoding),
        to_position(snapshot, end, encoding),
    )
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use percent_encoding::percent_encode;
    use serde_json::json;

    use super::*;

    #[test]
    fn first_supported_encoding_wins() {
        let kinds = |names: &[&'static str]| -> Vec<_> {
            names.iter().map(|&name| PositionEncodingKind::new(name)).collect()
        };
        for (offered, chosen) in [
            (kinds(&["utf-8", "utf-32", "utf-16"]), PositionEncoding::Utf8),
            (kinds(&["utf-16"]), PositionEncoding::Utf16),
            (kinds(&["utf-7", "utf-32"]), PositionEncoding::Utf32),
            (kinds(&["utf-7"]), PositionEncoding::Utf16),
            (kinds(&[]), PositionEncoding::Utf16),
        ] {
            assert_eq!(negotiate(Some(&offered)), chosen, "{offered:?}");
            assert_eq!(encoding(&kind(chosen)), Some(chosen));
        }
        assert_eq!(negotiate(None), PositionEncoding::Utf16);
    }

    #[test]
    fn broken_uris_are_escaped_or_removed() {
        let folders = "workspace/didChangeWorkspaceFolders";
        let document = "textDocument/completion";
        for (method, before, after) in [
            (
                "initialize",
                json!({"rootUri": "file:///a b/é%20"}),
                json!({"rootUri": "file:///a%20b/%C3%A9%20"}),
            ),
            ("initialize", json!({"rootUri": "file:///a"}), json!({"rootUri": "file:///a"})),
            (
                "initialize",
                json!({"rootUri": "file:///100%"}),
                json!({"rootUri": "file:///100%25"}),
            ),
            (
                "initialize",
                json!({"rootUri": "file://[::1]/a"}),
                json!({"rootUri": "file://[::1]/a"}),
            ),
            ("initialize", json!({"rootUri": ""}), json!({"rootUri": null})),
            ("initialize", json!({"rootUri": null}), json!({"rootUri": null})),
            ("initialize", json!({"workspaceFolders": null}), json!({"workspaceFolders": null})),
            (
                "initialize",
                json!({"workspaceFolders": [{"uri": "file:///a b"}, {"uri": "%"}, {"name": "x"}, 3]}),
                json!({"workspaceFolders": [{"uri": "file:///a%20b"}]}),
            ),
            (
                folders,
                json!({"event": {"added": [{"uri": "file:///a b"}, {"uri": 1}], "removed": [{"uri": "/a"}]}}),
                json!({"event": {"added": [{"uri": "file:///a%20b"}], "removed": []}}),
            ),
            (folders, json!({"event": null}), json!({"event": null})),
            (
                document,
                json!({"textDocument": {"uri": "git:/a b?{}#x y"}}),
                json!({"textDocument": {"uri": "git:/a%20b?%7B%7D#x%20y"}}),
            ),
            (
                document,
                json!({"textDocument": {"uri": "a"}}),
                json!({"textDocument": {"uri": "a"}}),
            ),
        ] {
            let mut params = before;
            mend_uris(method, &mut params);
            assert_eq!(params, after);
            assert!(has_uris(method));
        }
    }

    /// RFC 3986, section 2: reserved and unreserved characters, and `%`.
    #[test]
    fn escaped_characters_are_those_of_the_rfc() {
        for byte in 0..=u8::MAX {
            let is_valid =
                byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
            let escaped = percent_encode(&[byte], INVALID).to_string();
            assert_eq!(escaped.len() == 1, is_valid, "{byte:#04x}");
        }
    }

    #[test]
    fn absurd_positions_are_clamped() {
        let parse =
            |json: &str| Position::from(serde_json::from_str::<LenientPosition>(json).unwrap());
        assert_eq!(parse(r#"{"line":1,"character":2}"#), Position::new(1, 2));
        assert_eq!(parse(r#"{"line":-1,"character":-9}"#), Position::new(0, 0));
        assert_eq!(
            parse(r#"{"line":1e30,"character":99999999999}"#),
            Position::new(u32::MAX, u32::MAX)
        );
    }
}
