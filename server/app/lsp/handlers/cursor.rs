//! `$/lowkey/cursor`: the client reports that the cursor rests.
//!
//! A notification of lowkey's own, `{textDocument: {uri}, position}`, sent when the cursor has not
//! moved for 300 ms. The prompt of that position is prefilled at low priority. A client that does
//! not send it only loses this head start.

use lowkey_completer::CompletionRequest;
use lowkey_document::Position;
use serde::Deserialize;
use serde_json::Value;

use crate::lsp::convert::{LenientPosition, TextDocument};
use crate::lsp::session::Session;

/// `{textDocument: {uri}, position}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    text_document: TextDocument,
    position: LenientPosition,
}

/// Handles the notification.
pub(in crate::lsp) fn rests(session: &Session, params: &Value) {
    let Ok(Params { text_document, position }) = Params::deserialize(params) else {
        // The error quotes the parameters, so it is not logged.
        tracing::warn!("ignored: $/lowkey/cursor without textDocument.uri or position");
        return;
    };
    let position = Position::from(position);
    let Some(negotiated) = session.negotiated() else { return };
    let Some(view) = session.documents().view(&text_document.uri) else { return };
    let cursor = view.snapshot.offset(position, negotiated.encoding);
    if view.snapshot.position(cursor, negotiated.encoding) != position {
        // The text has no such position.
        return;
    }
    let request = CompletionRequest {
        desynced: view.desynced,
        ..CompletionRequest::new(view.snapshot, cursor)
    };
    negotiated.completer.prefill_at_cursor(request);
}
