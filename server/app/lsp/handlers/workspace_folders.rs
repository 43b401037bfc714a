//! `workspace/didChangeWorkspaceFolders`, and the folders that `initialize` names.

use std::path::PathBuf;

use tower_lsp::ls_types::{DidChangeWorkspaceFoldersParams, InitializeParams, Uri};

use crate::lsp::session::Session;

/// Sets the new folders: labels and ignore rules are relative to them.
pub(in crate::lsp) fn changed(session: &Session, params: &DidChangeWorkspaceFoldersParams) {
    let roots = {
        let mut configured = session.configured();
        let removed: Vec<PathBuf> =
            params.event.removed.iter().filter_map(|folder| path(&folder.uri)).collect();
        configured.roots.retain(|root| !removed.contains(root));
        let added = params.event.added.iter().filter_map(|folder| path(&folder.uri));
        configured.roots.extend(added);
        configured.roots.clone()
    };
    if let Some(negotiated) = session.negotiated() {
        negotiated.completer.set_roots(roots);
    }
}

/// Returns the workspace folders, or the root that older clients send instead.
pub(super) fn roots(params: &InitializeParams) -> Vec<PathBuf> {
    #[expect(deprecated, reason = "older clients know no folders")]
    let root = params.root_uri.as_ref();
    match &params.workspace_folders {
        Some(folders) => folders.iter().filter_map(|folder| path(&folder.uri)).collect(),
        None => root.and_then(path).into_iter().collect(),
    }
}

/// Not tower-lsp's `Uri::to_file_path`: the ignore rules need one reader for folders and documents.
fn path(uri: &Uri) -> Option<PathBuf> {
    lowkey_document::Uri::new(uri.as_str()).file_path()
}
