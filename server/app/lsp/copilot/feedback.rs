//! Feedback of these clients: shown, accepted, partly accepted, rejected.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::{id, negotiated};
use crate::lsp::session::{NegotiatedState, Session};

/// `{item: {command: {arguments: [id]}}, acceptedLength?}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct ItemParams {
    item: Item,
    /// UTF-16 units of the item's text, from its start.
    #[serde(default)]
    accepted_length: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(default)]
    command: Value,
}

impl ItemParams {
    pub(super) fn id(&self) -> Option<u64> {
        id(self.item.command.get("arguments")?.get(0)?)
    }
}

/// `{uuid, acceptedLength?}` or `{uuids}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct UuidParams {
    #[serde(default)]
    uuid: Value,
    #[serde(default)]
    uuids: Vec<Value>,
    #[serde(default)]
    accepted_length: Option<u64>,
}

/// Answers `notifyShown`.
pub(in crate::lsp) fn shown(session: &Session, params: &UuidParams) -> Result<Value> {
    negotiated(session).map(|_| {
        log_shown(id(&params.uuid));
        json!("OK")
    })
}

/// Answers `notifyAccepted`.
pub(in crate::lsp) fn accepted(session: &Session, params: &UuidParams) -> Result<Value> {
    negotiated(session).map(|negotiated| {
        taken(negotiated, id(&params.uuid), params.accepted_length);
        json!("OK")
    })
}

/// Answers `notifyRejected`.
pub(in crate::lsp) fn rejected(session: &Session, params: &UuidParams) -> Result<Value> {
    negotiated(session).map(|_| {
        tracing::debug!(n = params.uuids.len(), "rejected");
        json!("OK")
    })
}

/// Handles `textDocument/didShowCompletion`.
pub(in crate::lsp) fn completion_shown(session: &Session, params: &ItemParams) {
    if negotiated(session).is_ok() {
        log_shown(params.id());
    }
}

/// Handles `textDocument/didPartiallyAcceptCompletion`.
pub(in crate::lsp) fn partly_accepted(session: &Session, params: &ItemParams) {
    if let Ok(negotiated) = negotiated(session) {
        taken(negotiated, params.id(), params.accepted_length);
    }
}

/// Handles `textDocument/didFocus`, which needs no action.
pub(in crate::lsp) fn noted(_: &Session, _: &Value) {}

/// Notes that a suggestion, or its first `units` UTF-16 units, was accepted.
fn taken(negotiated: &NegotiatedState, id: Option<u64>, units: Option<u64>) {
    let Some(id) = id else { return };
    tracing::debug!(id, units, "taken");
    // For a partial accept, the edits are more reliable.
    if units.is_none() {
        negotiated.completer.accepted(id);
    }
}

fn log_shown(id: Option<u64>) {
    if let Some(id) = id {
        tracing::debug!(id, "shown");
    }
}
