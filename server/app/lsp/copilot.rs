//! The second front door: clients that were written for Copilot's language server.
//!
//! A client comes through it by naming its plugin (`initializationOptions.editorPluginInfo`, or
//! `setEditorInfo` later). It is then answered what such clients expect: signed in, without any
//! account or network; suggestions under the older methods too; acceptance under the command's
//! name that it knows. To everybody else these methods do not exist.
//!
//! What the clients send was read from the sources of copilot.lua, copilot.el and sidekick.nvim;
//! `tests/lsp/copilot.rs` replays it.

use std::future::{Ready, ready};

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::LspServiceBuilder;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::ClientInfo;

use super::backend::Backend;
use super::link::{Link, Negotiated};

mod completions;
pub(super) mod status;

/// The command of accepted items, as these clients know it.
pub(super) const ACCEPT: &str = "github.copilot.didAcceptCompletionItem";

/// The account that nobody needs.
const USER: &str = "local";

/// Tells whether a client of Copilot's introduces itself.
pub(super) fn introduces_itself(options: &Value) -> bool {
    options.get("editorPluginInfo").is_some_and(Value::is_object)
}

/// The plugin's name and version, by which these clients are told apart: the editor's say little.
pub(super) fn plugin(options: &Value) -> Option<ClientInfo> {
    let plugin = options.get("editorPluginInfo")?;
    let text = |key: &str| plugin.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(ClientInfo { name: text("name")?, version: text("version") })
}

/// Adds the methods that only these clients use.
pub(super) fn with_methods(service: LspServiceBuilder<Backend>) -> LspServiceBuilder<Backend> {
    service
        .custom_method("setEditorInfo", Backend::set_editor_info)
        .custom_method("checkStatus", Backend::check_status)
        .custom_method("signIn", Backend::sign_in)
        .custom_method("signInInitiate", Backend::sign_in)
        .custom_method("signInConfirm", Backend::check_status)
        .custom_method("signOut", Backend::sign_out)
        .custom_method("getVersion", Backend::get_version)
        .custom_method("getCompletions", Backend::get_completions)
        .custom_method("getCompletionsCycling", Backend::get_completions_cycling)
        .custom_method("getPanelCompletions", Backend::get_panel_completions)
        .custom_method("notifyShown", Backend::notify_shown)
        .custom_method("notifyAccepted", Backend::notify_accepted)
        .custom_method("notifyRejected", Backend::notify_rejected)
        .custom_method("textDocument/copilotInlineEdit", Backend::copilot_inline_edit)
        .custom_method("textDocument/didFocus", Backend::noted)
        .custom_method("textDocument/didShowCompletion", Backend::did_show_completion)
        .custom_method(
            "textDocument/didPartiallyAcceptCompletion",
            Backend::did_partially_accept_completion,
        )
        .custom_method("textDocument/didShowInlineEdit", Backend::noted)
}

/// `{item: {command: {arguments: [id]}}, acceptedLength?}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemParams {
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
    fn id(&self) -> Option<u64> {
        id(self.item.command.get("arguments")?.get(0)?)
    }
}

/// `{uuid, acceptedLength?}` or `{uuids}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UuidParams {
    #[serde(default)]
    uuid: Value,
    #[serde(default)]
    uuids: Vec<Value>,
    #[serde(default)]
    accepted_length: Option<u64>,
}

/// The name of a suggestion, which is a text in this protocol.
pub(super) fn id(name: &Value) -> Option<u64> {
    name.as_u64().or_else(|| name.as_str()?.parse().ok())
}

/// Takes the answer of a handler that does not wait.
type Now<T> = Ready<Result<T>>;

#[expect(
    clippy::needless_pass_by_value,
    clippy::unused_self,
    reason = "tower-lsp calls handlers so"
)]
impl Backend {
    /// Opens this door for a client that introduces itself late, as old ones do.
    fn set_editor_info(&self, options: Value) -> Now<Value> {
        if introduces_itself(&options) && !self.link.open_copilot_door() {
            status::follow(&self.link, &self.client);
        }
        ready(Ok(json!("OK")))
    }

    fn check_status(&self, _: Value) -> Now<Value> {
        ready(self.link.copilot().map(|_| json!({"status": "OK", "user": USER})))
    }

    fn sign_in(&self, _: Value) -> Now<Value> {
        ready(self.link.copilot().map(|_| json!({"status": "AlreadySignedIn", "user": USER})))
    }

    fn sign_out(&self, _: Value) -> Now<Value> {
        ready(self.link.copilot().map(|_| json!({"status": "NotSignedIn"})))
    }

    fn get_version(&self, _: Value) -> Now<Value> {
        let version = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "buildType": "prod",
            "runtimeVersion": "lowkey",
        });
        ready(self.link.copilot().map(|_| version))
    }

    /// There are no edits elsewhere in the file to suggest.
    fn copilot_inline_edit(&self, _: Value) -> Now<Value> {
        ready(self.link.copilot().map(|_| json!({"edits": []})))
    }

    fn notify_shown(&self, params: UuidParams) -> Now<Value> {
        ready(self.link.copilot().map(|_| {
            shown(id(&params.uuid));
            json!("OK")
        }))
    }

    fn notify_accepted(&self, params: UuidParams) -> Now<Value> {
        ready(self.link.copilot().map(|negotiated| {
            negotiated.taken(id(&params.uuid), params.accepted_length);
            json!("OK")
        }))
    }

    fn notify_rejected(&self, params: UuidParams) -> Now<Value> {
        ready(self.link.copilot().map(|_| {
            tracing::debug!(n = params.uuids.len(), "rejected");
            json!("OK")
        }))
    }

    fn did_show_completion(&self, params: ItemParams) -> Ready<()> {
        if self.link.copilot().is_ok() {
            shown(params.id());
        }
        ready(())
    }

    fn did_partially_accept_completion(&self, params: ItemParams) -> Ready<()> {
        if let Ok(negotiated) = self.link.copilot() {
            negotiated.taken(params.id(), params.accepted_length);
        }
        ready(())
    }

    /// The document in front, or an edit that we never suggest: taken, and nothing to do.
    fn noted(&self, _: Value) -> Ready<()> {
        ready(())
    }
}

impl Link {
    /// The connection of one of these clients; for others the method does not exist.
    fn copilot(&self) -> Result<&Negotiated> {
        self.negotiated().filter(|_| self.is_copilot_door()).ok_or_else(Error::method_not_found)
    }
}

impl Negotiated {
    /// Takes it that a suggestion went into the text, or so many UTF-16 units of it.
    fn taken(&self, id: Option<u64>, units: Option<u64>) {
        if let Some(id) = id {
            tracing::debug!(id, units, "taken");
            // What is taken in part the edits tell.
            if units.is_none() {
                self.completer.accepted(id);
            }
        }
    }
}

fn shown(id: Option<u64>) {
    if let Some(id) = id {
        tracing::debug!(id, "shown");
    }
}
