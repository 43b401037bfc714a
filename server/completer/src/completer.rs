//! The steps from a request to an answer, and the effects of an editor's other messages.
//!
//! The call of [`Completer::complete`] itself, before the returned future is polled, supersedes the
//! document's previous request, queries the completion memory and submits a job. A text from the
//! completion memory is therefore answered on the message path. Only the future waits for the
//! model, and never longer than the time budget.
//!
//! Invariants: a surface of a document has one live request; an answer fits the snapshot of its
//! request; text from a denied path never reaches a stage after `context`.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use lowkey_document::Uri;
use lowkey_engine::{Engine, EngineOptions, Loaded, PersistOptions, Status};
use lowkey_store::EmbeddedModel;

use crate::answer::{Answer, Outcome};
use crate::cancel_on_drop::CancelOnDrop;
use crate::load;
use crate::look_ahead::{Occasion, occasion};
use crate::plain::plain;
use crate::plan::Plan;
use crate::remote_link::RemoteLink;
use crate::report::Report;
use crate::request::{ActiveRequest, CompletionRequest};
use crate::second_model::{QUIET, SecondModelSource};
use crate::settings::{Row, Settings, TABLE};
use crate::state::{Completer, lock};
use crate::visibility::Visibility;

impl Completer {
    /// Starts loading the model in the background and returns at once.
    ///
    /// `embedded` is the model in the program, if any; `keep` enables saving sessions and weights
    /// on disk.
    pub fn start(
        settings: Settings,
        embedded: Option<EmbeddedModel>,
        keep: Option<PersistOptions>,
    ) -> std::io::Result<Arc<Self>> {
        let persistence = keep.as_ref().map(|keep| keep.enabled.clone());
        let (asked, packed) = (settings.clone(), keep.clone());
        let kept = keep.clone();
        let remote = RemoteLink::default();
        let assembler = Arc::clone(&remote.assembler);
        let options = EngineOptions {
            session_bytes: settings.cache_mb << 20,
            persist: keep,
            ..EngineOptions::default()
        };
        let engine = Engine::start_with_options(options, move |progress| {
            let loaded =
                load::load(&asked.model, &asked, embedded.as_ref(), packed.as_ref(), progress);
            // Error messages quote names from the model file.
            let loaded = loaded.map_err(plain)?;
            let _ = assembler.set(Arc::clone(&loaded.assembler));
            Ok(Loaded { speculates: asked.speculation, ..loaded })
        })?;
        let source =
            SecondModelSource { first: Arc::clone(engine.activity()), embedded, keep: kept };
        let completer = Arc::new(Self::new(engine, settings, persistence, remote, source));
        completer.follow_next_edit_model();
        Ok(completer)
    }

    /// Answers a request; the module's documentation lists the actions of the call itself.
    ///
    /// Dropping the future cancels the request. It resolves to [`Outcome::Superseded`] as soon as
    /// `complete` is called again for the same surface of the document.
    pub fn complete(
        self: &Arc<Self>,
        request: CompletionRequest,
    ) -> impl Future<Output = Answer> + Send + 'static + use<> {
        let in_flight = self.pause_index();
        let active = self.begin(request);
        let loading = matches!(*self.status.borrow(), Status::Loading(_));
        let planned = (!loading).then(|| self.plan_with_refinement(&active));
        let completer = Arc::clone(self);
        let guard = CancelOnDrop::new(self, &active);
        async move {
            let _in_flight = in_flight;
            let (plan, refinement) = match planned {
                Some(planned) => planned,
                None => match completer.loaded(&active).await {
                    Ok(()) => completer.plan_with_refinement(&active),
                    Err(answer) => (Plan::Answer(answer), None),
                },
            };
            let answer = match plan {
                Plan::Answer(answer) => *answer,
                Plan::Wait(waiting) => completer.wait(&active, *waiting).await,
            };
            let answer = completer.refine(&active, refinement, answer).await;
            let answer = completer.with_alternatives(&active, answer).await;
            guard.answered();
            if answer.outcome != Outcome::Superseded {
                let looks_ahead = completer.settings().look_ahead;
                let occasion =
                    if looks_ahead { occasion(&active.request, &answer) } else { Occasion::Never };
                completer.answered(&active, &answer, occasion == Occasion::Pause);
                let uri = active.uri().clone();
                completer.schedule(occasion, active, &answer);
                // A refined text may have arrived before the answer was recorded.
                completer.offer_again(&uri);
            }
            answer
        }
    }

    /// Makes a request the newest of its document and surface.
    fn begin(self: &Arc<Self>, request: CompletionRequest) -> ActiveRequest {
        let asked = Instant::now();
        self.engine.activity().typed(QUIET);
        let id = self.new_id();
        let request = self.with_snippets(request);
        let snapshot = &request.snapshot;
        let mut documents = self.documents();
        let newest = documents.entry(snapshot.uri()).begin(request.surface, id, request.subject());
        let observed = documents.observe(snapshot, |feedback, now| {
            feedback.before_request(snapshot, request.cursor, now)
        });
        documents.prefill.keep_for(&request);
        let left = documents.enter(snapshot);
        drop(documents);
        if let Some(left) = left {
            self.index_document(&left);
        }
        self.count_observed(snapshot, observed);
        ActiveRequest::new(id, asked, request, newest)
    }

    /// Returns the report of the document's last answered request.
    pub fn explain(&self, uri: &Uri) -> Option<Arc<Report>> {
        let documents = self.documents();
        let (_, report) = documents.get(uri)?.last_report.as_ref()?;
        Some(Arc::clone(report))
    }

    /// Removes a document that the editor closed and cancels its jobs.
    pub fn closed(&self, uri: &Uri) {
        let state = self.documents().remove(uri);
        if let Some(state) = state {
            state.close(self.new_id());
        }
        lock(&self.memory).remove_document(uri);
        self.refined.leave(uri);
        self.index_closed(uri);
        self.edits_closed(uri);
    }

    /// Applies new settings; returns messages about those that need a restart, and about a remote
    /// server that cannot be asked.
    pub fn configure(&self, settings: Settings) -> Vec<String> {
        let mut current = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let mut later = Vec::new();
        for Row { key, restart, .. } in TABLE {
            // Without a folder at the start, only a restart can enable saved sessions.
            let cannot_switch_on = *key == "persistent_cache"
                && settings.persistent_cache
                && self.persistence.is_none();
            if (*restart || cannot_switch_on) && current.value_of(key) != settings.value_of(key) {
                later.push(format!("the setting {key} takes effect after a restart of lowkey"));
            }
        }
        if let Some(persistence) = &self.persistence {
            persistence.set(settings.persistent_cache);
        }
        let has_new_rules = current.exclude != settings.exclude;
        if has_new_rules {
            lock(&self.visibility).exclude(&settings.exclude);
            self.edits_forgotten();
        }
        let has_new_index = has_new_rules || current.cross_file != settings.cross_file;
        let before = std::mem::replace(&mut *current, Arc::new(settings));
        drop(current);
        later.extend(self.follow_refiners(&before, &self.settings()));
        self.follow_next_edit_model();
        if has_new_index {
            self.start_index();
        }
        // The settings may change the prompt of a request.
        self.documents().prefill.stop();
        later
    }

    /// Sets the workspace folders, the base of labels and ignore rules.
    pub fn set_roots(&self, roots: Vec<PathBuf>) {
        let exclude = self.settings().exclude.clone();
        *lock(&self.visibility) = Visibility::new(roots, &exclude);
        self.edits_forgotten();
        self.start_index();
    }

    /// Stops the engine; waiting requests get an answer.
    pub fn shutdown(&self) {
        self.stop_index();
        self.remote.shutdown();
        self.refined.clear();
        self.engine.shutdown();
        self.refine_model.shutdown();
        self.next_edit_model.shutdown();
        self.write_statistics();
    }
}
