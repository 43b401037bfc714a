//! Access control: the right host, no web page, the token.
//!
//! A page in a browser on this machine can send requests to the loopback interface too. It cannot
//! choose their `Host`: if the page uses its own name that resolves to this machine, `Host` has
//! that name. It cannot hide its `Origin`, and it does not know the token.

use subtle::ConstantTimeEq as _;

use super::request::Head;
use super::response::Refusal;

/// Accepts a request, or returns the reason for the refusal. Called before the body is read.
pub(super) fn check(head: &Head, token: &str, port: u16) -> Result<(), Refusal> {
    if !head.one("host").is_some_and(|host| is_ours(host, port)) {
        let why = format!("the request is for another host; use http://127.0.0.1:{port}");
        return Err(Refusal::new(403, why));
    }
    if head.has("origin") {
        return Err(Refusal::new(403, "requests from web pages are refused".into()));
    }
    let shown = head.one("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    // Constant time, so that the delay reveals nothing about the token.
    let is_right = |shown: &str| bool::from(shown.as_bytes().ct_eq(token.as_bytes()));
    if shown.is_some_and(is_right) {
        Ok(())
    } else {
        let why = "the token is missing or wrong; send `Authorization: Bearer TOKEN` with the token that lowkey names at its start";
        Err(Refusal::new(401, why.into()))
    }
}

/// Whether a `Host` header names this server.
fn is_ours(host: &str, port: u16) -> bool {
    let (name, given_port) = match host.rsplit_once(':') {
        // Digits only, because a number parser accepts a sign too.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (name, port.parse().ok()),
        Some((name, _)) => (name, None),
        None => (host, Some(80)),
    };
    matches!(name, "127.0.0.1" | "localhost") && given_port == Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_must_name_this_server() {
        for host in ["127.0.0.1:7070", "localhost:7070"] {
            assert!(is_ours(host, 7070), "{host}");
        }
        assert!(is_ours("localhost", 80));
        for host in [
            "",
            "localhost",
            "127.0.0.1",
            "evil.example:7070",
            "localhost:80",
            "localhost.evil.example:7070",
            "127.0.0.1:7070x",
            "127.0.0.1:+7070",
            "127.0.0.1:",
            "127.0.0.1:7070:7070",
            "[::1]:7070",
        ] {
            assert!(!is_ours(host, 7070), "{host}");
        }
    }
}
