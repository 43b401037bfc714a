//! Completions from a server that the user configured: vLLM and others with `OpenAI`'s completions
//! protocol, llama-server, Ollama.
//!
//! [`Remote::ask`] sends a prompt on a thread of its own and passes the text on while it arrives.
//! The caller ends it early, or cancels it: both close the connection, which stops the server.
//! Errors are typed, have clear texts, and lead to a back-off with jitter.
//!
//! Invariants: the only connection is to the configured server, or to a proxy of the environment
//! for it; the bytes and the time of an answer are bounded; no error text has text of a document,
//! because a server's messages may quote the prompt; no call waits for a thread of this crate.
#![cfg_attr(
    test,
    expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")
)]

mod address;
mod api_key;
mod ask;
mod backoff;
mod call;
mod config;
mod dialect;
mod error;
mod http;
mod metrics;
mod remote;
mod server_info;
mod stream;

pub use address::Address;
pub use api_key::ApiKey;
pub use ask::VocabularySample;
pub use ask::{Ask, Flow, PromptParts, RemoteCounts, RemoteEnd, RemotePrompt, RemoteText};
pub use config::{ConfigError, RemoteConfig, RemoteTimeouts};
pub use dialect::{Dialect, RemoteProtocol};
pub use error::RemoteError;
pub use metrics::ServerTotals;
pub use remote::{Remote, RemoteState, RemoteTicket};
pub use server_info::ServerInfo;
#[doc(hidden)]
pub use stream::{EventStream, Framing, StreamEvent, StreamFault};
