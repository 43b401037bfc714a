//! From a question at a cursor to an answer: the one place that names every stage.
//!
//! The call itself, before the returned future is polled, supersedes the document's
//! previous request, asks the completion memory and submits a job: what an editor
//! typed a moment ago is answered in memory, on the message path. Only then does the
//! future wait for the model, and never longer than the time budget.
//!
//! Invariants: a place of a document has one live request; an answer fits the snapshot that it
//! was asked for; text from a denied path never reaches a stage behind `context`.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use lowkey_engine::{Engine, Keep, Loaded, Priority, Status, Switch};
use lowkey_suggestion::{CompletionMemory, Recent};
use tokio::sync::watch;

use crate::counters::{Counters, Work};
use crate::cursor_prefill::Resting;
use crate::document_state::Desk;
use crate::feedback::Follow;
use crate::load;
use crate::plain::plain;
use crate::plan::{Plan, Question};
use crate::report::Report;
use crate::settings::{Row, Settings, TABLE};
use crate::stats::Statistics;
use crate::visibility::Visibility;
use crate::{Answer, Ask, Outcome, plan, time_budget};

/// Answers questions; shared by every connection of a server.
pub struct Completer {
    pub(crate) engine: Engine,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) settings: RwLock<Arc<Settings>>,
    pub(crate) visibility: Mutex<Visibility>,
    pub(crate) memory: Arc<Mutex<CompletionMemory>>,
    pub(crate) desks: Mutex<HashMap<Arc<str>, Desk>>,
    /// The suggestion shown last: should the user pause on it, looking ahead starts there.
    pub(crate) paused: Mutex<Option<(Question, Outcome)>>,
    /// Where the cursor rests.
    pub(crate) resting: Mutex<Resting>,
    /// What the user did with what was shown of late; the gate goes by it.
    pub(crate) recent: Mutex<Recent>,
    /// What is shown in each document, and what was accepted lately.
    pub(crate) following: Mutex<HashMap<Arc<str>, Follow>>,
    /// Counts; nothing is counted until it is said where.
    pub(crate) statistics: OnceLock<Statistics>,
    pub(crate) next_id: AtomicU64,
    pub(crate) work: Arc<Counters>,
    /// Switches off what is kept on disk; `None` when nothing is.
    pub(crate) keeping: Option<Switch>,
}

/// Locks without ever failing: the data under these locks is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Completer {
    /// Starts loading the model in the background and returns at once; nothing is kept on disk.
    ///
    /// `on_status` is called on the engine's thread for each change of its status.
    pub fn start(
        settings: Settings,
        on_status: impl Fn(&Status) + Send + 'static,
    ) -> std::io::Result<Arc<Self>> {
        Self::start_keeping(settings, None, on_status)
    }

    /// Starts as [`start`](Self::start) does, with what `keep` allows kept on disk.
    pub fn start_keeping(
        settings: Settings,
        keep: Option<Keep>,
        on_status: impl Fn(&Status) + Send + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let keeping = keep.as_ref().map(|keep| keep.enabled.clone());
        let (to_status, status) = watch::channel(Status::Loading(0.0));
        let (asked, packed) = (settings.clone(), keep.clone());
        let engine = Engine::start_keeping(
            settings.cache_mb << 20,
            keep,
            move |progress| {
                // Reasons quote the names that a model file has.
                let loaded = load::load(&asked, packed.as_ref(), progress).map_err(plain)?;
                Ok(Loaded { speculates: asked.speculation, ..loaded })
            },
            move |status| {
                // First, so that who hears of it and asks is told the same.
                to_status.send_replace(status.clone());
                on_status(status);
            },
        )?;
        let visibility = Mutex::new(Visibility::new(Vec::new(), &settings.exclude));
        Ok(Arc::new(Self {
            engine,
            status,
            settings: RwLock::new(Arc::new(settings)),
            visibility,
            memory: Arc::default(),
            desks: Mutex::default(),
            paused: Mutex::default(),
            resting: Mutex::default(),
            recent: Mutex::default(),
            following: Mutex::default(),
            statistics: OnceLock::new(),
            next_id: AtomicU64::new(1),
            work: Arc::default(),
            keeping,
        }))
    }

    /// Answers a question; see the module's page for what happens in the call itself.
    ///
    /// Dropping the future cancels the request. It resolves to [`Outcome::Superseded`]
    /// as soon as `complete` is called again for the same place of the document.
    pub fn complete(
        self: &Arc<Self>,
        ask: Ask,
    ) -> impl Future<Output = Answer> + Send + 'static + use<> {
        let asked = Instant::now();
        let id = self.name();
        let about = (ask.snapshot.version(), ask.snapshot.n_bytes(), ask.cursor.0);
        let newest = self.with_desk(ask.snapshot.uri(), |desk| desk.begin(ask.place, id, about));
        let question = Question { id, asked, ask, newest };
        self.before(&question);
        self.rests_no_more(&question.ask);
        let loading = matches!(self.status(), Status::Loading(_));
        let plan = if loading { None } else { Some(self.plan(&question, Priority::Interactive)) };
        let completer = Arc::clone(self);
        async move {
            let plan = match plan {
                Some(plan) => plan,
                None => match completer.loaded(&question).await {
                    Ok(()) => completer.plan(&question, Priority::Interactive),
                    Err(answer) => Plan::Answer(answer),
                },
            };
            let answer = match plan {
                Plan::Answer(answer) => *answer,
                Plan::Wait(waiting) => completer.wait(&question, *waiting).await,
            };
            let answer = completer.with_alternatives(&question, answer).await;
            if answer.outcome != Outcome::Superseded {
                let report = Arc::clone(&answer.report);
                let uri = question.ask.snapshot.uri();
                completer.with_desk(uri, |desk| desk.last_report = Some((answer.id, report)));
                completer.answered(&question, &answer);
                completer.schedule(question, &answer);
            }
            answer
        }
    }

    /// The report of the document's last answered request.
    pub fn explain(&self, uri: &str) -> Option<Arc<Report>> {
        lock(&self.desks).get(uri)?.last_report.as_ref().map(|(_, report)| Arc::clone(report))
    }

    /// Notes that the editor was not given an answer's text, because of `rule`, and why in words.
    pub fn withheld(&self, uri: &str, id: u64, rule: &str, why: &str) {
        let was_the_best = self.with_desk(uri, |desk| {
            let Some((_, report)) = desk.last_report.as_mut().filter(|(of, _)| *of == id) else {
                return false;
            };
            let report = Arc::make_mut(report);
            report.insert = None;
            report.silent = Some(rule.to_owned());
            report.why.push(format!("silent: {rule}: {why}"));
            true
        });
        // With an alternative withheld, the best one is still on the screen.
        if was_the_best {
            self.undrawn(uri);
        }
    }

    /// Forgets a document that the editor closed and stops what runs for it.
    pub fn closed(&self, uri: &str) {
        if let Some(desk) = lock(&self.desks).remove(uri) {
            // A waiting request must be answered: it is superseded by the closing.
            desk.supersede_all(self.name());
        }
        for history in plan::histories(uri) {
            self.engine.close(&history);
        }
        self.rests_not_in(uri);
        lock(&self.memory).forget(uri);
        lock(&self.following).remove(uri);
    }

    /// Puts new settings in force; returns words about those that need a restart.
    pub fn configure(&self, settings: Settings) -> Vec<String> {
        let mut current = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let mut later = Vec::new();
        for Row { key, restart, .. } in TABLE {
            // Without a folder from the start, sessions can only be switched on by a restart.
            let cannot_switch_on =
                *key == "persistent_cache" && settings.persistent_cache && self.keeping.is_none();
            if (*restart || cannot_switch_on) && current.value_of(key) != settings.value_of(key) {
                later.push(format!("the setting {key} takes effect when lowkey is restarted"));
            }
        }
        if let Some(keeping) = &self.keeping {
            keeping.set(settings.persistent_cache);
        }
        if current.exclude != settings.exclude {
            lock(&self.visibility).exclude(&settings.exclude);
        }
        *current = Arc::new(settings);
        drop(current);
        self.rests_anew();
        later
    }

    /// Sets the workspace folders, from which labels and ignore rules count.
    pub fn set_roots(&self, roots: Vec<PathBuf>) {
        let exclude = self.settings().exclude.clone();
        *lock(&self.visibility) = Visibility::new(roots, &exclude);
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the engine computed since the start.
    pub fn work(&self) -> Work {
        let mut work = self.work.read();
        work.background_prefilled += self.engine.n_warmed();
        work
    }

    /// What the engine is doing.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until the model is loaded or has failed to load.
    pub async fn ready(&self) -> Status {
        let mut status = self.status.clone();
        match status.wait_for(|s| !matches!(s, Status::Loading(_))).await {
            Ok(status) => status.clone(),
            Err(_) => self.engine.status(),
        }
    }

    /// Stops the engine; requests that still wait are answered.
    pub fn shutdown(&self) {
        self.engine.shutdown();
        self.write_statistics();
    }

    /// A name for an answer, never used before.
    pub(crate) fn name(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn with_desk<T>(&self, uri: &str, work: impl FnOnce(&mut Desk) -> T) -> T {
        let mut desks = lock(&self.desks);
        if let Some(desk) = desks.get_mut(uri) {
            return work(desk);
        }
        work(desks.entry(Arc::from(uri)).or_default())
    }

    /// How long a question may wait before it is answered with what there is.
    pub fn budget(&self) -> Duration {
        time_budget::time_budget(self.settings().time_budget_ms, &self.status.borrow())
    }
}
