//! `textDocument/copilotInlineEdit` and `textDocument/didShowInlineEdit`: next edits for clients of
//! Copilot.
//!
//! An answer has one edit at most. The client runs its command after accepting it.

use lowkey_completer::NoNextEdit;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};

use super::feedback::ItemParams;
use super::negotiated;
use crate::lsp::handlers::next_edit::{Params, find};
use crate::lsp::session::Session;

/// Answers the request; without a next edit the list is empty.
pub(in crate::lsp) async fn inline_edit(session: &Session, params: Value) -> Result<Value> {
    negotiated(session)?;
    let params: Params =
        serde_json::from_value(params).map_err(|error| Error::invalid_params(error.to_string()))?;
    let edits: Vec<Value> = match find(session, &params).await {
        Ok((_, edit)) => vec![edit],
        Err(NoNextEdit::Superseded) => return Err(Error::request_cancelled()),
        Err(NoNextEdit::Quiet(why)) => {
            tracing::debug!(why, "no next edit");
            Vec::new()
        }
    };
    Ok(json!({ "edits": edits }))
}

/// Handles the notification that an edit is shown.
pub(in crate::lsp) fn shown(session: &Session, params: &ItemParams) {
    if let Ok(negotiated) = negotiated(session)
        && let Some(id) = params.id()
    {
        negotiated.completer.next_edit_shown(id);
    }
}
