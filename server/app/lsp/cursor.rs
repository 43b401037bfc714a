//! `$/lowkey/cursor`: the client says where the cursor rests.
//!
//! A notification of our own, `{textDocument: {uri}, position}`, sent when the cursor has not
//! moved for 300 ms. The prompt of that place is prefilled at low priority. Clients that do
//! not send it lose nothing but that head start.

use std::future::{Ready, ready};

use lowkey_completer::CompletionRequest;
use lowkey_document::Position;
use serde::Deserialize;
use serde_json::Value;

use super::backend::Backend;
use super::convert::LenientPosition;
use super::link::Link;

/// `{textDocument: {uri}, position}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    text_document: TextDocument,
    position: LenientPosition,
}

#[derive(Debug, Deserialize)]
struct TextDocument {
    uri: String,
}

impl Backend {
    /// Takes `$/lowkey/cursor`. Everything happens in the call, so in arrival order.
    pub(super) fn cursor(&self, params: Value) -> Ready<()> {
        let Ok(Params { text_document, position }) = serde_json::from_value(params) else {
            // The error quotes the parameters, so it is not logged.
            tracing::warn!("ignored: $/lowkey/cursor without textDocument.uri or position");
            return ready(());
        };
        self.link.cursor_rests(&text_document.uri, position.into());
        ready(())
    }
}

impl Link {
    /// Does nothing for an unknown document and for a position that is not in the text.
    fn cursor_rests(&self, uri: &str, position: Position) {
        let Some(negotiated) = self.negotiated() else { return };
        let Some(view) = self.documents.view(uri) else { return };
        let cursor = view.snapshot.offset(position, negotiated.encoding);
        if view.snapshot.position(cursor, negotiated.encoding) != position {
            return;
        }
        let request = CompletionRequest {
            desynced: view.desynced,
            ..CompletionRequest::new(view.snapshot, cursor)
        };
        negotiated.completer.prefill_at_cursor(request);
    }
}
