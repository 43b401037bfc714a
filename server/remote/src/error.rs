//! Why there is no text from the server: the cause, the place, and the next step.
//!
//! Invariant: `Display` has no text of the server's answer except a short name of a kind of error,
//! because servers quote the prompt in their messages. [`RemoteError::detail`] has the message, for
//! commands that send no text of the user.

use std::time::Duration;

use crate::backoff::Failure;

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    #[error("cannot reach {host}: {why}; check remote_url, and whether the server runs")]
    Unreachable { host: String, why: String },
    #[error(
        "the certificate of {host} is refused: {why}; if your company has its own authority, name its file in remote_ca_file or SSL_CERT_FILE"
    )]
    Certificate { host: String, why: String },
    #[error("no encrypted connection to {host} is possible: {why}")]
    NoTls { host: String, why: String },
    #[error("{host} did not answer in {seconds} s ({what}); the server is slow or overloaded")]
    Timeout { host: String, seconds: u64, what: &'static str },
    #[error(
        "{host} refuses the key (HTTP {status}); set remote_key_env or remote_key_file to a valid one"
    )]
    Unauthorized { host: String, status: u16 },
    #[error("{host} has no model {model:?}{listed}; set remote_model")]
    NoModel {
        host: String,
        model: String,
        /// The models that it has, in words; or empty.
        listed: String,
    },
    #[error("{host} has no endpoint {path} (HTTP {status}); check remote_url and remote_protocol")]
    NoEndpoint { host: String, path: &'static str, status: u16 },
    #[error("{host} limits requests (HTTP 429){}", asks_for(.retry_after.as_ref()))]
    RateLimited { host: String, retry_after: Option<Duration> },
    #[error("{host} cannot answer now (HTTP {status}{kind}){}", asks_for(.retry_after.as_ref()))]
    ServerFailed {
        host: String,
        status: u16,
        kind: String,
        retry_after: Option<Duration>,
        message: String,
    },
    #[error("{host} refuses the request (HTTP {status}{kind})")]
    Refused { host: String, status: u16, kind: String, message: String },
    #[error(
        "{host} sends to another address (HTTP {status}), which lowkey does not follow; set remote_url to the final address"
    )]
    Redirected { host: String, status: u16 },
    #[error("the answer of {host} cannot be read: {what}; check remote_protocol")]
    Garbage { host: String, what: &'static str },
    #[error("{host} ended its answer early, after {n_bytes} bytes")]
    HalfAnswer { host: String, n_bytes: usize },
    #[error("the answer of {host} is longer than {limit} bytes")]
    TooLong { host: String, limit: usize },
    #[error("{host} reports a failure while it answers{kind}")]
    Failed { host: String, kind: String, message: String },
    #[error(
        "the local model has no sentinels for a prompt, and {host} adds none itself; use remote_protocol llama-server or ollama, or another local model"
    )]
    NoPromptForm { host: String },
    /// A newer request replaced the call, or the server ends.
    #[error("the request was cancelled")]
    Cancelled,
    /// There was nothing to ask.
    #[error("there is no text to ask for")]
    NothingToAsk,
    #[error("not asked: after a failure {host} is asked again in {} s", .left.as_secs().max(1))]
    BackingOff { host: String, left: Duration },
    #[error("not asked: {n_calls} earlier calls to {host} have not ended")]
    Busy { host: String, n_calls: usize },
    #[error("cannot start a thread for the call: {why}")]
    NoThread { why: String },
}

/// Completes a message with the pause that a server asks for.
fn asks_for(retry_after: Option<&Duration>) -> String {
    retry_after
        .map(|pause| format!("; it asks for a pause of {} s", pause.as_secs()))
        .unwrap_or_default()
}

impl RemoteError {
    /// Returns the server's own message, cut and on one line. It may quote the prompt.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::ServerFailed { message, .. }
            | Self::Refused { message, .. }
            | Self::Failed { message, .. } => Some(message).filter(|message| !message.is_empty()),
            _ => None,
        }
        .map(String::as_str)
    }

    /// Returns the effect on later calls; `None` if the server is not to blame.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self {
            Self::Cancelled
            | Self::NothingToAsk
            | Self::BackingOff { .. }
            | Self::Busy { .. }
            | Self::NoThread { .. } => None,
            Self::RateLimited { retry_after, .. } | Self::ServerFailed { retry_after, .. } => {
                Some(retry_after.map_or(Failure::Passing, Failure::Asked))
            }
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Garbage { .. }
            | Self::HalfAnswer { .. }
            | Self::TooLong { .. }
            | Self::Refused { .. }
            | Self::Failed { .. } => Some(Failure::Passing),
            Self::Certificate { .. }
            | Self::NoTls { .. }
            | Self::Unauthorized { .. }
            | Self::NoModel { .. }
            | Self::NoEndpoint { .. }
            | Self::Redirected { .. }
            | Self::NoPromptForm { .. } => Some(Failure::Lasting),
        }
    }
}

/// Returns ` name` in brackets' style for a kind of error, if it is a short name and not a text.
pub(crate) fn kind_in_words(kind: &str) -> String {
    let is_name = !kind.is_empty()
        && kind.len() <= 40
        && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_name { format!(", {kind}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_servers_are_not_displayed() {
        let error = RemoteError::Refused {
            host: "gpu".into(),
            status: 400,
            kind: kind_in_words("BadRequestError"),
            message: "prompt \"let secret\" is too long".into(),
        };
        assert_eq!(error.to_string(), "gpu refuses the request (HTTP 400, BadRequestError)");
        assert_eq!(error.detail(), Some("prompt \"let secret\" is too long"));
        assert_eq!(kind_in_words("let secret = 1"), "");
    }

    #[test]
    fn pauses_of_servers_are_in_the_message() {
        let limited = |retry_after| RemoteError::RateLimited { host: "gpu".into(), retry_after };
        assert_eq!(limited(None).to_string(), "gpu limits requests (HTTP 429)");
        let pause = Duration::from_secs(30);
        assert!(limited(Some(pause)).to_string().ends_with("a pause of 30 s"));
        assert_eq!(limited(Some(pause)).failure(), Some(Failure::Asked(pause)));
        assert_eq!(RemoteError::Cancelled.failure(), None);
    }
}
