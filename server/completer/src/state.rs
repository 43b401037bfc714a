//! What the steps of an answer share: the engine, the settings, the documents, the completion memory.
//!
//! The steps are `impl Completer` blocks in files of their own; this file names none of them.
//!
//! Locks, each held for a few statements and never across a wait. `documents` has all that is known per document, so
//! that a key takes one lock a handful of times instead of five. `memory` is a lock of its own because the engine's
//! thread writes to it when a job ends, and because it is one bounded cache for all documents: the entry that was
//! not used for longest is forgotten, in any of them. Where two are held, `documents` was taken first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use lowkey_engine::{Engine, Status, Switch};
use lowkey_suggestion::{CompletionMemory, StopReason};
use tokio::sync::watch;

use crate::counters::{Counters, Work};
use crate::documents::Documents;
use crate::settings::Settings;
use crate::stats::Statistics;
use crate::time_budget::time_budget;
use crate::visibility::Visibility;

/// Answers requests; shared by every connection of a server.
pub struct Completer {
    pub(crate) engine: Engine<StopReason>,
    /// The engine's status; it alone changes it.
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) settings: RwLock<Arc<Settings>>,
    pub(crate) visibility: Mutex<Visibility>,
    pub(crate) memory: Arc<Mutex<CompletionMemory>>,
    documents: Mutex<Documents>,
    /// Counts; nothing is counted until there is a file for it.
    pub(crate) statistics: OnceLock<Statistics>,
    next_id: AtomicU64,
    pub(crate) work: Arc<Counters>,
    /// Switches off what is kept on disk; `None` when nothing is.
    pub(crate) keeping: Option<Switch>,
}

/// Locks without ever failing: the data under these locks is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Completer {
    /// Builds a completer around an engine that has started.
    pub(crate) fn new(
        engine: Engine<StopReason>,
        settings: Settings,
        keeping: Option<Switch>,
    ) -> Self {
        let visibility = Mutex::new(Visibility::new(Vec::new(), &settings.exclude));
        Self {
            status: engine.subscribe(),
            engine,
            settings: RwLock::new(Arc::new(settings)),
            visibility,
            memory: Arc::default(),
            documents: Mutex::default(),
            statistics: OnceLock::new(),
            next_id: AtomicU64::new(1),
            work: Arc::default(),
            keeping,
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

    /// Returns what the engine is doing.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Returns what the engine is doing, now and from now on; the channel closes when the engine ends.
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

    /// Returns how long a request may wait before it is answered with what there is.
    pub fn budget(&self) -> Duration {
        time_budget(self.settings().time_budget_ms, &self.status.borrow())
    }

    /// Returns what the engine computed since the start.
    pub fn work(&self) -> Work {
        let mut work = self.work.read();
        work.background_prefilled += self.engine.n_warmed();
        work
    }

    /// Returns a name for a request or an answer, never used before.
    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}
