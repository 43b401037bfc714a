//! Sends a request and follows its redirects.
//!
//! Invariant: a token is sent only to its own server, whatever a redirect names.

use super::Origin;
use super::attempt_error::{AttemptError, transport_error, untrusted};
use super::redirect::{follow, origin, without_secret};
use crate::http::{Http, HttpRequest, HttpResponse};
use crate::hub::AuthToken;

/// How the redirects of a request are followed.
pub(super) struct Redirects<'a> {
    pub(super) origin: Origin,
    /// The only server that receives the token.
    pub(super) home: &'a str,
    pub(super) token: Option<&'a AuthToken>,
    /// Maximum number of redirects.
    pub(super) max: usize,
    /// Whether a name and password in a redirect's address are dropped.
    pub(super) drops_secrets: bool,
}

/// The response that ends a chain of redirects.
pub(super) struct Followed {
    /// The address that sent it.
    pub(super) url: String,
    pub(super) response: HttpResponse,
    /// Whether the address is on the home server.
    pub(super) at_home: bool,
    /// Whether the request had the token.
    pub(super) with_token: bool,
}

impl Redirects<'_> {
    /// Sends `request` to `url`, and to the address of each redirect. Ends at a response that is no
    /// redirect, or that `is_last` accepts; `is_last` sees every response, in order.
    pub(super) fn send(
        &self,
        http: &mut Http,
        url: &str,
        request: HttpRequest<'_>,
        mut is_last: impl FnMut(&HttpResponse) -> bool,
    ) -> Result<Followed, AttemptError> {
        let mut url = url.to_owned();
        for _ in 0..=self.max {
            let at_home = origin(&url) == origin(self.home);
            let token = self.token.filter(|_| at_home);
            let response = http
                .send(&url, &HttpRequest { token, ..request })
                .map_err(|error| transport_error(self.origin, &url, error))?;
            let is_last = is_last(&response) || !is_redirect(response.status);
            let Some(location) = response.header("location").filter(|_| !is_last) else {
                return Ok(Followed { url, response, at_home, with_token: token.is_some() });
            };
            let next = follow(&url, location).ok_or_else(|| {
                untrusted(self.origin, &url, "a redirect to an unencrypted address")
            })?;
            url = if self.drops_secrets { without_secret(&next).0 } else { next };
        }
        Err(untrusted(self.origin, &url, "too many redirects").into())
    }
}

/// Whether a response with this status names another address.
pub(super) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}
