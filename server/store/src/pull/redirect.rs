//! Resolves redirects and links, and decides whether they are allowed.
//!
//! Invariants: a token is sent only to the hub's own address; an encrypted transfer stays
//! encrypted.

use lowkey_network::printable;

/// Returns scheme and host of an address.
pub(super) fn origin(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(begin..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |at| begin + at);
    url.get(..end).unwrap_or(url)
}

/// Resolves `location` in an answer from `url`; `None` if it is not allowed.
pub(super) fn follow(url: &str, location: &str) -> Option<String> {
    let next = if location.starts_with("//") {
        format!("{}:{location}", url.split("://").next()?)
    } else if location.starts_with('/') {
        format!("{}{location}", origin(url))
    } else {
        location.to_owned()
    };
    let encrypted = next.starts_with("https://");
    let plain = next.starts_with("http://") && !url.starts_with("https://");
    (encrypted || plain).then_some(next)
}

/// Resolves a link on a page, which may also be relative to the page: `../../files/a.whl`.
pub(super) fn link(url: &str, href: &str) -> Option<String> {
    let scheme = href.split_once(':').map(|(scheme, _)| scheme);
    let absolute = scheme.is_some_and(|scheme| scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
    if href.is_empty() || absolute || href.starts_with('/') {
        return follow(url, href);
    }
    let page = url.split(['?', '#']).next()?;
    let mut path: Vec<&str> = page.get(origin(url).len()..)?.split('/').collect();
    // The part after the last slash is the page itself.
    path.pop();
    for step in href.split('/') {
        match step {
            ".." if path.len() > 1 => drop(path.pop()),
            "." | ".." => {}
            step => path.push(step),
        }
    }
    follow(url, &format!("{}{}", origin(url), path.join("/")))
}

/// Returns an address without the name and password before `@`, and these separately.
pub(crate) fn without_secret(url: &str) -> (String, Option<&str>) {
    match (origin(url).rsplit_once('@'), url.split_once("://")) {
        (Some((before, _)), Some((scheme, _))) => {
            let rest = url.get(before.len() + 1..).unwrap_or_default();
            (format!("{scheme}://{rest}"), before.get(scheme.len() + 3..))
        }
        _ => (url.to_owned(), None),
    }
}

/// Returns an address for display. The text after `?` can be a signature, the text before `@` a
/// password, and a server can write any text into it.
pub(crate) fn display_url(url: &str) -> String {
    let text = url.split(['?', '#']).next().unwrap_or(url);
    printable(&without_secret(text).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_never_drop_encryption() {
        for (url, location, next) in [
            ("https://h/a/b", "/c?d", Some("https://h/c?d")),
            ("https://h:8/a", "https://cdn/x?sig=1", Some("https://cdn/x?sig=1")),
            ("https://h/a", "//cdn/x", Some("https://cdn/x")),
            ("http://h/a", "//cdn/x", Some("http://cdn/x")),
            ("http://h/a", "http://cdn/x", Some("http://cdn/x")),
            ("http://h/a", "https://cdn/x", Some("https://cdn/x")),
            ("https://h/a", "http://cdn/x", None),
            ("https://h/a", "file:///etc/passwd", None),
            ("https://h/a", "x", None),
            ("https://h/a", "", None),
        ] {
            assert_eq!(follow(url, location).as_deref(), next, "{url} to {location}");
        }
    }

    #[test]
    fn origin_is_scheme_and_host() {
        assert_eq!(origin("https://h:8/a/b"), "https://h:8");
        assert_eq!(origin("http://h"), "http://h");
        assert_ne!(origin("http://h.evil/a"), origin("http://h/a"));
    }

    #[test]
    fn shown_address_contains_no_secret() {
        assert_eq!(display_url("https://cdn/x?Signature=s"), "https://cdn/x");
        assert_eq!(display_url("http://me:secret@h/x@y"), "http://h/x@y");
        assert_eq!(display_url("http://h/\t\x1b[2J"), "http://h/\\u{9}\\u{1b}[2J");
        assert!(display_url(&format!("http://h/{}", "x".repeat(60_000))).len() < 300);
    }

    #[test]
    fn address_is_split_from_its_secret() {
        for (url, bare, secret) in [
            ("https://me:a%40b@h:8/simple/", "https://h:8/simple/", Some("me:a%40b")),
            ("https://token@h/", "https://h/", Some("token")),
            ("https://h/a@b", "https://h/a@b", None),
        ] {
            assert_eq!(without_secret(url), (bare.to_owned(), secret), "{url}");
        }
    }

    #[test]
    fn page_links_resolve_relative_to_page() {
        let page = "https://h:8/root/simple/a/?x";
        for (href, next) in [
            ("../../files/a.whl", Some("https://h:8/root/files/a.whl")),
            ("./a.whl", Some("https://h:8/root/simple/a/a.whl")),
            ("../../../../../a.whl", Some("https://h:8/a.whl")),
            ("/a.whl", Some("https://h:8/a.whl")),
            ("https://other/a.whl?sig", Some("https://other/a.whl?sig")),
            ("http://h:8/a.whl", None),
            ("file:///etc/passwd", None),
            ("javascript:x", None),
            ("", None),
        ] {
            assert_eq!(link(page, href).as_deref(), next, "{href}");
        }
    }
}
