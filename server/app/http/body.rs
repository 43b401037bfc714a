//! Reads the body of a request: JSON, of bounded length, within a time limit.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use hyper::{Request, StatusCode};

use super::access::only;
use super::response::ApiError;

/// Enough for the longest prompt with JSON's escapes.
const MAX_BODY_BYTES: u64 = 4 << 20;

/// Returns the body, if its content type is JSON and its length is given in advance.
pub(super) async fn read(request: Request<Incoming>, timeout: Duration) -> Result<Bytes, ApiError> {
    let headers = request.headers();
    let media = only(headers, CONTENT_TYPE).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("application/json") {
        let message = "send the body with `Content-Type: application/json`";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        let message = "Transfer-Encoding is not supported; send the body with a Content-Length";
        return Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, message));
    }
    if !headers.contains_key(CONTENT_LENGTH) {
        let message = "send the body with a Content-Length";
        return Err(ApiError::new(StatusCode::LENGTH_REQUIRED, message));
    }
    // `hyper` has parsed the Content-Length, and reads no more bytes than that.
    let n_bytes = request.body().size_hint().lower();
    if n_bytes > MAX_BODY_BYTES {
        let message = format!("the body has {n_bytes} bytes, the limit is {MAX_BODY_BYTES}");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    match tokio::time::timeout(timeout, request.into_body().collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => {
            let message = "the body ends before its Content-Length";
            Err(ApiError::new(StatusCode::BAD_REQUEST, message))
        }
        Err(_) => {
            let message = format!("the body did not arrive within {} s", timeout.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}
