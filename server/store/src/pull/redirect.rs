//! Where an answer sends us, and whether our token may come along.
//!
//! Invariants: a token goes to the hub's own address and nowhere else; what began encrypted stays encrypted.

/// Scheme and host of an address.
pub(super) fn origin(url: &str) -> &str {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(begin..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |at| begin + at);
    url.get(..end).unwrap_or(url)
}

/// The address that `location` means in an answer from `url`; `None` where we do not go.
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

/// An address as it may be shown: what stands behind `?` can be a signature, before `@` a password.
pub(super) fn shown(url: &str) -> String {
    let text = url.split(['?', '#']).next().unwrap_or(url);
    match (origin(text).rsplit_once('@'), text.split_once("://")) {
        (Some((before, _)), Some((scheme, _))) => {
            format!("{scheme}://{}", text.get(before.len() + 1..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_followed_but_never_out_of_encryption() {
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
    fn an_origin_is_scheme_and_host() {
        assert_eq!(origin("https://h:8/a/b"), "https://h:8");
        assert_eq!(origin("http://h"), "http://h");
        assert_ne!(origin("http://h.evil/a"), origin("http://h/a"));
    }

    #[test]
    fn what_is_shown_has_no_signature_and_no_password() {
        assert_eq!(shown("https://cdn/x?Signature=s"), "https://cdn/x");
        assert_eq!(shown("http://me:secret@h/x@y"), "http://h/x@y");
    }
}
