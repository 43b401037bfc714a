//! The next edit: a change that the user has made, at another place of the document.
//!
//! `$/lowkey/nextEdit` and, for clients of Copilot, `textDocument/copilotInlineEdit` ask for it.
//! The search runs on a thread of its own, so that it delays no completion. A request that waits for
//! the next-edit model is cancelled by an edit of the document, by a newer request, and by the
//! client. An answer for a changed text is never delivered.

use std::time::Duration;

use lowkey_completer::{NoNextEdit, ProposedEdit};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};

use super::execute_command::accept_command;
use crate::lsp::convert::{LenientPosition, to_range};
use crate::lsp::documents::View;
use crate::lsp::session::Session;

/// While the user types, nothing is proposed: the word that is typed is not complete.
const PAUSE: Duration = Duration::from_millis(150);

/// `{textDocument: {uri, version?}, position}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct Params {
    text_document: Versioned,
    position: LenientPosition,
}

#[derive(Debug, Deserialize)]
struct Versioned {
    uri: String,
    #[serde(default)]
    version: Option<i64>,
}

/// Answers `$/lowkey/nextEdit`: the edit in the form of Copilot's, or the reason why there is none.
/// The client shows each answer, so that it counts as shown.
pub(in crate::lsp) async fn next_edit(session: &Session, params: Params) -> Result<Value> {
    Ok(match find(session, &params).await {
        Ok((id, edit)) => {
            if let Some(negotiated) = session.negotiated() {
                negotiated.completer.next_edit_shown(id);
            }
            json!({"edits": [edit], "why": null})
        }
        Err(NoNextEdit::Quiet(why)) => json!({"edits": [], "why": why}),
        Err(NoNextEdit::Superseded) => return Err(Error::request_cancelled()),
    })
}

/// Returns the next edit with its id, or why there is none.
pub(in crate::lsp) async fn find(
    session: &Session,
    params: &Params,
) -> std::result::Result<(u64, Value), NoNextEdit> {
    let quiet = |why: &str| NoNextEdit::Quiet(why.to_owned());
    let changed = || quiet("the document has changed");
    let negotiated = session.negotiated().ok_or_else(|| quiet("the server is not initialized"))?;
    let Versioned { uri, version } = &params.text_document;
    let view = session.documents().view(uri).ok_or_else(|| quiet("the document is not open"))?;
    let View { snapshot, stamp, desynced } = view;
    if desynced {
        return Err(quiet("the document is out of step with the editor"));
    }
    if version.is_some_and(|version| version < snapshot.version().into()) {
        return Err(changed());
    }
    let completer = &negotiated.completer;
    let age =
        completer.last_edit_age().ok_or_else(|| quiet("nothing was edited in this session"))?;
    if let Some(rest) = PAUSE.checked_sub(age) {
        tokio::time::sleep(rest).await;
    }
    let is_current = || session.documents().is_current(snapshot.uri(), stamp);
    if !is_current() {
        return Err(changed());
    }
    let cursor = snapshot.offset(params.position.into(), negotiated.encoding);
    let ProposedEdit { id, start, end, text } = completer.next_edit(&snapshot, cursor).await?;
    if !is_current() {
        return Err(changed());
    }
    let edit = json!({
        "text": negotiated.quirks.with_line_ends(text),
        "textDocument": {"uri": uri, "version": snapshot.version()},
        "range": to_range(&snapshot, start, end, negotiated.encoding),
        "command": accept_command(negotiated, id),
    });
    Ok((id, edit))
}
