//! One request, one answer: no redirect is followed and no attempt repeated here, so that what goes where is decided
//! in one place ([`crate::pull`]).
//!
//! Invariant: the only file that opens a socket. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
//! `NO_PROXY`, unless pip is told another one ([`Route`]).

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use ureq::Agent;

use crate::hub::Token;
use crate::text::printable;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod tls;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For a connection, encryption included.
    pub connect: Duration,
    /// For the next bytes, or the answer's head.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(30), silence: Duration::from_mins(1) }
    }
}

/// The way to a server, where it is not the one that the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// A file of certificate authorities to trust in place of the system's.
    pub(crate) authorities: Option<PathBuf>,
    /// The address of a proxy; it may hold a password.
    pub(crate) proxy: Option<String>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Question<'a> {
    /// Only the answer's head.
    pub(crate) head_only: bool,
    pub(crate) token: Option<&'a Token>,
    /// Types of content that can be read, as `Accept` has them.
    pub(crate) accept: Option<&'a str>,
    /// The first byte that is wanted; 0 for all.
    pub(crate) from: u64,
    /// The validator of the bytes that are here already.
    pub(crate) validator: Option<&'a str>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: ureq::http::HeaderMap,
    pub(crate) body: Box<dyn Read>,
}

impl Answer {
    /// A header's value, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }

    /// A header's value as a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }
}

/// Why there was no answer.
#[derive(Debug)]
pub(crate) enum Silence {
    /// Another attempt may bring one.
    Passing(String),
    /// None will.
    Lasting(String),
    /// The address wants TLS, which does not work here.
    NoTls,
}

impl Silence {
    /// Why a body ended before its end.
    pub(crate) fn of_body(error: &std::io::Error) -> Self {
        Self::Passing(format!("the connection broke ({})", printable(&error.to_string())))
    }
}

#[derive(Debug)]
pub(crate) struct Http {
    plain: Option<Agent>,
    /// With encryption; made when it is first needed, because the system's certificates take a while to read.
    secure: Option<Agent>,
    patience: Patience,
    route: Route,
}

fn settings(
    patience: Patience,
    proxy: Option<&ureq::Proxy>,
) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    let settings = Agent::config_builder();
    // Without one, the environment's.
    let settings = match proxy {
        Some(proxy) => settings.proxy(Some(proxy.clone())),
        None => settings,
    };
    settings
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.silence))
        .timeout_per_read(Some(patience.silence))
        .user_agent(concat!("lowkey/", env!("CARGO_PKG_VERSION")))
}

impl Http {
    pub(crate) fn new(patience: Patience, route: Route) -> Self {
        Self { plain: None, secure: None, patience, route }
    }

    fn agent(&mut self, url: &str) -> Result<&Agent, Silence> {
        let encrypted = url.starts_with("https:");
        let slot = if encrypted { &mut self.secure } else { &mut self.plain };
        if let Some(agent) = slot.take() {
            return Ok(slot.insert(agent));
        }
        let proxy = self.route.proxy.as_deref().map(ureq::Proxy::new).transpose();
        let proxy = proxy.map_err(|_| {
            Silence::Lasting("the proxy that pip is told is no address of one".to_owned())
        })?;
        let settings = settings(self.patience, proxy.as_ref());
        let config = if encrypted {
            settings.tls_config(secure(&self.route)?).build()
        } else {
            settings.build()
        };
        Ok(slot.insert(config.new_agent()))
    }

    /// Asks; any status is an answer.
    pub(crate) fn ask(&mut self, url: &str, question: &Question<'_>) -> Result<Answer, Silence> {
        let agent = self.agent(url)?;
        let mut request = if question.head_only { agent.head(url) } else { agent.get(url) };
        // A compressed body could not be resumed at a byte of the file.
        request = request.header("Accept-Encoding", "identity");
        if let Some(accept) = question.accept {
            request = request.header("Accept", accept);
        }
        if let Some(token) = question.token {
            request = request.header("Authorization", token.header());
        }
        if question.from > 0 {
            request = request.header("Range", format!("bytes={}-", question.from));
            if let Some(validator) = question.validator {
                request = request.header("If-Range", validator);
            }
        }
        let (head, body) = request.call().map_err(|error| sort(&error))?.into_parts();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: Box::new(body.into_reader()),
        })
    }
}

/// Separates failures that may pass from those that last. A server may have written part of the text.
fn sort(error: &ureq::Error) -> Silence {
    let text = printable(&error.to_string());
    match error {
        // What rustls refuses, a certificate above all, it wraps like this.
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Silence::Lasting(printable(&error.to_string()))
        }
        ureq::Error::Io(error) => Silence::Passing(printable(&error.to_string())),
        ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => Silence::Passing(text),
        ureq::Error::Timeout(_) => Silence::Passing(format!("no answer in time ({text})")),
        _ => Silence::Lasting(text),
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn secure(route: &Route) -> Result<ureq::tls::TlsConfig, Silence> {
    tls::config(route.authorities.as_deref())
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn secure(_route: &Route) -> Result<ureq::tls::TlsConfig, Silence> {
    Err(Silence::NoTls)
}
