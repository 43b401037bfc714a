//! Why an attempt of a pull failed, and whether another one may succeed.

use super::Origin;
use super::attempts::TransientFailure;
use super::redirect::display_url;
use crate::error::StoreError;
use crate::http::{HttpResponse, TransportError};

/// Why an attempt failed.
#[derive(Debug)]
pub(super) enum AttemptError {
    Transient(TransientFailure),
    Permanent(StoreError),
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Permanent(error)
    }
}

/// Converts a failed request to an error.
pub(super) fn transport_error(origin: Origin, url: &str, error: TransportError) -> AttemptError {
    let url = display_url(url);
    match error {
        TransportError::Transient(reason) => AttemptError::Transient(TransientFailure::new(reason)),
        TransportError::Permanent(reason) => StoreError::Unreachable { origin, url, reason }.into(),
        TransportError::NoTls => StoreError::NoTls { url }.into(),
    }
}

/// Converts an answer that is neither the file nor a redirect to an error.
pub(super) fn refusal(
    origin: Origin,
    url: &str,
    answer: &HttpResponse,
    pinned: bool,
    with_token: bool,
) -> AttemptError {
    let (status, url) = (answer.status, display_url(url));
    match status {
        401 | 403 if origin == Origin::Index => StoreError::IndexDenied { url, status }.into(),
        401 | 403 => StoreError::Denied { url, status, with_token }.into(),
        404 | 410 if origin == Origin::Hub => StoreError::Gone { url, status, pinned }.into(),
        408 | 425 | 429 | 500..=599 => {
            let seconds = answer.number("retry-after");
            let retry_after = seconds.map(std::time::Duration::from_secs);
            AttemptError::Transient(TransientFailure {
                reason: format!("the server answered {status}"),
                retry_after,
            })
        }
        _ => StoreError::Answer { origin, url, status }.into(),
    }
}

pub(super) fn untrusted(origin: Origin, url: &str, what: &str) -> StoreError {
    StoreError::Untrusted { origin, url: display_url(url), what: what.to_owned() }
}
