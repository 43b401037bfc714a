//! The second front door: clients that were written for Copilot's language server.
//!
//! A client comes through it by naming its plugin (`initializationOptions.editorPluginInfo`, or
//! `setEditorInfo` later). It is then answered what such clients expect: signed in, without any
//! account or network; suggestions under the older methods too; acceptance under the command's
//! name that it knows. For every other client these methods do not exist.
//!
//! What the clients send was read from the sources of copilot.lua, copilot.el and sidekick.nvim;
//! `tests/lsp/copilot.rs` replays it.

use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::ClientInfo;

use super::session::{NegotiatedState, Session};

pub(super) mod account;
pub(super) mod completions;
pub(super) mod door;
pub(super) mod feedback;
pub(super) mod status;

/// The command of accepted items, as these clients know it.
pub(super) const ACCEPT: &str = "github.copilot.didAcceptCompletionItem";

/// Returns whether a client of Copilot's introduces itself.
pub(super) fn introduces_itself(options: &Value) -> bool {
    options.get("editorPluginInfo").is_some_and(Value::is_object)
}

/// Returns the plugin's name and version, which tell these clients apart; the editor's do not.
pub(super) fn plugin(options: &Value) -> Option<ClientInfo> {
    let plugin = options.get("editorPluginInfo")?;
    let text = |key: &str| plugin.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(ClientInfo { name: text("name")?, version: text("version") })
}

/// Returns the id of a suggestion, which is a string in this protocol.
pub(super) fn id(name: &Value) -> Option<u64> {
    name.as_u64().or_else(|| name.as_str()?.parse().ok())
}

/// Returns what was negotiated with one of these clients; for others the method does not exist.
fn negotiated(session: &Session) -> Result<&NegotiatedState> {
    let negotiated = session.negotiated().filter(|_| session.copilot().is_open());
    negotiated.ok_or_else(Error::method_not_found)
}
