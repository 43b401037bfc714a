//! Encrypted connections: trusted, untrusted and expired certificates, and servers without
//! encryption.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use lowkey_remote::{
    Address, Dialect, Remote, RemoteConfig, RemoteError, RemoteProtocol, ServerInfo,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates")).join(name)
}

/// Starts a server with this certificate, which describes itself as a llama-server; returns its
/// port.
fn serve(certificate: &str) -> u16 {
    let certificate = CertificateDer::from_pem_file(file(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("server.key.pem")).unwrap();
    let provider = Arc::new(rustls_graviola::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(rustls::StreamOwned::new(connection, stream));
            let mut line = String::new();
            // A client that refuses the certificate closes the connection.
            while stream.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            let body = "{\"data\":[{\"id\":\"coder\",\"owned_by\":\"llamacpp\"}]}";
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.get_mut().write_all(format!("{head}{body}").as_bytes());
        }
    });
    port
}

fn check(port: u16, authority: Option<&str>) -> Result<ServerInfo, RemoteError> {
    let address = Address::parse(&format!("https://localhost:{port}"), false).unwrap();
    let config = RemoteConfig::new(address, "", RemoteProtocol::Auto);
    let config = RemoteConfig { authorities: authority.map(file), ..config };
    Remote::new(config, |_| {}).check(None)
}

#[test]
fn certificate_of_a_named_authority_is_trusted() {
    let found = check(serve("server.pem"), Some("authority.pem")).unwrap();
    assert_eq!((found.dialect, found.model.as_str()), (Dialect::LlamaServer, "coder"));
}

#[test]
fn other_certificates_are_refused() {
    let refused = |certificate, authority| {
        let error = check(serve(certificate), authority).unwrap_err();
        assert!(matches!(error, RemoteError::Certificate { .. }), "{error:?}");
        error.to_string()
    };
    assert!(refused("server.pem", Some("server.pem")).contains("remote_ca_file"));
    assert!(refused("expired.pem", Some("authority.pem")).contains("expired"));
}

#[test]
fn missing_authorities_are_an_error() {
    let error = check(serve("server.pem"), Some("missing.pem")).unwrap_err();
    assert!(matches!(error, RemoteError::NoTls { .. }), "{error:?}");
}

#[test]
fn server_without_encryption_is_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 5];
        std::io::Read::read_exact(&mut stream, &mut bytes).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        bytes
    });
    let error = check(port, Some("authority.pem")).unwrap_err();
    assert!(!matches!(error, RemoteError::HalfAnswer { .. }), "{error:?}");
    // The first byte of a TLS handshake, and no request.
    assert_eq!(seen.join().unwrap()[0], 22);
}
