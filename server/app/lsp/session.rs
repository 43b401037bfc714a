//! The state of one connection: documents, the negotiated state, the completer.
//!
//! `initialize` negotiates once; before it every handler has nothing to do. A session is a handle:
//! tasks that outlive a request take a clone.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lowkey_completer::Completer;
use lowkey_completer::settings::Popup;
use lowkey_document::PositionEncoding;
use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::ls_types::{self, MarkupKind};

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

/// What `initialize` settled.
pub(super) struct NegotiatedState {
    /// Answers questions.
    pub(super) completer: Arc<Completer>,
    /// The unit of columns on this connection.
    pub(super) encoding: PositionEncoding,
    /// The client's capabilities.
    pub(super) client: ClientCapabilities,
    /// Where this client differs from the others.
    pub(super) quirks: Quirks,
    /// Settings that were wrong, in words, to be shown once.
    pub(super) problems: Vec<String>,
}

/// The client's capabilities that change what the server does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent capabilities")]
pub(super) struct ClientCapabilities {
    /// Draws inline completions.
    pub(super) inline_completion: bool,
    /// Can be told at any time that we complete.
    pub(super) registers_completion: bool,
    /// Shows Markdown in the documentation of a completion.
    pub(super) markdown: bool,
    /// Shows progress that we begin.
    pub(super) progress: bool,
    /// Answers `workspace/configuration`.
    pub(super) configuration: bool,
}

/// Where settings came from, so that a part of them can change.
#[derive(Debug, Default)]
pub(super) struct Configured {
    /// The editor's values: initializationOptions, then what came later laid over it.
    pub(super) editor: Value,
    /// Set by a command; holds until the editor's settings say otherwise.
    pub(super) paused: Option<bool>,
    /// Counts changes, so that a late answer to an old question is not applied.
    pub(super) n_changes: u64,
    /// Workspace folders.
    pub(super) roots: Vec<PathBuf>,
    /// The client knows that we complete.
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

    /// Settles the session. Only the first call counts: tower-lsp lets one `initialize` through.
    pub(super) fn settle(&self, negotiated: NegotiatedState) {
        let _ = self.state.negotiated.set(negotiated);
    }

    /// Returns what was settled; `None` before `initialize`.
    pub(super) fn negotiated(&self) -> Option<&NegotiatedState> {
        self.state.negotiated.get()
    }

    /// Returns where settings came from.
    pub(super) fn configured(&self) -> MutexGuard<'_, Configured> {
        self.state.configured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state of the second front door.
    pub(super) fn copilot(&self) -> &CopilotDoor {
        &self.state.copilot
    }

    /// Notes that the client asked to shut down.
    pub(super) fn shut_down(&self) {
        self.state.shut_down.store(true, Ordering::Relaxed);
    }

    /// Returns whether the client asked to shut down, which makes the exit a clean one.
    pub(super) fn is_shut_down(&self) -> bool {
        self.state.shut_down.load(Ordering::Relaxed)
    }

    /// Stops the completer, where there is one, and saves what it keeps.
    pub(super) fn end(&self) {
        if let Some(negotiated) = self.negotiated() {
            negotiated.completer.shutdown();
        }
    }
}

impl NegotiatedState {
    /// Returns whether suggestions are to be entries of the completion popup.
    pub(super) fn pops_up(&self) -> bool {
        match self.completer.settings().popup {
            Popup::Always => true,
            Popup::Never => false,
            Popup::Auto => !self.client.inline_completion && !self.quirks.popup_on_request_only,
        }
    }
}

impl ClientCapabilities {
    /// Reads what matters from the client's capabilities.
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
            configuration: capabilities.workspace.as_ref().and_then(|w| w.configuration)
                == Some(true),
        }
    }
}
