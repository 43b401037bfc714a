//! The index of the workspace: its start, and `workspace/didChangeWatchedFiles`, after which it reads changed files
//! again.
//!
//! The server registers for the files whose definitions it indexes, and for ignore files. With a client that cannot
//! register, a changed file is read again when it is opened.

use std::path::PathBuf;

use lowkey_completer::indexed_extensions;
use lowkey_completer::settings::CrossFileSetting;
use serde_json::json;
use tower_lsp::ls_types::{DidChangeWatchedFilesParams, Registration};

use crate::lsp::session::Session;

/// Registers for changes of source files, if the client supports it.
pub(super) fn register(session: &Session) {
    let Some(negotiated) = session.negotiated() else { return };
    let is_never = negotiated.completer.settings().cross_file == CrossFileSetting::Never;
    if !negotiated.client.watches_files || negotiated.quirks.watches_no_files || is_never {
        return;
    }
    let sources = format!("**/*.{{{}}}", indexed_extensions().join(","));
    let patterns = [sources, "**/.gitignore".to_owned(), "**/.lowkeyignore".to_owned()];
    let watchers = patterns.map(|pattern| json!({ "globPattern": pattern }));
    let registration = Registration {
        id: "lowkey-watched-files".into(),
        method: "workspace/didChangeWatchedFiles".into(),
        register_options: Some(json!({ "watchers": watchers })),
    };
    let client = session.client().clone();
    tokio::spawn(async move {
        if let Err(error) = client.register_capability(vec![registration]).await {
            tracing::warn!(code = error.code.code(), "the editor did not register watched files");
        }
    });
}

/// Starts the index of the workspace when the model is loaded, before the first request.
pub(super) fn index(session: &Session) {
    let Some(negotiated) = session.negotiated() else { return };
    let completer = std::sync::Arc::clone(&negotiated.completer);
    tokio::spawn(async move {
        completer.ready().await;
        completer.start_index();
    });
}

/// Handles the notification.
pub(in crate::lsp) fn changed(session: &Session, params: &DidChangeWatchedFilesParams) {
    let Some(negotiated) = session.negotiated() else { return };
    let path = |uri: &str| lowkey_document::Uri::new(uri).file_path();
    let paths: Vec<PathBuf> =
        params.changes.iter().filter_map(|change| path(change.uri.as_str())).collect();
    negotiated.completer.files_changed(paths);
}
