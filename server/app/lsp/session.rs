//! The state of one connection: documents, the negotiated state, the completer.
//!
//! `initialize` negotiates once; before it handlers do nothing. A session is a handle: a task that
//! outlives a request has a clone.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lowkey_completer::Completer;
use lowkey_completer::settings::Popup;
use lowkey_document::PositionEncoding;
use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::ls_types::{self, MarkupKind};

use super::ask_again;
use super::clients::Quirks;
use super::copilot::door::CopilotDoor;
use super::documents::Documents;

/// One connection. Clones share its state.
#[derive(Clone)]
pub(super) struct Session {
    state: Arc<State>,
}

struct State {
    client: Client,
    documents: Documents,
    negotiated: OnceLock<NegotiatedState>,
    configured: Mutex<Configured>,
    shut_down: AtomicBool,
    copilot: CopilotDoor,
}

/// The state that `initialize` sets.
pub(super) struct NegotiatedState {
    pub(super) completer: Arc<Completer>,
    /// The unit of columns on this connection.
    pub(super) encoding: PositionEncoding,
    /// The client's capabilities.
    pub(super) client: ClientCapabilities,
    /// Differences of this client.
    pub(super) quirks: Quirks,
    /// Invalid settings, in words, shown once.
    pub(super) problems: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent capabilities")]
pub(super) struct ClientCapabilities {
    pub(super) inline_completion: bool,
    /// The client accepts a later registration of completion.
    pub(super) registers_completion: bool,
    /// Shows Markdown in the documentation of a completion.
    pub(super) markdown: bool,
    /// Shows progress that the server begins.
    pub(super) progress: bool,
    /// Accepts a later registration of watched files.
    pub(super) watches_files: bool,
    /// Answers `workspace/configuration`.
    pub(super) configuration: bool,
    /// Asks for a suggestion again when it is told.
    pub(super) asks_again: bool,
}

/// The sources of the settings, so that one of them can change.
#[derive(Debug, Default)]
pub(super) struct Configured {
    /// The editor's values: initializationOptions, with later values merged into them.
    pub(super) editor: Value,
    /// Set by a command; applies until the editor sends settings.
    pub(super) paused: Option<bool>,
    /// Counts changes, so that a late answer to an old request is not applied.
    pub(super) n_changes: u64,
    /// Workspace folders.
    pub(super) roots: Vec<PathBuf>,
    /// Whether completion is registered with the client.
    pub(super) completion_registered: bool,
}

impl Session {
    /// Begins a session with `client`.
    pub(super) fn new(client: Client) -> Self {
        let state = State {
            client,
            documents: Documents::default(),
            negotiated: OnceLock::new(),
            configured: Mutex::default(),
            shut_down: AtomicBool::new(false),
            copilot: CopilotDoor::default(),
        };
        Self { state: Arc::new(state) }
    }

    /// Returns the way to send requests and notifications to the client.
    pub(super) fn client(&self) -> &Client {
        &self.state.client
    }

    /// Returns the open documents.
    pub(super) fn documents(&self) -> &Documents {
        &self.state.documents
    }

    /// Sets the negotiated state. Only the first call has an effect; tower-lsp accepts one
    /// `initialize`.
    pub(super) fn settle(&self, negotiated: NegotiatedState) {
        let _ = self.state.negotiated.set(negotiated);
    }

    /// Returns the negotiated state; `None` before `initialize`.
    pub(super) fn negotiated(&self) -> Option<&NegotiatedState> {
        self.state.negotiated.get()
    }

    /// Returns the sources of the settings.
    pub(super) fn configured(&self) -> MutexGuard<'_, Configured> {
        self.state.configured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state of Copilot support.
    pub(super) fn copilot(&self) -> &CopilotDoor {
        &self.state.copilot
    }

    /// Notes that the client asked to shut down.
    pub(super) fn shut_down(&self) {
        self.state.shut_down.store(true, Ordering::Relaxed);
    }

    /// Whether the client requested the shutdown, which makes the exit a clean one.
    pub(super) fn is_shut_down(&self) -> bool {
        self.state.shut_down.load(Ordering::Relaxed)
    }

    /// Stops the completer, if any, and saves its state.
    pub(super) fn end(&self) {
        if let Some(negotiated) = self.negotiated() {
            negotiated.completer.shutdown();
        }
    }
}

impl NegotiatedState {
    /// Whether suggestions are entries of the completion popup.
    pub(super) fn pops_up(&self) -> bool {
        match self.completer.settings().popup {
            Popup::Always => true,
            Popup::Never => false,
            Popup::Auto => !self.client.inline_completion && !self.quirks.popup_on_request_only,
        }
    }
}

impl ClientCapabilities {
    /// Reads the relevant client capabilities.
    pub(super) fn of(capabilities: &ls_types::ClientCapabilities) -> Self {
        let document = capabilities.text_document.as_ref();
        let completion = document.and_then(|d| d.completion.as_ref());
        let formats = completion
            .and_then(|c| c.completion_item.as_ref()?.documentation_format.as_deref())
            .unwrap_or_default();
        Self {
            inline_completion: document.is_some_and(|d| d.inline_completion.is_some()),
            registers_completion: completion.and_then(|c| c.dynamic_registration) == Some(true),
            markdown: formats.contains(&MarkupKind::Markdown),
            progress: capabilities.window.as_ref().and_then(|w| w.work_done_progress) == Some(true),
            watches_files: capabilities
                .workspace
                .as_ref()
                .and_then(|w| w.did_change_watched_files.as_ref()?.dynamic_registration)
                == Some(true),
            configuration: capabilities.workspace.as_ref().and_then(|w| w.configuration)
                == Some(true),
            asks_again: ask_again::is_announced(capabilities),
        }
    }
}
