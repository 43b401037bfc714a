//! `initialize` and `initialized`: the negotiation, and the actions right after it.

use lowkey_completer::settings::Settings;
use lowkey_completer::{Completer, load, stats};
use lowkey_document::PositionEncoding;
use lowkey_terminal::{ending, log};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{
    InitializeParams, InitializeResult, OneOf, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use super::{completion, configuration, execute_command, watched_files, workspace_folders};
use crate::embedded::embedded;
use crate::lsp::clients::quirks;
use crate::lsp::session::{ClientCapabilities, NegotiatedState, Session};
use crate::lsp::{ask_again, convert, copilot, progress, remote};

/// Negotiates settings, position encoding and client quirks. Starts the model.
pub(in crate::lsp) fn initialize(
    session: &Session,
    params: InitializeParams,
) -> Result<InitializeResult> {
    let roots = workspace_folders::roots(&params);
    let offered = params.capabilities.general.as_ref();
    let offered = offered.and_then(|general| general.position_encodings.as_deref());
    let editor = params.initialization_options.unwrap_or_default();
    let (client_info, encoding) = if copilot::introduces_itself(&editor) {
        session.copilot().open();
        // These clients count in UTF-16, regardless of the editor's offer.
        (copilot::plugin(&editor), PositionEncoding::Utf16)
    } else {
        (params.client_info, convert::negotiate(offered))
    };
    let quirks = quirks(client_info.as_ref(), session.copilot().is_open());
    let (settings, mut problems) = Settings::load(&editor);
    let keep = load::keep(&settings);
    let completer = Completer::start(settings, embedded(), keep).map_err(|error| {
        tracing::error!(%error, "the engine's thread cannot be started");
        Error::internal_error()
    })?;
    completer.set_roots(roots.clone());
    completer.keep_statistics(stats::ledger());
    problems.extend(completer.use_refiners());
    {
        let mut configured = session.configured();
        configured.editor = editor;
        configured.roots = roots;
    }
    let client = ClientCapabilities::of(&params.capabilities);
    tracing::info!(?encoding, ?client, ?quirks, "initialized");
    let negotiated = NegotiatedState { completer, encoding, client, quirks, problems };
    let capabilities = capabilities(session, &negotiated);
    session.settle(negotiated);
    if let Some(editor) = params.process_id {
        let session = session.clone();
        ending::on_process_end(editor, move || {
            session.end();
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

/// Starts the progress reports, requests settings, and shows problems with them.
pub(in crate::lsp) fn initialized(session: &Session) {
    let Some(negotiated) = session.negotiated() else { return };
    let (client, status) = (session.client().clone(), negotiated.completer.subscribe_status());
    progress::report(client, status, negotiated.client.progress);
    remote::report(session.client().clone(), negotiated.completer.subscribe_remote());
    let second = negotiated.completer.subscribe_refine_model();
    remote::report_second(session.client().clone(), second);
    ask_again::report(session);
    if session.copilot().is_open() {
        copilot::status::follow(session);
    }
    watched_files::register(session);
    watched_files::index(session);
    configuration::fetch(session);
    configuration::show(session, &negotiated.problems);
}

fn capabilities(session: &Session, negotiated: &NegotiatedState) -> ServerCapabilities {
    let pops_up = negotiated.pops_up();
    session.configured().completion_registered = pops_up;
    ServerCapabilities {
        position_encoding: Some(convert::kind(negotiated.encoding)),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            ..TextDocumentSyncOptions::default()
        })),
        inline_completion_provider: Some(OneOf::Left(true)),
        completion_provider: pops_up.then(completion::options),
        execute_command_provider: Some(execute_command::options(negotiated.quirks)),
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
