//! `$/lowkey/explain`: the report of a document's last answered request; null for an unknown one.

use lowkey_document::Uri;
use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};

use crate::lsp::convert::TextDocument;
use crate::lsp::session::Session;

/// `{textDocument: {uri}}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct DocumentParams {
    text_document: TextDocument,
}

impl DocumentParams {
    /// Returns the document's URI in the client's form.
    pub(super) fn uri(&self) -> &str {
        &self.text_document.uri
    }
}

/// Answers the request.
pub(in crate::lsp) fn explain(session: &Session, params: &DocumentParams) -> Result<Value> {
    let report = session
        .negotiated()
        .and_then(|negotiated| negotiated.completer.explain(&Uri::new(params.uri())));
    match report {
        None => Ok(Value::Null),
        Some(report) => serde_json::to_value(report.as_ref()).map_err(|_| Error::internal_error()),
    }
}
