//! What the crates that may connect to other machines share: TLS with its certificate authorities,
//! and foreign text in messages.
//!
//! This crate opens no socket. `lowkey-store` does for `lowkey models pull`, `lowkey-remote` for the
//! server that the user configured.

mod text;
mod tls;

pub use text::printable;
pub use tls::{TlsError, config as tls_config};
