//! Sends one request over a connection that can be closed from another thread.
//!
//! Invariants: the only file of this crate that opens a socket; no redirect is followed, so that
//! the key and the text go to the configured host alone. A proxy of the environment is used as in
//! `lowkey models pull`, except for a server on this machine.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use lowkey_network::{TlsError, printable, tls_config};
use serde_json::Value;
use ureq::tls::TlsConfig;
use ureq::{Agent, Timeout};

use crate::address::Address;
use crate::api_key::ApiKey;
use crate::config::{RemoteConfig, RemoteTimeouts};
use crate::dialect;
use crate::error::{RemoteError, kind_in_words};

/// Longest error page that is read.
const MAX_ERROR_BYTES: u64 = 16 << 10;
/// Longest answer about the server; a gateway with hundreds of models lists them in 100 kilobytes,
/// and vLLM's metrics have 60.
const MAX_PAGE_BYTES: u64 = 4 << 20;
/// A connection without a request is closed after this time. Servers close theirs after 5 s (the
/// default of vLLM's) or later; a request that meets a closed connection is sent again.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// The connections to the server.
pub(crate) struct Http {
    address: Address,
    key: Option<ApiKey>,
    authorities: Option<PathBuf>,
    timeouts: RemoteTimeouts,
    tls: OnceLock<Result<TlsConfig, TlsError>>,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    agent: Option<Agent>,
    /// Counts agents.
    number: u64,
}

/// The connections of one call. Closing them interrupts it.
#[derive(Clone)]
pub(crate) struct Lease {
    agent: Agent,
    number: u64,
    /// Whether earlier calls may have left a connection open.
    is_reused: bool,
}

/// An answer with its body unread.
pub(crate) struct Reply {
    pub(crate) status: u16,
    retry_after: Option<Duration>,
    pub(crate) body: Box<dyn Read>,
}

impl Http {
    pub(crate) fn new(config: &RemoteConfig) -> Self {
        Self {
            address: config.address.clone(),
            key: config.key.clone(),
            authorities: config.authorities.clone(),
            timeouts: config.timeouts,
            tls: OnceLock::new(),
            current: Mutex::default(),
        }
    }

    /// Returns the server's host, for messages.
    pub(crate) fn host(&self) -> String {
        printable(self.address.host())
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the connections for a call.
    pub(crate) fn lease(&self) -> Result<Lease, RemoteError> {
        let mut current = self.current();
        if let Some(agent) = &current.agent {
            return Ok(Lease { agent: agent.clone(), number: current.number, is_reused: true });
        }
        let agent = self.agent()?;
        current.number += 1;
        current.agent = Some(agent.clone());
        Ok(Lease { agent, number: current.number, is_reused: false })
    }

    /// Closes the connections of a call, at once and from any thread.
    pub(crate) fn close(&self, lease: &Lease) {
        let mut current = self.current();
        if current.number == lease.number {
            current.agent = None;
        }
        drop(current);
        lease.agent.clone().shutdown();
    }

    fn agent(&self) -> Result<Agent, RemoteError> {
        let RemoteTimeouts { connect, read, total } = self.timeouts;
        let config = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .timeout_recv_response(Some(read))
            .timeout_per_read(Some(read))
            .timeout_global(Some(total))
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(MAX_IDLE)
            .user_agent(concat!("lowkey/", env!("CARGO_PKG_VERSION")));
        // A proxy of the environment cannot reach a server on this machine, and must not get the text.
        let config = if self.address.is_loopback() { config.proxy(None) } else { config };
        if !self.address.is_encrypted() {
            return Ok(config.build().new_agent());
        }
        let tls =
            self.tls.get_or_init(|| tls_config(self.authorities.as_deref())).clone().map_err(
                |error| RemoteError::NoTls {
                    host: self.host(),
                    why: printable(&error.to_string()),
                },
            )?;
        Ok(config.tls_config(tls).build().new_agent())
    }

    /// Reads an endpoint; an answer with any status counts as success.
    pub(crate) fn get(&self, lease: &Lease, path: &str) -> Result<Reply, RemoteError> {
        self.send(lease, |agent| {
            let request = agent.get(self.address.endpoint(path));
            self.with_headers(request).call()
        })
    }

    /// Sends JSON to an endpoint; an answer with any status counts as success.
    pub(crate) fn post(
        &self,
        lease: &Lease,
        path: &str,
        json: &Value,
    ) -> Result<Reply, RemoteError> {
        let body = json.to_string();
        self.send(lease, |agent| {
            let request = agent.post(self.address.endpoint(path));
            self.with_headers(request).content_type("application/json").send(body.as_str())
        })
    }

    fn with_headers<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        let request = request.header("Accept-Encoding", "identity");
        match &self.key {
            Some(key) => request.header("Authorization", key.header()),
            None => request,
        }
    }

    fn send(
        &self,
        lease: &Lease,
        call: impl Fn(&Agent) -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Reply, RemoteError> {
        let answer = match call(&lease.agent) {
            // The server has closed the idle connection.
            Err(ureq::Error::Io(error)) if lease.is_reused && is_closed(error.kind()) => {
                call(&lease.agent)
            }
            answer => answer,
        };
        let (head, body) = answer.map_err(|error| self.sort(&error))?.into_parts();
        let retry_after = head.headers.get("retry-after").and_then(|value| value.to_str().ok());
        Ok(Reply {
            status: head.status.as_u16(),
            retry_after: retry_after.and_then(|value| pause(value, SystemTime::now())),
            body: Box::new(body.into_reader()),
        })
    }

    /// Sorts a failed call. `error` may have text of the certificate, but none of an answer.
    fn sort(&self, error: &ureq::Error) -> RemoteError {
        let host = self.host();
        let why = printable(&error.to_string());
        match error {
            ureq::Error::Timeout(timeout) => self.timeout(*timeout),
            ureq::Error::Rustls(_) => RemoteError::Certificate { host, why },
            // rustls wraps its errors in this kind, above all a refused certificate.
            ureq::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                RemoteError::Certificate { host, why: printable(&error.to_string()) }
            }
            ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
                RemoteError::Unreachable { host, why: "no program listens there".into() }
            }
            ureq::Error::HostNotFound => {
                RemoteError::Unreachable { host, why: "there is no host of this name".into() }
            }
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) => {
                RemoteError::Garbage { host, what: "its head is not HTTP" }
            }
            _ => RemoteError::Unreachable { host, why },
        }
    }

    fn timeout(&self, timeout: Timeout) -> RemoteError {
        let RemoteTimeouts { connect, read, total } = self.timeouts;
        let (limit, what) = match timeout {
            Timeout::Resolve => (connect, "finding the host"),
            Timeout::Connect => (connect, "connecting"),
            Timeout::Global => (total, "the whole answer"),
            _ => (read, "waiting for text"),
        };
        // A limit of less than a second is only in tests.
        RemoteError::Timeout { host: self.host(), seconds: limit.as_secs().max(1), what }
    }

    /// Sorts a failure while a body is read, after `n_bytes` of it.
    pub(crate) fn sort_read(&self, error: &std::io::Error, n_bytes: usize) -> RemoteError {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        match inner {
            Some(ureq::Error::Timeout(timeout)) => self.timeout(*timeout),
            Some(ureq::Error::Protocol(_)) if n_bytes == 0 => {
                RemoteError::Garbage { host: self.host(), what: "its body is not HTTP" }
            }
            _ if error.kind() == ErrorKind::TimedOut => self.timeout(Timeout::RecvBody),
            _ => RemoteError::HalfAnswer { host: self.host(), n_bytes },
        }
    }

    /// Reads the whole body of an answer about the server; `None` if it has no such endpoint.
    pub(crate) fn read_page(
        &self,
        reply: Reply,
        path: &'static str,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        match reply.status {
            200 => {}
            404 | 405 | 501 => return Ok(None),
            _ => return Err(self.refusal(reply, path, "")),
        }
        let mut bytes = Vec::new();
        let read = reply.body.take(MAX_PAGE_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| self.sort_read(&error, 0))?;
        Ok(Some(bytes))
    }

    /// Returns the error of an answer that is no success.
    pub(crate) fn refusal(&self, reply: Reply, path: &'static str, model: &str) -> RemoteError {
        let Reply { status, retry_after, body } = reply;
        let host = self.host();
        let mut page = Vec::new();
        // What was read before a failure is enough for a message.
        let _ = body.take(MAX_ERROR_BYTES).read_to_end(&mut page);
        let json = serde_json::from_slice::<Value>(&page).unwrap_or_default();
        let (kind, message) = dialect::failure(&json).unwrap_or_default();
        let about_model = message.to_lowercase().contains("model");
        let (kind, message) = (kind_in_words(&kind), printable(&message));
        match status {
            300..=399 => RemoteError::Redirected { host, status },
            401 | 403 => RemoteError::Unauthorized { host, status },
            404 if about_model => {
                RemoteError::NoModel { host, model: printable(model), listed: String::new() }
            }
            404 | 405 => RemoteError::NoEndpoint { host, path, status },
            429 => RemoteError::RateLimited { host, retry_after },
            500..=599 => RemoteError::ServerFailed { host, status, kind, retry_after, message },
            _ => RemoteError::Refused { host, status, kind, message },
        }
    }
}

/// Whether an error means that the server closed the connection before it read the request.
fn is_closed(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Reads the header `Retry-After`: seconds, or a date.
fn pause(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(pause(" 7 ", now), Some(Duration::from_secs(7)));
        let date = pause("Thu, 01 Jan 1970 00:01:30 GMT", now);
        assert_eq!(date, Some(Duration::from_secs(90)));
        for value in ["", "-1", "soon", "Thu, 01 Jan 1970 00:00:00 GMT x"] {
            assert_eq!(pause(value, now), None, "{value}");
        }
        let past = pause("Thu, 01 Jan 1970 00:00:00 GMT", now + Duration::from_secs(1));
        assert_eq!(past, None);
    }
}
