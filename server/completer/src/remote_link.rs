//! The connection to the remote server: its configuration, its only running call, and its texts.
//!
//! The user is at one place, so there is one call. The texts have a completion memory of their own:
//! the rule about shown texts asks where a text is from.

use std::sync::{Arc, Mutex, OnceLock};

use lowkey_prompt::Assembler;
use lowkey_remote::{Remote, RemoteConfig, RemoteState, RemoteTicket};
use lowkey_suggestion::{CompletionMemory, Confidence, MemoryKey};
use tokio::sync::watch;

use crate::plain::plain;
use crate::remote_prompt::RemotePrompts;
use crate::request::Subject;
use crate::running_job::{Agreement, agreement};
use crate::state::lock;

/// The link to the remote server.
pub(crate) struct RemoteLink {
    /// The local model's assembler; set when the model is loaded.
    pub(crate) assembler: Arc<OnceLock<Arc<Assembler>>>,
    prompts: OnceLock<Arc<RemotePrompts>>,
    /// Texts of the server.
    pub(crate) memory: Arc<Mutex<CompletionMemory>>,
    /// The name of the model whose texts these are.
    model: Arc<Mutex<String>>,
    state: Arc<watch::Sender<RemoteState>>,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    /// Whether the front end lets the completer connect.
    is_enabled: bool,
    server: Option<Remote>,
    job: Option<Arc<RemoteJob>>,
}

/// A call, as requests see it. Dropping the last reference cancels it.
pub(crate) struct RemoteJob {
    pub(crate) key: MemoryKey,
    /// The document of the call.
    pub(crate) subject: Subject,
    /// Text from the anchor to the cursor at the call.
    pub(crate) forced: String,
    pub(crate) progress: watch::Receiver<RemoteProgress>,
    /// Closes the connection when it is dropped.
    pub(crate) _ticket: RemoteTicket,
}

/// The progress of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct RemoteProgress {
    /// Text after the forced text.
    pub(crate) text: String,
    pub(crate) ended: Option<RemoteOutcome>,
}

/// The end of a call.
#[derive(Debug, Clone)]
pub(crate) enum RemoteOutcome {
    Text {
        confidence: Option<Confidence>,
        model: String,
        /// What the server reports, in words.
        why: String,
        tokens: lowkey_remote::RemoteCounts,
    },
    /// The reason why there is no text.
    Failed(String),
}

impl RemoteJob {
    /// Whether the call answers, or may still answer, a request at `key` with the text `typed`.
    pub(crate) fn can_serve(&self, key: &MemoryKey, typed: &str) -> bool {
        let progress = self.progress.borrow();
        self.key == *key
            && match (&progress.ended, agreement(&self.forced, &progress.text, typed)) {
                (Some(RemoteOutcome::Failed(_)), _) | (_, Agreement::Diverged) => false,
                (Some(RemoteOutcome::Text { .. }), agreement) => agreement != Agreement::Behind,
                (None, _) => true,
            }
    }
}

impl Default for RemoteLink {
    fn default() -> Self {
        Self {
            assembler: Arc::default(),
            prompts: OnceLock::new(),
            memory: Arc::default(),
            model: Arc::default(),
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

    /// Lets the completer connect.
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
        let (state, named) = (Arc::clone(&self.state), Arc::clone(&self.model));
        let server = config.map(|config| {
            Remote::new(config, move |now| {
                if let RemoteState::Working { model } = now {
                    *lock(&named) = plain(model);
                }
                state.send_replace(now.clone());
            })
        });
        let stopped = (slot.job.take(), std::mem::replace(&mut slot.server, server));
        drop(slot);
        // Another server's texts are not those of this one.
        lock(&self.memory).clear();
        drop(stopped);
        self.state.send_replace(RemoteState::Unused);
    }

    /// Returns the name of the model whose texts are stored.
    pub(crate) fn model(&self) -> String {
        lock(&self.model).clone()
    }

    /// Subscribes to the server's state.
    pub(crate) fn subscribe(&self) -> watch::Receiver<RemoteState> {
        self.state.subscribe()
    }

    /// Returns the running call if it serves a request; cancels it if it is about something else.
    pub(crate) fn job_for(
        &self,
        subject: Subject,
        key: &MemoryKey,
        typed: &str,
    ) -> Option<Arc<RemoteJob>> {
        let mut slot = lock(&self.slot);
        let serves = slot.job.as_ref().is_some_and(|job| job.can_serve(key, typed));
        // Ghost text and popup ask about the same text in different forms: the first one's call
        // goes on.
        let is_other = slot.job.as_ref().is_some_and(|job| job.subject != subject);
        let stopped = if is_other && !serves { slot.job.take() } else { None };
        let job = slot.job.clone().filter(|_| serves);
        drop(slot);
        drop(stopped);
        job
    }

    /// Makes `job` the running call, unless another one runs for the same text.
    pub(crate) fn start(&self, job: Arc<RemoteJob>) {
        let stopped = lock(&self.slot).job.replace(job);
        drop(stopped);
    }

    /// Whether a call about `subject` runs.
    pub(crate) fn is_asked_about(&self, subject: Subject) -> bool {
        let slot = lock(&self.slot);
        slot.job
            .as_ref()
            .is_some_and(|job| job.subject == subject && job.progress.borrow().ended.is_none())
    }

    /// Cancels the call about a document, and forgets the document's texts.
    pub(crate) fn leave(&self, uri: &str) {
        let stopped = lock(&self.slot).job.take_if(|job| job.key.uri() == uri);
        drop(stopped);
        lock(&self.memory).remove_document(uri);
    }

    /// Cancels the call and lets no other begin.
    pub(crate) fn shutdown(&self) {
        let mut slot = lock(&self.slot);
        slot.is_enabled = false;
        let stopped = (slot.job.take(), slot.server.take());
        drop(slot);
        drop(stopped);
    }
}
