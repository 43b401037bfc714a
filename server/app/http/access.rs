//! Access control: the right host, no web page, the token.
//!
//! A page in a browser on this machine can send requests to the loopback interface too. It cannot
//! choose their `Host`: if the page uses its own name that resolves to this machine, `Host` has
//! that name. It cannot hide its `Origin`, and it does not know the token.

use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Request, StatusCode};
use subtle::ConstantTimeEq as _;

use super::response::ApiError;

/// Accepts a request, or returns the reason for the rejection. Called before the body is read.
pub(super) fn check<B>(request: &Request<B>, token: &str, port: u16) -> Result<(), ApiError> {
    let headers = request.headers();
    // A request line may name a host too (`GET http://host/path`).
    let line_is_ours = request.uri().authority().is_none_or(|host| is_ours(host.as_str(), port));
    if !line_is_ours || !only(headers, HOST).is_some_and(|host| is_ours(host, port)) {
        let message = format!("the request is for another host; use http://127.0.0.1:{port}");
        return Err(ApiError::new(StatusCode::FORBIDDEN, message));
    }
    if headers.contains_key(ORIGIN) {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "requests from web pages are refused"));
    }
    let sent = only(headers, AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    // Constant time, so that the delay reveals nothing about the token.
    if sent.is_some_and(|sent| bool::from(sent.as_bytes().ct_eq(token.as_bytes()))) {
        return Ok(());
    }
    let message = "the token is missing or wrong; send `Authorization: Bearer TOKEN` with the token that lowkey names at its start";
    Err(ApiError::new(StatusCode::UNAUTHORIZED, message).with_header(WWW_AUTHENTICATE, "Bearer"))
}

/// Returns the header's value, if the header occurs exactly once.
pub(super) fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
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
            "user@localhost:7070",
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
