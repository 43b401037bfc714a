//! The configured server.

use std::path::PathBuf;
use std::time::Duration;

use crate::address::Address;
use crate::api_key::ApiKey;
use crate::dialect::RemoteProtocol;

/// A server to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteConfig {
    pub address: Address,
    /// The model's name at the server; empty for the only or first one.
    pub model: String,
    pub protocol: RemoteProtocol,
    pub key: Option<ApiKey>,
    /// A file of certificate authorities to trust instead of the system's.
    pub authorities: Option<PathBuf>,
    pub timeouts: RemoteTimeouts,
}

impl RemoteConfig {
    /// Builds a configuration without a key.
    pub fn new(address: Address, model: &str, protocol: RemoteProtocol) -> Self {
        Self {
            address,
            model: model.trim().to_owned(),
            protocol,
            key: None,
            authorities: None,
            timeouts: RemoteTimeouts::default(),
        }
    }
}

/// Time limits of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteTimeouts {
    /// For finding the host, and again for the connection with its encryption.
    pub connect: Duration,
    /// For the next bytes of an answer, including the first.
    pub read: Duration,
    /// For the whole call.
    pub total: Duration,
}

impl Default for RemoteTimeouts {
    /// A text that arrives later is of no use for the place where it was asked.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            read: Duration::from_secs(10),
            total: Duration::from_secs(20),
        }
    }
}

/// Why the settings do not describe a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("remote_url cannot be used: {why}; an example: https://gpu.example:8000")]
    Address { why: &'static str },
    #[error(
        "remote_url is http://, so everyone between this machine and {host} could read your text; use https://, or set remote_allow_plain_http to true"
    )]
    PlainHttp { host: String },
    #[error("remote_key_env names {name}, but the environment has no such variable")]
    KeyVariable { name: String },
    #[error("cannot read remote_key_file {path}: {why}")]
    KeyFile { path: String, why: String },
    #[error("other users may read remote_key_file {path}: run `chmod 600` on it")]
    KeyFileOpen { path: String },
    #[error("the key for the remote server is empty")]
    KeyEmpty,
    #[error(
        "the key for the remote server has characters that no key has: only visible ASCII, at most 8,192 bytes"
    )]
    KeyCharacters,
    #[error("remote_key_env and remote_key_file are both set; keep one of them")]
    TwoKeys,
}
