//! A document's URI: its canonical form, the file that it refers to, and every name that it
//! contains.
//!
//! Editors escape differently (`file:///c%3A/x`, `file:///C:/x`, `file:/x`), and LSP requires
//! servers to accept every valid encoding. [`Uri`] converts them to one form, which identifies the
//! document everywhere. The parser is lenient, because editors also send paths with blanks, and
//! paths that are not URIs. Crates for URIs are strict (`fluent-uri`, which tower-lsp uses) or
//! change paths (`url` resolves `..` and treats `\` as `/`), so only the escapes are by a crate.
//!
//! This is the only reader of URIs: the ignore rules compare a document's path with a workspace
//! folder's, and two readers could disagree about them.
//!
//! Invariant: total. Any text is a URI. A URI that no rule can judge is [`Carried::Undecidable`],
//! never a guess.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

mod names;

pub use names::{Carried, Names};

/// Characters that are escaped in a path of the canonical form. RFC 3986 (section 3.3) allows all
/// others in a path.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Characters that are escaped in an authority: brackets enclose an IPv6 address (section 3.2.2).
const ESCAPED_IN_AUTHORITY: &AsciiSet = &ESCAPED.remove(b'[').remove(b']');

/// A document's URI in canonical form. Clones share the text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    text: Arc<str>,
}

/// The five parts of a URI (RFC 3986, appendix B), still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts<'u> {
    /// `None` for a bare path.
    scheme: Option<&'u str>,
    authority: Option<&'u str>,
    path: &'u str,
    query: Option<&'u str>,
    fragment: Option<&'u str>,
    /// Path, query and fragment together.
    tail: &'u str,
}

impl Uri {
    /// Parses a URI as an editor sent it.
    pub fn new(sent: &str) -> Self {
        let parts = Parts::of(sent);
        match parts.scheme {
            Some(scheme) => Self { text: canonical(scheme, &parts).into() },
            // A bare path may or may not be escaped, so it stays unchanged.
            None => Self { text: sent.into() },
        }
    }

    /// Returns the `file:` URI of an absolute path.
    pub fn of_path(path: &Path) -> Self {
        let bytes = path.as_os_str().as_encoded_bytes();
        let mut escaped = percent_encode(bytes, ESCAPED).to_string();
        if cfg!(windows) {
            escaped = format!("/{}", escaped.replace("%5C", "/"));
        }
        Self::new(&format!("file://{escaped}"))
    }

    /// Returns the canonical form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the path of a `file:` URI. `None` for other schemes and for text that cannot be a
    /// path.
    pub fn file_path(&self) -> Option<PathBuf> {
        let parts = Parts::of(&self.text);
        if parts.scheme != Some("file") {
            return None;
        }
        let bytes = decoded(parts.whole_path());
        if bytes.contains(&0) || !bytes.starts_with(b"/") {
            return None;
        }
        path_from(parts.authority.unwrap_or_default(), bytes)
    }

    /// Returns the last part of the path, unescaped: the display name of an unsaved document.
    pub fn last_part(&self) -> String {
        let path = String::from_utf8_lossy(&decoded(Parts::of(&self.text).path)).into_owned();
        path.rsplit(['/', '\\', ':']).next().unwrap_or_default().to_owned()
    }

    /// Returns the names by which the secret and ignore rules may identify the document.
    pub fn carried(&self) -> Carried {
        names::carried(self)
    }
}

/// Dereferences to the canonical form.
impl Deref for Uri {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'u> Parts<'u> {
    fn of(uri: &'u str) -> Self {
        let (scheme, rest) = match uri.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            // A bare path is either not escaped at all or completely, so it is not split.
            _ => {
                let (authority, query, fragment) = (None, None, None);
                return Self { scheme: None, authority, path: uri, query, fragment, tail: uri };
            }
        };
        let (authority, tail) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, tail) =
                    rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
                (Some(authority), tail)
            }
            None => (None, rest),
        };
        let (rest, fragment) = split_off(tail, '#');
        let (path, query) = split_off(rest, '?');
        Self { scheme, authority, path, query, fragment, tail }
    }

    /// Returns the path, including the text after an unescaped `#` or `?` if that continues like a
    /// path: `/c#/x.cs`.
    fn whole_path(&self) -> &'u str {
        let goes_on = |part: Option<&str>| part.is_some_and(|part| part.contains('/'));
        if goes_on(self.query) || goes_on(self.fragment) { self.tail } else { self.path }
    }
}

fn split_off(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Whether `text` is a scheme (RFC 3986, section 3.1); a single letter is a drive.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

fn canonical(scheme: &str, parts: &Parts<'_>) -> String {
    let scheme = scheme.to_ascii_lowercase();
    let authority = parts.authority.map(|authority| {
        let authority = reescaped(authority, ESCAPED_IN_AUTHORITY);
        match authority.rsplit_once('@') {
            Some((user, host)) => format!("{user}@{}", host.to_ascii_lowercase()),
            None => authority.to_ascii_lowercase(),
        }
    });
    let mut path = reescaped(parts.path, ESCAPED);
    // Only for a drive: a file may have the name `/C:x`, and on Windows no path begins with that.
    if scheme == "file"
        && let [b'/', drive, b':', rest @ ..] = path.as_bytes()
        && (rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"%5C"))
        && drive.is_ascii_uppercase()
    {
        let drive = drive.to_ascii_lowercase() as char;
        path.replace_range(1..2, drive.encode_utf8(&mut [0; 4]));
    }
    let mut text = format!("{scheme}:");
    match authority.as_deref() {
        // `file:/x`, `file:///x` and `file://localhost/x` are the same file.
        None | Some("" | "localhost") if scheme == "file" && path.starts_with('/') => {
            text.push_str("//");
        }
        None => {}
        Some(authority) => {
            text.push_str("//");
            text.push_str(authority);
        }
    }
    text.push_str(&path);
    // Only the owner of the scheme knows the meaning of `&` or `=` here, so query and fragment stay
    // unchanged.
    for (mark, part) in [('?', parts.query), ('#', parts.fragment)] {
        if let Some(part) = part {
            text.push(mark);
            text.push_str(part);
        }
    }
    text
}

/// Escapes a path or an authority canonically. An escaped slash stays escaped, because it is not a
/// separator.
fn reescaped(text: &str, escaped: &'static AsciiSet) -> String {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("%2F").into_iter().chain(rest.find("%2f")).min() {
        let (part, escape) = rest.split_at(at);
        parts.push(part);
        rest = escape.get(3..).unwrap_or_default();
    }
    parts.push(rest);
    let parts: Vec<String> =
        parts.into_iter().map(|part| percent_encode(&decoded(part), escaped).to_string()).collect();
    parts.join("%2F")
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
    // `/C:/x` means `C:/x`: the leading slash belongs to the URI.
    let drive = path.as_bytes();
    let has_drive =
        drive.get(1).is_some_and(u8::is_ascii_alphabetic) && drive.get(2) == Some(&b':');
    Some(PathBuf::from(if has_drive { path.get(1..).unwrap_or(&path) } else { &path }))
}

#[cfg(test)]
mod tests;
