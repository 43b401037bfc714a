//! Questions about the server itself: why there was no suggestion, which text it has, what it is doing.
//!
//! `$/lowkey/explain` returns the report of a document's last answered request,
//! `$/lowkey/document` a fingerprint of the text that the server has (never the text),
//! `$/lowkey/status` whether the model is there and how many tokens it has computed. An unknown
//! document is null.

use std::future::{Ready, ready};

use lowkey_completer::{Status, Work};
use lowkey_document::Uri as DocumentUri;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};

use super::backend::Backend;

/// `{textDocument: {uri}}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentParams {
    text_document: Uri,
}

#[derive(Debug, Deserialize)]
struct Uri {
    uri: String,
}

/// What the server has of a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fingerprint {
    version: i32,
    bytes: usize,
    lines: usize,
    /// FNV-1a of the UTF-8 text, 64 bits, in hexadecimal.
    fnv1a: String,
    desynced: bool,
}

/// What the server is doing.
#[derive(Debug, Serialize)]
pub(super) struct StatusReport {
    /// `loading`, `ready` or `failed`.
    state: &'static str,
    /// The model's name; empty until it is loaded.
    model: String,
    /// Why there is no model; empty otherwise.
    message: String,
    /// Suggestions are switched off.
    paused: bool,
    work: WorkReport,
}

/// Tokens computed since the start.
#[derive(Debug, Serialize)]
pub(super) struct WorkReport {
    prefilled: u64,
    decoded: u64,
    /// Of them at low priority: looking ahead, and where the cursor rests.
    background_prefilled: u64,
    background_decoded: u64,
}

impl From<Work> for WorkReport {
    fn from(work: Work) -> Self {
        let Work { prefilled, decoded, background_prefilled, background_decoded } = work;
        Self { prefilled, decoded, background_prefilled, background_decoded }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "tower-lsp hands parameters over by value")]
impl Backend {
    /// Answers `$/lowkey/explain`.
    pub(super) fn explain(&self, params: DocumentParams) -> Ready<Result<Value>> {
        let report = self.link.negotiated().and_then(|negotiated| {
            negotiated.completer.explain(&DocumentUri::new(&params.text_document.uri))
        });
        ready(match report {
            None => Ok(Value::Null),
            Some(report) => {
                serde_json::to_value(report.as_ref()).map_err(|_| Error::internal_error())
            }
        })
    }

    /// Answers `$/lowkey/document`.
    pub(super) fn document(&self, params: DocumentParams) -> Ready<Result<Option<Fingerprint>>> {
        let view = self.link.documents.view(&params.text_document.uri);
        ready(Ok(view.map(|view| Fingerprint {
            version: view.snapshot.version(),
            bytes: view.snapshot.n_bytes(),
            lines: view.snapshot.n_lines(),
            fnv1a: format!("{:016x}", fnv1a(view.snapshot.text().as_bytes())),
            desynced: view.desynced,
        })))
    }

    /// Answers `$/lowkey/status`.
    pub(super) fn status(&self, _: Value) -> Ready<Result<Option<StatusReport>>> {
        ready(Ok(self.link.negotiated().map(|negotiated| {
            let (state, model, message) = match negotiated.completer.status() {
                Status::Loading(_) => ("loading", String::new(), String::new()),
                Status::Ready { model, .. } => ("ready", model, String::new()),
                Status::Failed(reason) => ("failed", String::new(), reason),
            };
            StatusReport {
                state,
                model,
                message,
                paused: negotiated.completer.settings().paused,
                work: negotiated.completer.work().into(),
            }
        })))
    }
}

/// FNV-1a, 64 bits: tells texts apart without telling them.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_has_its_published_values() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
