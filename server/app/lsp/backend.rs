//! The methods of tower-lsp's `LanguageServer`, and what `initialize` settles.
//!
//! Handlers are thin: the work of each stands in a file of its own. Text synchronisation
//! does not come here at all (see `inbox`). No handler waits for the client.

use std::path::PathBuf;
use std::sync::Arc;

use lowkey_completer::settings::Settings;
use lowkey_completer::{Completer, dirs, stats};
use lowkey_document::PositionEncoding;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{
    CompletionParams, CompletionResponse, DidChangeConfigurationParams,
    DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams, DidSaveTextDocumentParams,
    ExecuteCommandParams, InitializeParams, InitializeResult, InitializedParams, MessageType,
    OneOf, ServerCapabilities, ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, Uri, WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};
use tower_lsp::{Client, LanguageServer};

use super::clients::quirks;
use super::link::{Abilities, Link, Negotiated};
use super::{commands, completion, configuration, convert, copilot, progress};
use crate::embedded::embedded;
use crate::ending;
use crate::log;

/// The server as tower-lsp sees it.
pub(super) struct Backend {
    pub(super) client: Client,
    pub(super) link: Arc<Link>,
}

impl Backend {
    /// Serves `client` with the state in `link`.
    pub(super) fn new(client: Client, link: Arc<Link>) -> Self {
        Self { client, link }
    }

    fn capabilities(&self, negotiated: &Negotiated) -> ServerCapabilities {
        let pops_up = negotiated.pops_up();
        self.link.configured().completion_registered = pops_up;
        ServerCapabilities {
            position_encoding: Some(convert::kind(negotiated.encoding)),
            text_document_sync: Some(TextDocumentSyncCapability::Options(
                TextDocumentSyncOptions {
                    open_close: Some(true),
                    change: Some(TextDocumentSyncKind::INCREMENTAL),
                    ..TextDocumentSyncOptions::default()
                },
            )),
            inline_completion_provider: Some(OneOf::Left(true)),
            completion_provider: pops_up.then(completion::options),
            execute_command_provider: Some(commands::options(negotiated.quirks)),
            workspace: Some(WorkspaceServerCapabilities {
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(OneOf::Left(true)),
                }),
                ..WorkspaceServerCapabilities::default()
            }),
            ..ServerCapabilities::default()
        }
    }
}

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let roots = roots(&params);
        let offered = params.capabilities.general.as_ref();
        let offered = offered.and_then(|general| general.position_encodings.as_deref());
        let editor = params.initialization_options.unwrap_or_default();
        let (client_info, encoding) = if copilot::introduces_itself(&editor) {
            self.link.open_copilot_door();
            // These clients count in UTF-16, whatever the editor around them offers.
            (copilot::plugin(&editor), PositionEncoding::Utf16)
        } else {
            (params.client_info, convert::negotiate(offered))
        };
        let quirks = quirks(client_info.as_ref(), self.link.is_copilot_door());
        let (settings, problems) = Settings::load(&editor);
        let keep = dirs::keep(&settings);
        let completer = Completer::start(settings, embedded(), keep).map_err(|error| {
            tracing::error!(%error, "the engine's thread cannot be started");
            Error::internal_error()
        })?;
        completer.set_roots(roots.clone());
        completer.keep_statistics(stats::ledger());
        {
            let mut configured = self.link.configured();
            configured.editor = editor;
            configured.roots = roots;
        }
        let client = Abilities::of(&params.capabilities);
        tracing::info!(?encoding, ?client, ?quirks, "initialized");
        let negotiated = Negotiated { completer, encoding, client, quirks, problems };
        let capabilities = self.capabilities(&negotiated);
        self.link.settle(negotiated);
        if let Some(editor) = params.process_id {
            let link = Arc::clone(&self.link);
            ending::when_gone(editor, move || {
                if let Some(negotiated) = link.negotiated() {
                    negotiated.completer.shutdown();
                }
                log::finish();
                std::process::exit(1);
            });
        }
        Ok(InitializeResult {
            capabilities,
            server_info: Some(ServerInfo {
                name: "lowkey".into(),
                version: Some(env!("CARGO_PKG_VERSION").into()),
            }),
            ..InitializeResult::default()
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        let Some(negotiated) = self.link.negotiated() else { return };
        let (client, status) = (self.client.clone(), negotiated.completer.subscribe_status());
        progress::report(client, status, negotiated.client.progress);
        if self.link.is_copilot_door() {
            copilot::status::follow(&self.link, &self.client);
        }
        configuration::fetch(&self.link, &self.client);
        if !negotiated.problems.is_empty() {
            let (client, words) = (self.client.clone(), configuration::words(&negotiated.problems));
            tokio::spawn(async move { client.show_message(MessageType::WARNING, words).await });
        }
    }

    async fn shutdown(&self) -> Result<()> {
        self.link.shut_down();
        Ok(())
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        self.popup(params).await.map(|list| Some(CompletionResponse::List(list)))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        self.run_command(&params)
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        configuration::changed(&self.link, &self.client, &params.settings);
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let roots = {
            let mut configured = self.link.configured();
            let removed: Vec<PathBuf> =
                params.event.removed.iter().filter_map(|folder| path(&folder.uri)).collect();
            configured.roots.retain(|root| !removed.contains(root));
            let added = params.event.added.iter().filter_map(|folder| path(&folder.uri));
            configured.roots.extend(added);
            configured.roots.clone()
        };
        if let Some(negotiated) = self.link.negotiated() {
            negotiated.completer.set_roots(roots);
        }
    }

    // Not asked for, but some clients send them all the same.
    async fn did_save(&self, _: DidSaveTextDocumentParams) {}
    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {}
}

/// The workspace folders, or what older clients send in their place.
fn roots(params: &InitializeParams) -> Vec<PathBuf> {
    #[expect(deprecated, reason = "older clients know no folders")]
    let root = params.root_uri.as_ref();
    match &params.workspace_folders {
        Some(folders) => folders.iter().filter_map(|folder| path(&folder.uri)).collect(),
        None => root.and_then(path).into_iter().collect(),
    }
}

fn path(uri: &Uri) -> Option<PathBuf> {
    lowkey_document::Uri::new(uri.as_str()).file_path()
}
