//! Support for clients of Copilot's language server.
//!
//! A client selects it by naming its plugin (`initializationOptions.editorPluginInfo`, or
//! `setEditorInfo` later). The server then gives the answers that such clients expect: signed in,
//! without any account or network; suggestions under the older methods too; acceptance under the
//! name of Copilot's command. For other clients these methods do not exist.
//!
//! The clients' messages come from the sources of copilot.lua, copilot.el and sidekick.nvim;
//! `tests/lsp/copilot.rs` replays them.

use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::ClientInfo;

use super::session::{NegotiatedState, Session};

pub(super) mod account;
pub(super) mod completions;
pub(super) mod door;
pub(super) mod feedback;
pub(super) mod inline_edit;
pub(super) mod status;

/// The accept command of items for these clients.
pub(super) const ACCEPT: &str = "github.copilot.didAcceptCompletionItem";

/// Whether the options identify a Copilot client.
pub(super) fn introduces_itself(options: &Value) -> bool {
    options.get("editorPluginInfo").is_some_and(Value::is_object)
}

/// Returns the plugin's name and version, which identify these clients; the editor's name does not.
pub(super) fn plugin(options: &Value) -> Option<ClientInfo> {
    let plugin = options.get("editorPluginInfo")?;
    let text = |key: &str| plugin.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(ClientInfo { name: text("name")?, version: text("version") })
}

/// Returns the id of a suggestion, which is a string in this protocol.
pub(super) fn id(name: &Value) -> Option<u64> {
    name.as_u64().or_else(|| name.as_str()?.parse().ok())
}

/// Returns the negotiated state of a Copilot client; for other clients the method does not exist.
fn negotiated(session: &Session) -> Result<&NegotiatedState> {
    let negotiated = session.negotiated().filter(|_| session.copilot().is_open());
    negotiated.ok_or_else(Error::method_not_found)
}
