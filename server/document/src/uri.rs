//! From a `file:` URI to a path.
//!
//! Editors escape differently (`file:///c%3A/x`, `file:///C:/x`, `file:/x`); all of them must name the same file,
//! because the secret rules look at the path. Anything that is not a file has no path.

use std::path::PathBuf;

/// Returns the path of a `file:` URI; `None` for other schemes and for paths with a NUL.
pub(crate) fn to_path(uri: &str) -> Option<PathBuf> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("file") {
        return None;
    }
    let (host, path) = match rest.strip_prefix("//") {
        Some(authority) => {
            let slash = authority.find('/')?;
            authority.split_at(slash)
        }
        None => ("", rest),
    };
    let bytes = percent_decoded(path);
    if bytes.contains(&0) || !bytes.starts_with(b"/") {
        return None;
    }
    let host = if host.eq_ignore_ascii_case("localhost") { "" } else { host };
    path_from(host, bytes)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere a path must be UTF-8")]
fn path_from(_host: &str, bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)))
}

#[cfg(not(unix))]
fn path_from(host: &str, bytes: Vec<u8>) -> Option<PathBuf> {
    let path = String::from_utf8(bytes).ok()?;
    if !host.is_empty() {
        return Some(PathBuf::from(format!("//{host}{path}")));
    }
    // `/C:/x` is `C:/x`: the leading slash belongs to the URI.
    let drive = path.as_bytes();
    let has_drive =
        drive.get(1).is_some_and(u8::is_ascii_alphabetic) && drive.get(2) == Some(&b':');
    Some(PathBuf::from(if has_drive { path.get(1..).unwrap_or(&path) } else { &path }))
}

/// Replaces `%XX` by its byte; an escape that is none stays as it stands.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%'
            && let [high, low, after @ ..] = tail
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            decoded.push(high * 16 + low);
            rest = after;
        } else {
            decoded.push(first);
            rest = tail;
        }
    }
    decoded
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn check(uri: &str, expected: Option<&str>) {
        assert_eq!(to_path(uri), expected.map(PathBuf::from), "{uri}");
    }

    #[test]
    fn file_uris_have_paths_and_others_have_none() {
        check("file:///src/a.rs", Some("/src/a.rs"));
        check("FILE:///src/a.rs", Some("/src/a.rs"));
        check("file:/src/a.rs", Some("/src/a.rs"));
        check("file://localhost/src/a.rs", Some("/src/a.rs"));
        check("file:///with%20space/%C3%A9%2eenv", Some("/with space/é.env"));
        check("file:///100%/%zz%4", Some("/100%/%zz%4"));
        check("file:///nul%00/x", None);
        check("file://host-only", None);
        check("untitled:Untitled-1", None);
        check("vscode-notebook-cell:/a.ipynb#1", None);
        check("", None);
    }

    #[test]
    fn a_path_that_is_not_utf8_survives() {
        use std::os::unix::ffi::OsStrExt;
        let path = to_path("file:///%FF%FE").unwrap_or_default();
        assert_eq!(path.as_os_str().as_bytes(), b"/\xFF\xFE");
    }
}
