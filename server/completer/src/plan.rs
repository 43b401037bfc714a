//! What to do about a question: answer at once, join a running job, or submit one.
//!
//! Everything here runs on the message path, so nothing here may wait or tokenize:
//! the window is read from the rope, the memory is asked, the job is queued.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lowkey_context::{Anchor, Context};
use lowkey_document::lexical::Scanner;
use lowkey_document::{Cursor, Language};
use lowkey_engine::{Generated, Job, Priority, Sampling, Status, Stop};
use lowkey_prompt::Budget;
use lowkey_suggestion::{
    CompletionMemory, Confidence, IndentUnit, MAX_SURROUNDING_LINES, MemoryKey, Middle, StopRules,
};
use tokio::sync::watch;

use crate::answer_builder::Written;
use crate::multiline::Lines;
use crate::report::{Report, Source, to_microseconds};
use crate::running_job::{Agreement, Live, Progress, agreement};
use crate::settings::{self, Settings};
use crate::visibility::Visible;
use crate::{Answer, Ask, Completer, Outcome, Place, lock};

/// Tokens decoded for one line at most.
const LINE_TOKENS: usize = 64;
/// Tokens decoded for several lines at most.
const BLOCK_TOKENS: usize = 256;
/// A cold prompt may take this long to compute; longer prompts are cut.
const COLD_PREFILL_SECONDS: f64 = 2.0;
/// Prompts are never cut shorter than this, however slow the machine.
const LEAST_PROMPT_TOKENS: usize = 256;
const PROMPT_STEP_TOKENS: usize = 128;

/// A question with its place in the history of its document.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) id: u64,
    pub(crate) asked: Instant,
    pub(crate) ask: Ask,
    /// The newest request of its place in the document.
    pub(crate) newest: watch::Receiver<u64>,
}

/// The question seen through the window.
pub(crate) struct Frame {
    pub(crate) language: &'static Language,
    pub(crate) cursor: Cursor,
    /// What memory, running jobs and trims go by: cut at the start of the line, or of its group.
    pub(crate) context: Context,
    /// What the prompt is made of, where it is cut elsewhere: at the cursor.
    pub(crate) at_cursor: Option<Context>,
    /// How many lines the answer may span; `None` where it is the cursor's alone.
    pub(crate) lines: Option<Lines>,
    /// Tokens decoded at most.
    pub(crate) max_tokens: usize,
    /// How tokens are chosen.
    pub(crate) sampling: Sampling,
    pub(crate) indent_unit: Option<IndentUnit>,
    /// Whether what is computed may be saved on disk.
    pub(crate) persists: bool,
    pub(crate) previous_lines: Vec<String>,
    /// The scanner's state at the first of them.
    pub(crate) lexical: Scanner,
    pub(crate) next_lines: Vec<String>,
    pub(crate) key: MemoryKey,
}

/// What to do.
pub(crate) enum Plan {
    /// This is the answer.
    Answer(Box<Answer>),
    /// A job decodes it.
    Wait(Box<Waiting>),
}

/// A job to wait for and the question as it was framed.
pub(crate) struct Waiting {
    pub(crate) live: Arc<Live>,
    pub(crate) frame: Frame,
    /// Whether another request had started the job.
    pub(crate) joined: bool,
}

impl Question {
    /// The answer that offers nothing, for a reason in words.
    pub(crate) fn nothing(&self, rule: &str, why: String, model: &str) -> Answer {
        let mut report = Report {
            silent: Some(rule.to_owned()),
            model: model.to_owned(),
            why: vec![why],
            ..Report::default()
        };
        report.ms.total = to_microseconds(self.asked.elapsed().as_secs_f64() * 1e3);
        Answer {
            id: self.id,
            outcome: Outcome::Nothing,
            others: Vec::new(),
            report: Arc::new(report),
        }
    }
}

impl Frame {
    /// What the prompt is made of.
    pub(crate) fn prompted(&self) -> &Context {
        self.at_cursor.as_ref().unwrap_or(&self.context)
    }
}

impl Completer {
    /// Decides about a question; the model must not be loading any more.
    ///
    /// A question that looks ahead gets [`Priority::Background`].
    pub(crate) fn plan(&self, question: &Question, priority: Priority) -> Plan {
        let settings = self.settings();
        let (frame, budget, model) = match self.framed(question, &settings) {
            Ok(framed) => framed,
            Err(answer) => return Plan::Answer(answer),
        };
        if priority == Priority::Interactive {
            self.with_desk(question.ask.snapshot.uri(), |desk| desk.foresight.reached(&frame.key));
        }
        if let Some(answer) = self.remembered(question, &frame, &model) {
            return Plan::Answer(Box::new(answer));
        }
        let uri = question.ask.snapshot.uri();
        let joinable = self.with_desk(uri, |desk| desk.running().find(|l| can_join(l, &frame)));
        if let Some(live) = joinable {
            return Plan::Wait(Box::new(Waiting { live, frame, joined: true }));
        }
        let live = Arc::new(self.submit(question, &frame, budget, priority));
        self.with_desk(uri, |desk| {
            // A request that was superseded while the model loaded must not take the desk.
            let place = question.ask.place;
            if priority == Priority::Interactive && desk.is_newest(place, question.id) {
                desk.start(place, Arc::clone(&live));
            }
        });
        Plan::Wait(Box::new(Waiting { live, frame, joined: false }))
    }

    /// The question as the stages see it, the prompt's budget and the model's name, or why there is silence.
    pub(crate) fn framed(
        &self,
        question: &Question,
        settings: &Settings,
    ) -> Result<(Frame, Budget, String), Box<Answer>> {
        let (visible, prompt_tokens, model) = self.admit(question, settings)?;
        let budget = Budget { prompt_tokens };
        let lines = self.lines(&question.ask, settings);
        Ok((frame(&question.ask, &visible, budget, settings, lines), budget, model))
    }

    /// What the file is called, the prompt's budget in tokens and the model's name, or why there is silence.
    fn admit(
        &self,
        question: &Question,
        settings: &Settings,
    ) -> Result<(Visible, usize, String), Box<Answer>> {
        let snapshot = &question.ask.snapshot;
        let nothing = |rule: &str, why: String| Err(Box::new(question.nothing(rule, why, "")));
        if settings.paused {
            return nothing("paused", "settings: lowkey is paused".into());
        }
        let language = snapshot.language_id();
        if settings.languages_off.iter().any(|off| off == language) {
            return nothing("language-off", format!("settings: lowkey is off for {language}"));
        }
        if question.ask.desynced {
            let why =
                "document: the editor's edits and the server's text disagree; reopen the file";
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
            // The model knows a language by the name's extension, which an unsaved buffer may lack.
            visible.label = snapshot.name_with_language(&visible.label);
        }
        match self.status() {
            Status::Ready { model, speed, context_length, .. } => {
                let room =
                    context_length - context_length.min(BLOCK_TOKENS.max(context_length / 8));
                let most = match settings.prompt_tokens {
                    0 => affordable(speed.prefill),
                    // A number that is set is obeyed, however busy the machine was when its speed was measured.
                    set => set,
                };
                Ok((visible, room.min(most), model))
            }
            Status::Failed(reason) => nothing("no-model", format!("model: {reason}")),
            Status::Loading(_) => nothing("loading", "model: still loading".into()),
        }
    }

    /// Answers from the completion memory.
    fn remembered(&self, question: &Question, frame: &Frame, model: &str) -> Option<Answer> {
        let memory = lock(&self.memory);
        let found = memory.lookup(&frame.key, &frame.context.line_before)?;
        // An unfinished line is not worth showing, and what the user has just deleted is not
        // what the model would write: in both cases it is asked.
        if !found.is_finished || found.is_retyped {
            return None;
        }
        let rest = found.rest.to_owned();
        let written = Written {
            text: &rest,
            is_complete: true,
            confidence: found.confidence,
            typed_bytes: found.typed_bytes,
        };
        drop(memory);
        let mut report =
            Report { source: Source::Memory, model: model.to_owned(), ..Report::default() };
        report.why.push("memory: decoded before, nothing was computed".into());
        Some(self.compose(question, frame, written, report))
    }

    /// Queues a job for the question.
    fn submit(
        &self,
        question: &Question,
        frame: &Frame,
        budget: Budget,
        priority: Priority,
    ) -> Live {
        let (to_progress, progress) = watch::channel(Progress::default());
        let to_progress = Arc::new(to_progress);
        let mut rules = StopRules::new(&frame.request());
        let context = frame.prompted().clone();
        let answered = Arc::new(AtomicBool::new(false));
        let job = Job {
            document: match priority {
                Priority::Interactive => {
                    history_of(question.ask.snapshot.uri(), question.ask.place).into()
                }
                // A history of its own: looking ahead must not stop a decoding that goes on
                // for the memory. Dropping its ticket is what stops it.
                Priority::Background => ahead_of(question.ask.snapshot.uri()).into(),
            },
            priority,
            prepare: Box::new(move |assembler| Some(assembler.assemble(&context, &budget))),
            max_tokens: frame.max_tokens,
            first: match priority {
                Priority::Interactive => self.first(question, frame, budget),
                Priority::Background => None,
            },
            n_openings: 0,
            must_write: frame.request().expects_text(),
            second: frame.lines.is_none().then(|| -> Box<dyn Fn() -> bool + Send> {
                let answered = Arc::clone(&answered);
                Box::new(move || !answered.load(Ordering::Relaxed))
            }),
            sampling: frame.sampling,
            stop: Box::new(move |text| {
                rules.push(text).map(|(reason, keep)| (reason.name(), keep))
            }),
            on_text: Box::new({
                let to_progress = Arc::clone(&to_progress);
                move |partial| {
                    to_progress.send_modify(|progress| {
                        progress.text.clear();
                        progress.text.push_str(partial.text);
                        progress.confidence = Confidence::of(partial.log_probs);
                        progress.is_whole = partial.is_whole;
                    });
                }
            }),
            done: Box::new({
                let memory = Arc::clone(&self.memory);
                let (key, forced) = (frame.key.clone(), frame.context.line_before.clone());
                let work = Arc::clone(&self.work);
                move |generated| {
                    work.add(priority, &generated.tokens);
                    remember(&memory, &key, &forced, &generated);
                    to_progress.send_modify(|progress| {
                        progress.text.clone_from(&generated.text);
                        progress.confidence = Confidence::of(&generated.log_probs);
                        progress.ended = Some(generated);
                    });
                }
            }),
            persists: frame.persists,
            asked: question.asked,
        };
        Live {
            key: frame.key.clone(),
            forced: frame.context.line_before.clone(),
            priority,
            progress,
            reported: AtomicBool::new(false),
            answered,
            _ticket: self.engine.submit(job),
        }
    }
}

/// Reads the window around the cursor and names what the answer may depend on.
fn frame(
    ask: &Ask,
    visible: &Visible,
    budget: Budget,
    settings: &Settings,
    lines: Option<Lines>,
) -> Frame {
    let cursor = ask.snapshot.cursor(ask.cursor);
    let gather =
        |anchor| Context::gather(&ask.snapshot, &cursor, &visible.label, &budget.window(), anchor);
    let (anchor, at_cursor) = match settings.anchor {
        settings::Anchor::Cursor => (Anchor::Lines(1), Some(gather(Anchor::Cursor))),
        settings::Anchor::Line => (Anchor::Lines(1), None),
        settings::Anchor::Lines4 => (Anchor::Lines(4), None),
        settings::Anchor::Lines8 => (Anchor::Lines(8), None),
    };
    let context = gather(anchor);
    let line = |idx| ask.snapshot.line(idx);
    let first_line = cursor.line.saturating_sub(MAX_SURROUNDING_LINES);
    let previous_lines: Vec<String> = (first_line..cursor.line).map(line).collect();
    let next_lines: Vec<String> =
        (cursor.line + 1..ask.snapshot.n_lines()).take(MAX_SURROUNDING_LINES).map(line).collect();
    let max_tokens = lines.map_or(LINE_TOKENS, |lines| BLOCK_TOKENS.min(32 * lines.most));
    let sampling = settings.sampling();
    let key = MemoryKey::new(
        ask.snapshot.uri(),
        &[
            &context.label,
            &context.prefix,
            &context.line_after,
            &context.suffix,
            if lines.is_some() { "lines" } else { "line" },
            &sampled_otherwise(&sampling),
        ],
    );
    Frame {
        language: ask.snapshot.language(),
        previous_lines,
        lexical: ask.snapshot.lexical_state(first_line),
        next_lines,
        cursor,
        context,
        at_cursor,
        lines,
        max_tokens: max_tokens.min(ask.max_tokens.unwrap_or(usize::MAX)),
        sampling,
        indent_unit: ask.indent_unit,
        persists: visible.persists,
        key,
    }
}

/// Names the sampling: what was drawn under other settings is no answer under these.
fn sampled_otherwise(sampling: &Sampling) -> String {
    if *sampling == Sampling::default() { String::new() } else { format!("{sampling:?}") }
}

/// Whether a job decodes, or decoded, what this question asks for.
///
/// One that has ended must reach beyond what was typed; one that runs may still get there.
fn can_join(live: &Live, frame: &Frame) -> bool {
    let progress = live.progress.borrow();
    let agreement = agreement(&live.forced, &progress.text, &frame.context.line_before);
    live.key == frame.key
        && match (&progress.ended, agreement) {
            (Some(made), Agreement::Ahead(_)) => is_whole(made.stop),
            (None, Agreement::Ahead(_) | Agreement::Behind) => true,
            (_, Agreement::Diverged) | (Some(_), Agreement::Behind) => false,
        }
}

/// Whether the decoding ended by itself, not because something else mattered more.
pub(crate) fn is_whole(stop: Stop) -> bool {
    ended_by_itself(stop) || stop == Stop::Limit
}

/// Whether the text came to an end of its own; a limit cuts it anywhere.
pub(crate) fn ended_by_itself(stop: Stop) -> bool {
    matches!(stop, Stop::EndToken | Stop::Rule(_))
}

/// The name under which the engine knows the jobs of a place; a newer one supersedes the older.
pub(crate) fn history_of(uri: &str, place: Place) -> String {
    match place {
        Place::Inline => uri.to_owned(),
        Place::Popup => format!("{uri}\0popup"),
    }
}

/// The name under which the engine knows the jobs that look ahead in a document.
fn ahead_of(uri: &str) -> String {
    format!("{uri}\0ahead")
}

/// All names under which the engine knows jobs of a document.
pub(crate) fn histories(uri: &str) -> [String; 3] {
    [history_of(uri, Place::Inline), history_of(uri, Place::Popup), ahead_of(uri)]
}

/// Keeps what was decoded for what the user types next.
pub(crate) fn remember(
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
        // A line cut off by the token limit is half a line: not finished.
        is_finished: ended_by_itself(generated.stop),
        confidence: Confidence::of(&generated.log_probs),
    };
    lock(memory).insert(key, middle);
}

/// How many prompt tokens a model that computes `per_second` has time for: whole steps, so that little jitter changes nothing.
fn affordable(per_second: f64) -> usize {
    let tokens = (per_second * COLD_PREFILL_SECONDS) as usize / PROMPT_STEP_TOKENS;
    (tokens * PROMPT_STEP_TOKENS).max(LEAST_PROMPT_TOKENS)
}
