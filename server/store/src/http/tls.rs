//! TLS in Rust alone: rustls over graviola, with the certificates that the operating system trusts.
//!
//! Decision 5 says why. `SSL_CERT_FILE` and `SSL_CERT_DIR` name other certificates, as elsewhere.

use std::sync::Arc;

use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::Silence;

/// How connections are encrypted.
pub(super) fn config() -> Result<TlsConfig, Silence> {
    if !graviola::util::is_cpu_supported() {
        return Err(Silence::NoTls);
    }
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(Silence::Lasting(format!(
            "no certificate authority is trusted here{why}: install the package ca-certificates, or name a file in SSL_CERT_FILE"
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
