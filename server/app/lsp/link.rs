//! What the handlers of one connection share: documents, what was negotiated, the completer.
//!
//! `initialize` fills the link once; before that nothing is negotiated and every handler
//! has nothing to do.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lowkey_completer::Completer;
use lowkey_completer::settings::Popup;
use lowkey_document::PositionEncoding;
use serde_json::Value;
use tower_lsp::ls_types::{ClientCapabilities, MarkupKind};

use super::answer::Suggestion;
use super::clients::Quirks;
use super::copilot::status::Changed;
use super::documents::{Applied, Documents};
use super::inbox::Edits;

/// The shared state of a connection.
#[derive(Default)]
pub(super) struct Link {
    /// The open documents.
    pub(super) documents: Documents,
    negotiated: OnceLock<Negotiated>,
    configured: Mutex<Configured>,
    shut_down: AtomicBool,
    /// A client of Copilot's is at the other end.
    copilot: AtomicBool,
    /// The status that it was told last; held while it is told, so that one follows another.
    pub(super) told: tokio::sync::Mutex<Option<Changed>>,
}

/// What `initialize` settled.
pub(super) struct Negotiated {
    /// Answers questions.
    pub(super) completer: Arc<Completer>,
    /// The unit of columns on this connection.
    pub(super) encoding: PositionEncoding,
    /// What the client can do.
    pub(super) client: Abilities,
    /// Where this client differs from the others.
    pub(super) quirks: Quirks,
    /// Settings that were wrong, in words, to be shown once.
    pub(super) problems: Vec<String>,
}

/// What the client can do, as far as it changes what we do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent capabilities")]
pub(super) struct Abilities {
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

impl Link {
    /// Settles the connection. Only the first call counts: tower-lsp lets one `initialize` through.
    pub(super) fn settle(&self, negotiated: Negotiated) {
        let _ = self.negotiated.set(negotiated);
    }

    /// What was settled; `None` before `initialize`.
    pub(super) fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.get()
    }

    /// Where settings came from.
    pub(super) fn configured(&self) -> MutexGuard<'_, Configured> {
        self.configured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a client of Copilot's is at the other end; tells whether that was known.
    pub(super) fn open_copilot_door(&self) -> bool {
        self.copilot.swap(true, Ordering::Relaxed)
    }

    /// Tells whether a client of Copilot's is at the other end.
    pub(super) fn is_copilot_door(&self) -> bool {
        self.copilot.load(Ordering::Relaxed)
    }

    /// Notes that the client asked to shut down.
    pub(super) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Relaxed);
    }

    /// Tells whether the client asked to shut down, which makes the exit a clean one.
    pub(super) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Relaxed)
    }
}

impl Negotiated {
    /// Tells whether suggestions are to be entries of the completion popup.
    pub(super) fn pops_up(&self) -> bool {
        match self.completer.settings().popup {
            Popup::Always => true,
            Popup::Never => false,
            Popup::Auto => !self.client.inline_completion && !self.quirks.popup_on_request_only,
        }
    }
}

impl Negotiated {
    /// Notes that a suggestion was not given to a client that would not have drawn what it does to
    /// the text before the cursor.
    pub(super) fn withhold_dedent(&self, suggestion: &Suggestion) {
        let why = "this editor draws nothing before the cursor, so the line's other indentation would be taken unseen";
        self.completer.withheld(suggestion.snapshot.uri(), suggestion.id, "unseen dedent", why);
    }
}

impl Abilities {
    /// Reads what matters from the client's capabilities.
    pub(super) fn of(capabilities: &ClientCapabilities) -> Self {
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

/// Edits reach the documents through the inbox, in arrival order.
impl Edits for Arc<Link> {
    fn takes(&self, method: &str) -> bool {
        Documents::takes(method)
    }

    fn apply(&self, method: &str, params: Option<Value>) {
        // The specification drops notifications before `initialize` and has none after `shutdown`.
        let Some(negotiated) = self.negotiated().filter(|_| !self.is_shut_down()) else {
            return;
        };
        let applied = self.documents.apply(method, params.unwrap_or_default(), negotiated.encoding);
        match applied {
            Applied::Closed(uri) => negotiated.completer.closed(&uri),
            // An edit tells whether what is shown was taken.
            Applied::Changed(snapshot) => negotiated.completer.changed(&snapshot),
            Applied::Opened | Applied::Ignored => {}
        }
    }
}
