//! The state of Copilot support: whether it is enabled, and the last status sent.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

/// `{busy, kind, message}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::lsp) struct DoorStatus {
    pub(super) busy: bool,
    /// `Normal`, `Inactive` or `Error`.
    pub(super) kind: String,
    pub(super) message: String,
}

/// The state of Copilot support.
#[derive(Debug, Default)]
pub(in crate::lsp) struct CopilotDoor {
    is_open: AtomicBool,
    /// The last status sent; locked during a send, so that statuses are sent in order.
    pub(super) sent: Mutex<Option<DoorStatus>>,
}

impl CopilotDoor {
    /// Enables Copilot support; returns whether it was enabled before.
    pub(in crate::lsp) fn open(&self) -> bool {
        self.is_open.swap(true, Ordering::Relaxed)
    }

    /// Whether a Copilot client is connected.
    pub(in crate::lsp) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}
