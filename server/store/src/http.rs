//! Sends one request and returns one answer. It follows no redirect and repeats no attempt, so that
//! [`crate::pull`] alone decides which data is sent where.
//!
//! Invariant: the only file of this crate that opens a socket. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`,
//! `ALL_PROXY` and `NO_PROXY`, unless pip's configuration sets another one ([`Route`]).

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use lowkey_network::{TlsError, printable, tls_config};
use ureq::Agent;

use crate::hub::AuthToken;

/// Timeouts of a request.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection, including its encryption.
    pub connect: Duration,
    /// For the next bytes, or the head of the answer.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(30), read: Duration::from_mins(1) }
    }
}

/// The connection settings for a server, where they differ from the environment's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// A file of certificate authorities to trust instead of the system's.
    pub(crate) authorities: Option<PathBuf>,
    /// The address of a proxy; it may contain a password.
    pub(crate) proxy: Option<String>,
}

/// A request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HttpRequest<'a> {
    /// Whether to request only the head of the answer.
    pub(crate) head_only: bool,
    pub(crate) token: Option<&'a AuthToken>,
    /// Accepted types of content, as in the `Accept` header.
    pub(crate) accept: Option<&'a str>,
    /// The first requested byte; 0 for the whole file.
    pub(crate) from: u64,
    /// The validator of the bytes received earlier.
    pub(crate) validator: Option<&'a str>,
}

/// The answer of a server.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    headers: ureq::http::HeaderMap,
    pub(crate) body: Box<dyn Read>,
}

impl HttpResponse {
    /// Returns a header's value, if it exists and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// Returns a header's value as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }
}

/// Why there was no answer.
#[derive(Debug)]
pub(crate) enum TransportError {
    /// Transient: another attempt may succeed.
    Transient(String),
    /// Permanent: no attempt will succeed.
    Permanent(String),
    /// The address requires TLS, which this processor does not support.
    NoTls,
}

impl TransportError {
    /// Returns the reason for a body that ended early.
    pub(crate) fn of_body(error: &std::io::Error) -> Self {
        Self::Transient(format!("the connection broke ({})", printable(&error.to_string())))
    }
}

impl From<TlsError> for TransportError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Unsupported => Self::NoTls,
            TlsError::NoAuthority { .. } => Self::Permanent(error.to_string()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Http {
    plain: Option<Agent>,
    /// The client for encrypted connections, created on first use, because reading the system's
    /// certificates takes a while.
    secure: Option<Agent>,
    timeouts: Timeouts,
    route: Route,
}

fn settings(
    timeouts: Timeouts,
    proxy: Option<&ureq::Proxy>,
) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    let settings = Agent::config_builder();
    // Without a proxy here, the environment's applies.
    let settings = match proxy {
        Some(proxy) => settings.proxy(Some(proxy.clone())),
        None => settings,
    };
    settings
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(timeouts.connect))
        .timeout_recv_response(Some(timeouts.read))
        .timeout_per_read(Some(timeouts.read))
        .user_agent(concat!("lowkey/", env!("CARGO_PKG_VERSION")))
}

impl Http {
    pub(crate) fn new(timeouts: Timeouts, route: Route) -> Self {
        Self { plain: None, secure: None, timeouts, route }
    }

    fn agent(&mut self, url: &str) -> Result<&Agent, TransportError> {
        let encrypted = url.starts_with("https:");
        let slot = if encrypted { &mut self.secure } else { &mut self.plain };
        if let Some(agent) = slot.take() {
            return Ok(slot.insert(agent));
        }
        let proxy = self.route.proxy.as_deref().map(ureq::Proxy::new).transpose();
        let proxy = proxy.map_err(|_| {
            TransportError::Permanent(
                "the proxy in pip's configuration is not a valid address".to_owned(),
            )
        })?;
        let settings = settings(self.timeouts, proxy.as_ref());
        let config = if encrypted {
            settings.tls_config(tls_config(self.route.authorities.as_deref())?).build()
        } else {
            settings.build()
        };
        Ok(slot.insert(config.new_agent()))
    }

    /// Sends a request; an answer with any status counts as success.
    pub(crate) fn send(
        &mut self,
        url: &str,
        request: &HttpRequest<'_>,
    ) -> Result<HttpResponse, TransportError> {
        let agent = self.agent(url)?;
        let mut builder = if request.head_only { agent.head(url) } else { agent.get(url) };
        // A compressed body could not be resumed at a byte of the file.
        builder = builder.header("Accept-Encoding", "identity");
        if let Some(accept) = request.accept {
            builder = builder.header("Accept", accept);
        }
        if let Some(token) = request.token {
            builder = builder.header("Authorization", token.header());
        }
        if request.from > 0 {
            builder = builder.header("Range", format!("bytes={}-", request.from));
            if let Some(validator) = request.validator {
                builder = builder.header("If-Range", validator);
            }
        }
        let (head, body) = builder.call().map_err(|error| sort(&error))?.into_parts();
        Ok(HttpResponse {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Box::new(body.into_reader()),
        })
    }
}

/// Separates transient failures from permanent ones. A server may have written part of the text.
fn sort(error: &ureq::Error) -> TransportError {
    let text = printable(&error.to_string());
    match error {
        // rustls wraps its errors in this kind, above all a refused certificate.
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            TransportError::Permanent(printable(&error.to_string()))
        }
        ureq::Error::Io(error) => TransportError::Transient(printable(&error.to_string())),
        ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => TransportError::Transient(text),
        ureq::Error::Timeout(_) => TransportError::Transient(format!("no answer in time ({text})")),
        _ => TransportError::Permanent(text),
    }
}
