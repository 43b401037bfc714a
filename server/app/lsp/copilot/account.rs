//! The account methods: always signed in, without an account or a network.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;

use super::{introduces_itself, negotiated, status};
use crate::lsp::session::Session;

/// Placeholder account name.
const USER: &str = "local";

/// Answers `setEditorInfo`; enables Copilot support for older clients that identify themselves
/// late.
pub(in crate::lsp) fn set_editor_info(session: &Session, options: &Value) -> Value {
    if introduces_itself(options) && !session.copilot().open() {
        status::follow(session);
    }
    json!("OK")
}

/// Answers `checkStatus` and `signInConfirm`.
pub(in crate::lsp) fn check_status(session: &Session, _: &Value) -> Result<Value> {
    negotiated(session).map(|_| json!({"status": "OK", "user": USER}))
}

/// Answers `signIn` and `signInInitiate`.
pub(in crate::lsp) fn sign_in(session: &Session, _: &Value) -> Result<Value> {
    negotiated(session).map(|_| json!({"status": "AlreadySignedIn", "user": USER}))
}

/// Answers `signOut`.
pub(in crate::lsp) fn sign_out(session: &Session, _: &Value) -> Result<Value> {
    negotiated(session).map(|_| json!({"status": "NotSignedIn"}))
}

/// Answers `getVersion`.
pub(in crate::lsp) fn version(session: &Session, _: &Value) -> Result<Value> {
    let version = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "buildType": "prod",
        "runtimeVersion": "lowkey",
    });
    negotiated(session).map(|_| version)
}
