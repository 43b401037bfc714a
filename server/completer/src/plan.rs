//! Decides about a request: answer at once, join a running job, or submit one.
//!
//! All code here runs on the message path, so it must neither wait nor tokenize: it reads the
//! window from the rope, queries the memory and queues the job.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use lowkey_engine::{Job, Priority, Speed, Status};
use lowkey_prompt::Budget;
use lowkey_suggestion::{CompletionMemory, Confidence, MemoryKey, Middle, StopReason};
use tokio::sync::watch;

use crate::answer::{Answer, Outcome};
use crate::answer_builder::RawCompletion;
use crate::multiline;
use crate::prepared_request::{BLOCK_TOKENS, PreparedRequest};
use crate::refine::Refinement;
use crate::refine_rules::continues;
use crate::report::{Report, TextSource};
use crate::request::ActiveRequest;
use crate::running_job::{Generated, Progress, RunningJob, ended_by_itself, is_whole};
use crate::settings::Settings;
use crate::small_prompt;
use crate::state::{Completer, lock};
use crate::time_budget::tokens_within;
use crate::visibility::Visible;

/// Time limit for computing a cold prompt; longer prompts are cut.
const COLD_PREFILL_SECONDS: f64 = 2.0;
/// Minimum length of a cut prompt, at any speed of the machine.
const MIN_PROMPT_TOKENS: usize = 256;
const PROMPT_STEP_TOKENS: usize = 128;

/// The decision about a request.
pub(crate) enum Plan {
    /// Answer now.
    Answer(Box<Answer>),
    /// Wait for a job that decodes it.
    Wait(Box<Waiting>),
}

/// A job to wait for, and its request.
pub(crate) struct Waiting {
    pub(crate) job: Arc<RunningJob>,
    pub(crate) prepared: Arc<PreparedRequest>,
    /// Whether another request started the job.
    pub(crate) joined: bool,
}

/// A job to submit, and the parts of it that its requests see.
struct PlannedJob {
    job: Job<StopReason>,
    progress: watch::Receiver<Progress>,
    answered: Arc<AtomicBool>,
}

/// A text of a completion memory that answers a request.
struct Remembered {
    rest: String,
    confidence: Option<Confidence>,
    typed_bytes: usize,
}

impl Remembered {
    /// Looks the request up.
    ///
    /// An unfinished line is not worth showing, and text that the user has just deleted is not the
    /// model's prediction. In both cases the model runs.
    fn find(memory: &Mutex<CompletionMemory>, prepared: &PreparedRequest) -> Option<Self> {
        let memory = lock(memory);
        let found = memory.lookup(&prepared.key, prepared.typed())?;
        (found.is_finished && !found.is_retyped).then(|| Self {
            rest: found.rest.to_owned(),
            confidence: found.confidence,
            typed_bytes: found.typed_bytes,
        })
    }

    fn raw(&self) -> RawCompletion<'_> {
        RawCompletion {
            text: &self.rest,
            is_complete: true,
            confidence: self.confidence,
            typed_bytes: self.typed_bytes,
        }
    }
}

impl Completer {
    /// Decides about a request; the model must be loaded.
    ///
    /// A look-ahead request gets [`Priority::Background`], and no slot of the document.
    pub(crate) fn plan(&self, active: &ActiveRequest, priority: Priority) -> Plan {
        match self.prepare(active, &self.settings()) {
            Ok(prepared) => self.plan_prepared(active, Arc::new(prepared), priority),
            Err(answer) => Plan::Answer(answer),
        }
    }

    /// Decides about a user's request, and begins the part of another model in it.
    pub(crate) fn plan_with_refinement(
        &self,
        active: &ActiveRequest,
    ) -> (Plan, Option<Refinement>) {
        let prepared = match self.prepare(active, &self.settings()) {
            Ok(prepared) => Arc::new(prepared),
            Err(answer) => {
                self.refined.leave(active.uri());
                return (Plan::Answer(answer), None);
            }
        };
        let plan = self.plan_prepared(active, Arc::clone(&prepared), Priority::Interactive);
        (plan, self.begin_refinement(active, &prepared))
    }

    fn plan_prepared(
        &self,
        active: &ActiveRequest,
        prepared: Arc<PreparedRequest>,
        priority: Priority,
    ) -> Plan {
        let settings = self.settings();
        let uri = active.uri();
        let is_interactive = priority == Priority::Interactive;
        let joinable = self.documents().get_mut(uri).and_then(|state| {
            if is_interactive {
                state.look_ahead.record_request(&prepared.key);
            }
            state.running().find(|job| job.can_serve(&prepared.key, prepared.typed()))
        });
        if let Some(answer) = self.answer_from_memory(active, &prepared) {
            return Plan::Answer(Box::new(answer));
        }
        if let Some(job) = joinable {
            return Plan::Wait(Box::new(Waiting { job, prepared, joined: true }));
        }
        let planned = self.plan_job(active, &prepared, &settings, priority);
        if !is_interactive {
            let job = Arc::new(self.submit(planned, &prepared, priority));
            return Plan::Wait(Box::new(Waiting { job, prepared, joined: false }));
        }
        let surface = active.request.surface;
        let mut documents = self.documents();
        // A request that was superseded while the model loaded must not cancel the newer one's job.
        let state = documents.get_mut(uri).filter(|state| state.is_newest(surface, active.id));
        let Some(state) = state else {
            return Plan::Answer(Box::new(Answer::superseded(active)));
        };
        let job = Arc::new(self.submit(planned, &prepared, priority));
        state.start(surface, Arc::clone(&job));
        drop(documents);
        Plan::Wait(Box::new(Waiting { job, prepared, joined: false }))
    }

    /// Reads the input of the stages; an error is the reason for no suggestion.
    pub(crate) fn prepare(
        &self,
        active: &ActiveRequest,
        settings: &Settings,
    ) -> Result<PreparedRequest, Box<Answer>> {
        let request = &active.request;
        let (visible, budget, model) = self.admit(active, settings)?;
        let remote_budget = self.remote_budget(budget, settings.remote_prompt_tokens);
        let lines = multiline::lines(request, settings, || {
            let documents = self.documents();
            let state = documents.get(request.snapshot.uri());
            state.map(|state| state.feedback.suggestion_state(&request.snapshot, request.cursor))
        });
        let given = (budget, remote_budget, model);
        Ok(PreparedRequest::new(request, &visible, given, settings, lines))
    }

    /// Returns the file's label for the model, the prompt's budget and the model's name.
    fn admit(
        &self,
        active: &ActiveRequest,
        settings: &Settings,
    ) -> Result<(Visible, Budget, String), Box<Answer>> {
        let snapshot = &active.request.snapshot;
        let nothing =
            |rule: &str, why: String| Err(Box::new(Answer::nothing(active, rule, why, "")));
        if settings.paused {
            return nothing("paused", "settings: lowkey is paused".into());
        }
        let language = snapshot.language_id();
        if settings.languages_off.iter().any(|off| off == language) {
            return nothing("language-off", format!("settings: lowkey is off for {language}"));
        }
        if active.request.desynced {
            let why = "document: the server's text differs from the editor's; reopen the file";
            return nothing("desynced", why.into());
        }
        let mut visible = match lock(&self.visibility).judge(snapshot.uri()) {
            Ok(visible) => visible,
            Err(rule) => {
                let why = format!("context: the model must not see this file ({rule})");
                return nothing("denied", why);
            }
        };
        if !visible.persists {
            // The model recognizes a language by the name's extension, which an unsaved buffer may
            // lack.
            visible.label = snapshot.name_with_language(&visible.label);
        }
        match self.status() {
            Status::Ready { model, speed, context_length, .. } => {
                let snippet_tokens = active.request.elsewhere.tokens;
                let model_size = (speed, context_length);
                let budget =
                    prompt_budget(settings, model_size, COLD_PREFILL_SECONDS, snippet_tokens);
                Ok((visible, budget, model))
            }
            Status::Failed(reason) => nothing("no-model", format!("model: {reason}")),
            Status::Loading(_) => nothing("loading", "model: still loading".into()),
        }
    }

    /// Answers from the completion memory.
    fn answer_from_memory(
        &self,
        active: &ActiveRequest,
        prepared: &PreparedRequest,
    ) -> Option<Answer> {
        if let Some(answer) = self.answer_from_refined(active, prepared) {
            return Some(answer);
        }
        let found = Remembered::find(&self.memory, prepared)?;
        let model = prepared.model.clone();
        let mut report = Report { source: TextSource::Memory, model, ..Report::default() };
        report.why.push("memory: the text was decoded before; nothing was computed".into());
        report.why.extend(prepared.snippets_in_words(None));
        Some(self.build_answer(active, prepared, found.raw(), report))
    }

    /// Answers from the texts of the remote server or the second model, unless another text is
    /// shown.
    pub(crate) fn answer_from_refined(
        &self,
        active: &ActiveRequest,
        prepared: &PreparedRequest,
    ) -> Option<Answer> {
        let found = Remembered::find(&self.refined.memory, prepared)?;
        if found.rest.is_empty() {
            return None;
        }
        let mut report = Report {
            source: TextSource::Memory,
            model: self.refined.model(),
            is_refined: true,
            ..Report::default()
        };
        report.why.push("memory: the remote server's text; nothing was computed".into());
        let answer = self.build_answer(active, prepared, found.raw(), report);
        let shown = self.shown_rest(active);
        let is_used = matches!(&answer.outcome, Outcome::Insert(insert) if continues(shown.as_deref(), &insert.text));
        is_used.then_some(answer)
    }

    /// Builds the job of a request.
    fn plan_job(
        &self,
        active: &ActiveRequest,
        prepared: &PreparedRequest,
        settings: &Settings,
        priority: Priority,
    ) -> PlannedJob {
        let (to_progress, progress) = watch::channel(Progress::default());
        let to_progress = Arc::new(to_progress);
        let answered = Arc::new(AtomicBool::new(false));
        let done = {
            let (to_progress, memory) = (Arc::clone(&to_progress), Arc::clone(&self.memory));
            let (key, forced) = (prepared.key.clone(), prepared.typed().to_owned());
            let work = Arc::clone(&self.work);
            move |generated: Generated| {
                work.add(priority, &generated.tokens);
                store_in_memory(&memory, &key, &forced, &generated);
                to_progress.send_modify(|progress| {
                    progress.text.clone_from(&generated.text);
                    progress.confidence = Confidence::of(&generated.log_probs);
                    progress.ended = Some(generated);
                });
            }
        };
        let first = match priority {
            Priority::Interactive => small_prompt::first(
                &active.request,
                prepared,
                settings.first_prompt_tokens,
                &self.status.borrow(),
            ),
            Priority::Background => None,
        };
        let job = Job {
            priority,
            small_prompt: first,
            branch_while: prepared.lines.is_none().then(|| -> Box<dyn Fn() -> bool + Send> {
                let answered = Arc::clone(&answered);
                Box::new(move || !answered.load(Ordering::Relaxed))
            }),
            on_text: Box::new(move |partial| {
                to_progress.send_modify(|progress| {
                    progress.text.clear();
                    progress.text.push_str(partial.text);
                    progress.confidence = Confidence::of(partial.log_probs);
                    progress.is_whole = partial.is_whole;
                });
            }),
            ..prepared.job("", active.asked, done)
        };
        PlannedJob { job, progress, answered }
    }

    /// Queues a job.
    fn submit(
        &self,
        planned: PlannedJob,
        prepared: &PreparedRequest,
        priority: Priority,
    ) -> RunningJob {
        let PlannedJob { job, progress, answered } = planned;
        RunningJob {
            key: prepared.key.clone(),
            forced: prepared.typed().to_owned(),
            priority,
            progress,
            reported: AtomicBool::new(false),
            answered,
            ticket: self.engine.submit(job),
        }
    }
}

/// Returns the budget of a prompt: what a model of this speed and context length computes in
/// `seconds`, and in addition at most `snippet_tokens` of other files.
pub(crate) fn prompt_budget(
    settings: &Settings,
    (speed, context_length): (Speed, usize),
    seconds: f64,
    snippet_tokens: usize,
) -> Budget {
    let room = context_length - context_length.min(BLOCK_TOKENS.max(context_length / 8));
    let most = match settings.prompt_tokens {
        0 => tokens_within(seconds, speed.prefill, PROMPT_STEP_TOKENS, MIN_PROMPT_TOKENS),
        // A number in the settings applies, regardless of the measured speed.
        set => set,
    };
    let prompt_tokens = room.min(most);
    // The prefix and the suffix have precedence in a short context.
    Budget { prompt_tokens, snippet_tokens: snippet_tokens.min(room - prompt_tokens) }
}

/// Stores the decoded text for the user's next keys.
pub(crate) fn store_in_memory(
    memory: &Mutex<CompletionMemory>,
    key: &MemoryKey,
    forced: &str,
    generated: &Generated,
) {
    if generated.text.is_empty() && !is_whole(generated.stop) {
        return;
    }
    let middle = Middle {
        text: &format!("{forced}{}", generated.text),
        typed_bytes: forced.len(),
        // A line that the token limit cuts off is not finished.
        is_finished: ended_by_itself(generated.stop),
        confidence: Confidence::of(&generated.log_probs),
    };
    lock(memory).insert(key, middle);
}
