//! TLS in pure Rust: rustls over graviola, with the certificates that the operating system trusts.
//!
//! Decision 5 gives the reasons. `SSL_CERT_FILE` and `SSL_CERT_DIR` select other certificates, as
//! in other programs; pip's `cert` does so for the package index.

use std::path::Path;

use ureq::tls::TlsConfig;

/// Why there is no TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The TLS library does not support this processor.
    #[error(
        "this processor lacks instructions that lowkey's TLS needs (AES and, on x86-64, AVX2 and ADX)"
    )]
    Unsupported,
    /// No certificate authority is trusted; `why` is the reader's reason, or empty.
    #[error(
        "this system trusts no certificate authority{why}; install the package ca-certificates, or name a file in SSL_CERT_FILE (for a package index, in PIP_CERT; for a remote server, in remote_ca_file)"
    )]
    NoAuthority { why: String },
}

/// Returns the TLS settings with the certificate authorities of this file or folder, or with the
/// system's.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn config(authorities: Option<&Path>) -> Result<TlsConfig, TlsError> {
    use std::sync::Arc;

    use ureq::tls::{Certificate, RootCerts, TlsProvider};

    if !graviola::util::is_cpu_supported() {
        return Err(TlsError::Unsupported);
    }
    let found = match authorities {
        // pip accepts a folder too.
        Some(path) if path.is_dir() => rustls_native_certs::load_certs_from_paths(None, Some(path)),
        Some(path) => rustls_native_certs::load_certs_from_paths(Some(path), None),
        None => rustls_native_certs::load_native_certs(),
    };
    if found.certs.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(TlsError::NoAuthority { why });
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

/// Fails: the TLS library does not support this processor.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn config(_authorities: Option<&Path>) -> Result<TlsConfig, TlsError> {
    Err(TlsError::Unsupported)
}
