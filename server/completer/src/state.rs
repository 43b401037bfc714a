//! The shared state of the steps of an answer: the engine, the settings, the documents, the
//! completion memory.
//!
//! The steps are `impl Completer` blocks in their own files; this file uses none of them.
//!
//! Each lock is held for a few statements and never across a wait. `documents` has all state per
//! document, so that a key takes one lock a few times instead of five locks. `memory` has its own
//! lock because the engine's thread writes to it at the end of a job, and because it is one bounded
//! cache for all documents: it evicts the least recently used entry of any document. If two locks
//! are held, `documents` was taken first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use lowkey_engine::{Engine, Status, Switch};
use lowkey_suggestion::{CompletionMemory, StopReason};
use tokio::sync::watch;

use crate::ask_again::AskAgain;
use crate::counters::{Counters, Work};
use crate::documents::Documents;
use crate::next_edit::{NextEdits, next_edit_model};
use crate::refine_link::RefineLink;
use crate::remote_link::RemoteLink;
use crate::second_model::{SecondModel, SecondModelSource};
use crate::settings::Settings;
use crate::stats::Statistics;
use crate::time_budget::time_budget;
use crate::visibility::Visibility;
use crate::workspace_index::WorkspaceIndex;

/// Answers requests; shared by every connection of a server.
pub struct Completer {
    pub(crate) engine: Engine<StopReason>,
    /// The engine's status; only the engine changes it.
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) settings: RwLock<Arc<Settings>>,
    pub(crate) visibility: Mutex<Visibility>,
    pub(crate) memory: Arc<Mutex<CompletionMemory>>,
    pub(crate) cross_file: Mutex<WorkspaceIndex>,
    pub(crate) remote: RemoteLink,
    /// The call to the remote server or the second model, and their texts.
    pub(crate) refined: RefineLink,
    /// The model of the setting `refine_model`.
    pub(crate) refine_model: SecondModel,
    /// The newest place at which the editor should ask again.
    pub(crate) ask_again: watch::Sender<Option<AskAgain>>,
    /// The model of the setting `next_edit_model`.
    pub(crate) next_edit_model: SecondModel,
    documents: Mutex<Documents>,
    pub(crate) next_edits: Mutex<NextEdits>,
    /// Statistics; nothing is counted until they have a file.
    pub(crate) statistics: OnceLock<Statistics>,
    next_id: AtomicU64,
    pub(crate) work: Arc<Counters>,
    /// Disables saving to disk; `None` if nothing is saved.
    pub(crate) persistence: Option<Switch>,
}

/// Locks without failing: the data under these locks is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Completer {
    /// Builds a completer for a running engine.
    pub(crate) fn new(
        engine: Engine<StopReason>,
        settings: Settings,
        persistence: Option<Switch>,
        remote: RemoteLink,
        second: SecondModelSource,
    ) -> Self {
        let visibility = Mutex::new(Visibility::new(Vec::new(), &settings.exclude));
        Self {
            status: engine.subscribe(),
            engine,
            settings: RwLock::new(Arc::new(settings)),
            visibility,
            memory: Arc::default(),
            cross_file: Mutex::default(),
            remote,
            refined: RefineLink::default(),
            ask_again: watch::channel(None).0,
            refine_model: SecondModel::new("refine_model", second.clone()),
            next_edit_model: next_edit_model(second),
            documents: Mutex::default(),
            next_edits: Mutex::default(),
            statistics: OnceLock::new(),
            next_id: AtomicU64::new(1),
            work: Arc::default(),
            persistence,
        }
    }

    /// Locks the state of the documents.
    pub(crate) fn documents(&self) -> MutexGuard<'_, Documents> {
        lock(&self.documents)
    }

    /// Returns the settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the engine's status.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Subscribes to the engine's status, starting with the present one; the channel closes when
    /// the engine ends.
    pub fn subscribe_status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Waits until the model is loaded or has failed to load.
    pub async fn ready(&self) -> Status {
        let mut status = self.subscribe_status();
        // An error means that the engine has ended; its last status stays.
        let _ = status.wait_for(|status| !matches!(status, Status::Loading(_))).await;
        status.borrow().clone()
    }

    /// Returns the model's name; empty until it is loaded.
    pub fn model(&self) -> String {
        match &*self.status.borrow() {
            Status::Ready { model, .. } => model.clone(),
            Status::Loading(_) | Status::Failed(_) => String::new(),
        }
    }

    /// Returns the time budget of a request.
    pub fn budget(&self) -> Duration {
        time_budget(self.settings().time_budget_ms, &self.status.borrow())
    }

    /// Returns the engine's work since the start.
    pub fn work(&self) -> Work {
        let mut work = self.work.read();
        work.background_prefilled += self.engine.n_background_prefilled();
        work
    }

    /// Returns a new id for a request or an answer.
    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}
