//! The state of the second front door: whether it is open, and the status that was sent last.

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

/// The second front door.
#[derive(Debug, Default)]
pub(in crate::lsp) struct CopilotDoor {
    is_open: AtomicBool,
    /// The status that the client got last; held while one is sent, so that one follows another.
    pub(super) sent: Mutex<Option<DoorStatus>>,
}

impl CopilotDoor {
    /// Opens the door; returns whether it was open.
    pub(in crate::lsp) fn open(&self) -> bool {
        self.is_open.swap(true, Ordering::Relaxed)
    }

    /// Returns whether a client of Copilot's is connected.
    pub(in crate::lsp) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}
