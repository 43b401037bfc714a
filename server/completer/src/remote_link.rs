//! The connection to the remote server: its configuration, its state, and the builder of prompts.

use std::sync::{Arc, Mutex, OnceLock};

use lowkey_prompt::Assembler;
use lowkey_remote::{Remote, RemoteConfig, RemoteState};
use tokio::sync::watch;

use crate::remote_prompt::RemotePrompts;
use crate::state::lock;

/// The link to the remote server.
pub(crate) struct RemoteLink {
    /// The local model's assembler; set when the model is loaded.
    pub(crate) assembler: Arc<OnceLock<Arc<Assembler>>>,
    prompts: OnceLock<Arc<RemotePrompts>>,
    state: Arc<watch::Sender<RemoteState>>,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    /// Whether the front end lets the completer use other models than the local one.
    is_enabled: bool,
    server: Option<Remote>,
}

impl Default for RemoteLink {
    fn default() -> Self {
        Self {
            assembler: Arc::default(),
            prompts: OnceLock::new(),
            state: Arc::new(watch::channel(RemoteState::Unused).0),
            slot: Mutex::default(),
        }
    }
}

impl RemoteLink {
    /// Returns the server, if one may be asked.
    pub(crate) fn server(&self) -> Option<Remote> {
        lock(&self.slot).server.clone()
    }

    /// Returns the builder of prompts; `None` until the model is loaded.
    pub(crate) fn prompts(&self) -> Option<Arc<RemotePrompts>> {
        let assembler = self.assembler.get()?;
        Some(Arc::clone(self.prompts.get_or_init(|| Arc::new(RemotePrompts::new(assembler)))))
    }

    /// Lets the completer use other models than the local one.
    pub(crate) fn enable(&self) {
        lock(&self.slot).is_enabled = true;
    }

    /// Whether the front end lets the completer use other models than the local one.
    pub(crate) fn is_enabled(&self) -> bool {
        lock(&self.slot).is_enabled
    }

    /// Follows new settings.
    pub(crate) fn apply(&self, config: Option<RemoteConfig>) {
        let mut slot = lock(&self.slot);
        if !slot.is_enabled {
            return;
        }
        let state = Arc::clone(&self.state);
        let server = config.map(|config| {
            Remote::new(config, move |now| {
                state.send_replace(now.clone());
            })
        });
        let stopped = std::mem::replace(&mut slot.server, server);
        drop(slot);
        drop(stopped);
        self.state.send_replace(RemoteState::Unused);
    }

    /// Subscribes to the server's state.
    pub(crate) fn subscribe(&self) -> watch::Receiver<RemoteState> {
        self.state.subscribe()
    }

    /// Lets no other call begin.
    pub(crate) fn shutdown(&self) {
        let mut slot = lock(&self.slot);
        slot.is_enabled = false;
        let stopped = slot.server.take();
        drop(slot);
        drop(stopped);
    }
}
