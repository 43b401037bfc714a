//! `$/lowkey/document`: a fingerprint of the server's text, never the text; null for an unknown
//! document.

use serde::Serialize;

use super::explain::DocumentParams;
use crate::lsp::session::Session;

/// The fingerprint of a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct Fingerprint {
    version: i32,
    bytes: usize,
    lines: usize,
    /// FNV-1a of the UTF-8 text, 64 bits, in hexadecimal.
    fnv1a: String,
    desynced: bool,
}

/// Answers the request.
pub(in crate::lsp) fn fingerprint(
    session: &Session,
    params: &DocumentParams,
) -> Option<Fingerprint> {
    let view = session.documents().view(params.uri());
    view.map(|view| Fingerprint {
        version: view.snapshot.version(),
        bytes: view.snapshot.n_bytes(),
        lines: view.snapshot.n_lines(),
        fnv1a: format!("{:016x}", fnv1a(view.snapshot.text().as_bytes())),
        desynced: view.desynced,
    })
}

/// FNV-1a, 64 bits: shows whether two texts are equal without revealing them.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_matches_published_values() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
