//! The server's address: encrypted, or plain where that is safe or allowed.

use std::net::IpAddr;

use ureq::http::Uri;

use crate::config::ConfigError;

/// Endings of addresses that users copy from other clients' settings. Longer ones first.
const KNOWN_ENDINGS: &[&str] =
    &["/v1/completions", "/api/generate", "/completion", "/infill", "/v1", "/api"];

/// The address of a server, without the endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme, host and path, without a slash at the end.
    base: String,
    /// Host, and the port if the address has one.
    host: String,
    is_encrypted: bool,
    is_loopback: bool,
}

impl Address {
    /// Parses an address. Plain HTTP is accepted for this machine, or with `allow_plain_http`.
    pub fn parse(url: &str, allow_plain_http: bool) -> Result<Self, ConfigError> {
        let url = url.trim();
        let invalid = |why: &'static str| Err(ConfigError::Address { why });
        let Ok(uri) = url.parse::<Uri>() else { return invalid("it is not an address") };
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return invalid("it must begin with https:// or http://"),
        };
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty())
        else {
            return invalid("it has no host");
        };
        if authority.as_str().contains('@') {
            return invalid(
                "it must not contain a name or password; use remote_key_env or remote_key_file",
            );
        }
        if uri.query().is_some() || url.contains('#') {
            return invalid("it must not contain a query or a fragment");
        }
        let is_loopback = is_loopback(authority.host());
        if !is_encrypted && !is_loopback && !allow_plain_http {
            return Err(ConfigError::PlainHttp { host: authority.host().to_owned() });
        }
        let path = uri.path().trim_end_matches('/');
        let path = KNOWN_ENDINGS.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
        let scheme = if is_encrypted { "https" } else { "http" };
        let base = format!("{scheme}://{authority}{}", path.trim_end_matches('/'));
        Ok(Self { base, host: authority.as_str().to_owned(), is_encrypted, is_loopback })
    }

    /// Returns the host, with the port if the address has one.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the address of an endpoint; `path` begins with a slash.
    pub(crate) fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<String, String> {
        let address = Address::parse(url, false).map_err(|error| error.to_string())?;
        Ok(address.endpoint("/v1/models"))
    }

    #[test]
    fn endpoints_follow_the_base() {
        for (url, expected) in [
            ("https://gpu.example:8000", "https://gpu.example:8000/v1/models"),
            ("https://gpu.example/", "https://gpu.example/v1/models"),
            ("https://gpu.example/v1", "https://gpu.example/v1/models"),
            ("https://gpu.example/team/v1/", "https://gpu.example/team/v1/models"),
            ("https://gpu.example/v1/completions", "https://gpu.example/v1/models"),
            ("http://localhost:8080", "http://localhost:8080/v1/models"),
            ("http://127.0.0.1:11434/api/generate", "http://127.0.0.1:11434/v1/models"),
            ("http://[::1]:8080/infill", "http://[::1]:8080/v1/models"),
        ] {
            assert_eq!(endpoint(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn addresses_without_protection_are_refused() {
        for (url, why) in [
            ("http://gpu.example:8000", "remote_allow_plain_http"),
            ("http://localhost.evil.example", "remote_allow_plain_http"),
            ("http://10.0.0.7:8000", "remote_allow_plain_http"),
            ("https://me:secret@gpu.example", "remote_key_env"),
            ("gpu.example:8000", "https://"),
            ("ftp://gpu.example", "https://"),
            ("https://gpu.example/v1?key=secret", "query"),
            ("https://", "not an address"),
            ("", "not an address"),
        ] {
            let error = endpoint(url).unwrap_err();
            assert!(error.contains(why), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
        assert!(Address::parse("http://gpu.example:8000", true).is_ok());
    }
}
