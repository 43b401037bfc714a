//! The table of methods and handlers.
//!
//! For other methods, tower-lsp answers requests with an error and ignores notifications. Edits of
//! documents do not come here (see `dispatch`).

use std::future::{Ready, ready};

use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::{
    CompletionParams, CompletionResponse, DidChangeConfigurationParams,
    DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, DidSaveTextDocumentParams,
    ExecuteCommandParams, InitializeParams, InitializeResult, InitializedParams,
};
use tower_lsp::{ClientSocket, LanguageServer, LspService};

use super::copilot::{account, completions, feedback, inline_edit};
use super::handlers::{
    completion, configuration, cursor, document, execute_command, explain, initialize,
    inline_completion, next_edit, status, watched_files, workspace_folders,
};
use super::session::Session;

/// The protocol's methods that tower-lsp's trait has.
impl LanguageServer for Session {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        initialize::initialize(self, params)
    }

    async fn initialized(&self, _: InitializedParams) {
        initialize::initialized(self);
    }

    async fn shutdown(&self) -> Result<()> {
        self.shut_down();
        Ok(())
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        completion::completion(self, params).await
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        execute_command::execute(self, &params)
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        configuration::changed(self, &params.settings);
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        workspace_folders::changed(self, &params);
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        watched_files::changed(self, &params);
    }

    // The server does not request it, but some clients send it.
    async fn did_save(&self, _: DidSaveTextDocumentParams) {}
}

/// Builds tower-lsp's service, with the methods that its trait does not have.
pub(super) fn service() -> (LspService<Session>, ClientSocket) {
    LspService::build(Session::new)
        .custom_method("textDocument/inlineCompletion", inline_completion::inline_completion)
        // lowkey's own methods.
        .custom_method("$/lowkey/cursor", now(cursor::rests))
        .custom_method("$/lowkey/document", sure(document::fingerprint))
        .custom_method("$/lowkey/explain", now(explain::explain))
        .custom_method("$/lowkey/nextEdit", next_edit::next_edit)
        .custom_method("$/lowkey/status", sure(status::status))
        // The methods of Copilot's server.
        .custom_method("setEditorInfo", sure(account::set_editor_info))
        .custom_method("checkStatus", now(account::check_status))
        .custom_method("signIn", now(account::sign_in))
        .custom_method("signInInitiate", now(account::sign_in))
        .custom_method("signInConfirm", now(account::check_status))
        .custom_method("signOut", now(account::sign_out))
        .custom_method("getVersion", now(account::version))
        .custom_method("getCompletions", completions::first)
        .custom_method("getCompletionsCycling", completions::cycling)
        .custom_method("getPanelCompletions", completions::panel)
        .custom_method("textDocument/copilotInlineEdit", inline_edit::inline_edit)
        .custom_method("notifyShown", now(feedback::shown))
        .custom_method("notifyAccepted", now(feedback::accepted))
        .custom_method("notifyRejected", now(feedback::rejected))
        .custom_method("textDocument/didFocus", now(feedback::noted))
        .custom_method("textDocument/didShowCompletion", now(feedback::completion_shown))
        .custom_method("textDocument/didPartiallyAcceptCompletion", now(feedback::partly_accepted))
        .custom_method("textDocument/didShowInlineEdit", now(inline_edit::shown))
        .finish()
}

/// Adapts a handler that never waits and never fails.
fn sure<P, T>(
    handler: fn(&Session, &P) -> T,
) -> impl Fn(&Session, P) -> Ready<Result<T>> + Clone + Send + Sync + 'static
where
    P: 'static,
    T: 'static,
{
    move |session: &Session, params: P| ready(Ok(handler(session, &params)))
}

/// Adapts a handler that never waits: a notification, or a request that may fail.
fn now<P, R>(
    handler: fn(&Session, &P) -> R,
) -> impl Fn(&Session, P) -> Ready<R> + Clone + Send + Sync + 'static
where
    P: 'static,
    R: 'static,
{
    move |session: &Session, params: P| ready(handler(session, &params))
}
