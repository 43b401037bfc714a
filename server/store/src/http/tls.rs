//! TLS in pure Rust: rustls over graviola, with the certificates that the operating system trusts.
//!
//! Decision 5 gives the reasons. `SSL_CERT_FILE` and `SSL_CERT_DIR` select other certificates, as
//! in other programs; pip's `cert` does so for the package index.

use std::path::Path;
use std::sync::Arc;

use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::TransportError;

/// Returns the TLS settings with these certificate authorities, or with the system's.
pub(super) fn config(authorities: Option<&Path>) -> Result<TlsConfig, TransportError> {
    if !graviola::util::is_cpu_supported() {
        return Err(TransportError::NoTls);
    }
    let found = match authorities {
        // pip accepts a folder too.
        Some(path) if path.is_dir() => rustls_native_certs::load_certs_from_paths(None, Some(path)),
        Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        None => rustls_native_certs::load_native_certs(),
    };
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(TransportError::Permanent(format!(
            "this system trusts no certificate authority{why}; install the package ca-certificates, or name a file in SSL_CERT_FILE (for a package index, in PIP_CERT)"
        )));
    }
    let roots: Vec<_> = found
        .certs
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls_graviola::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build())
}
