//! `textDocument/didOpen`, `didChange` and `didClose`: applied in arrival order, before any handler
//! waits.

use serde_json::Value;

use crate::lsp::dispatch::Edits;
use crate::lsp::documents::{Applied, Documents};
use crate::lsp::session::Session;

impl Edits for Session {
    fn takes(&self, method: &str) -> bool {
        Documents::takes(method)
    }

    fn apply(&self, method: &str, params: Option<Value>) {
        // The specification drops notifications before `initialize` and has none after `shutdown`.
        let Some(negotiated) = self.negotiated().filter(|_| !self.is_shut_down()) else {
            return;
        };
        let params = params.unwrap_or_default();
        match self.documents().apply(method, params, negotiated.encoding) {
            Applied::Closed(uri) => negotiated.completer.closed(&uri),
            // An edit shows whether the visible suggestion was accepted.
            Applied::Changed(snapshot) => negotiated.completer.changed(&snapshot),
            Applied::Opened(snapshot) => negotiated.completer.opened(&snapshot),
            Applied::Ignored => {}
        }
    }
}
