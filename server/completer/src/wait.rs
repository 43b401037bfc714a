//! Waiting for the model, within the time budget.
//!
//! At the budget the complete lines that there are are answered; an incomplete first
//! line may take until [`LONGEST`]. What is decoded after the answer lands in the
//! completion memory, and the next request shows more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lowkey_engine::{Generated, Priority, Status, Stop, TokenCounts};
use lowkey_suggestion::{Confidence, StopReason};
use tokio::runtime::Handle;

use crate::answer_builder::Written;
use crate::plan::{Plan, Question, Waiting, ended_by_itself, is_whole};
use crate::report::{PromptSize, Report, Source};
use crate::running_job::{Agreement, Progress, agreement};
use crate::{Answer, Completer, Outcome, Patience};

/// No automatic request waits longer for its first line.
const LONGEST: Duration = Duration::from_secs(1);

/// A job may end before its time (a joined one that diverges, a worker that shuts down);
/// asking again without end would spin.
const MAX_REPLANS: u32 = 3;

/// What a look at the progress says.
enum Look {
    /// This text, written with this confidence, is what the answer is made of.
    Text(String, Option<Confidence>, Option<Box<Generated>>),
    /// Not yet.
    Wait,
    /// This job will not answer the question.
    Useless,
}

/// How long a job goes on whose request the client has cancelled: editors cancel one request to ask the next, which
/// joins what is being decoded if it was typed.
const GRACE: Duration = Duration::from_millis(150);

/// Cancels the job when its request is dropped by the client and no other follows.
struct Guard<'a> {
    completer: &'a Arc<Completer>,
    question: &'a Question,
    armed: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (place, id) = (self.question.ask.place, self.question.id);
        let uri = self.question.ask.snapshot.uri().to_owned();
        let stop = move |completer: &Completer| {
            completer.with_desk(&uri, |desk| {
                if desk.is_newest(place, id) {
                    desk.stop(place);
                }
            });
        };
        match Handle::try_current() {
            Ok(runtime) => {
                let completer = Arc::downgrade(self.completer);
                runtime.spawn(async move {
                    tokio::time::sleep(GRACE).await;
                    if let Some(completer) = completer.upgrade() {
                        stop(&completer);
                    }
                });
            }
            // Dropped with the runtime itself.
            Err(_) => stop(self.completer),
        }
    }
}

impl Completer {
    /// Waits until the model is there; the answer to give if it is not in time.
    pub(crate) async fn loaded(&self, question: &Question) -> Result<(), Box<Answer>> {
        let mut newest = question.newest.clone();
        let patience = async {
            match question.ask.patience {
                Patience::Budget => tokio::time::sleep(self.budget()).await,
                Patience::Unlimited => std::future::pending().await,
            }
        };
        tokio::select! {
            status = self.ready() => match status {
                Status::Loading(_) => Err(Box::new(question.nothing("loading", "model: gone".into(), ""))),
                _ => Ok(()),
            },
            () = patience => {
                let why = "model: still loading when the time budget was used up".into();
                Err(Box::new(question.nothing("loading", why, "")))
            }
            _ = newest.wait_for(|&id| id != question.id) => Err(Box::new(question.superseded())),
        }
    }

    /// Waits for a job's text and makes the answer of it.
    pub(crate) async fn wait(self: &Arc<Self>, question: &Question, waiting: Waiting) -> Answer {
        let mut guard = Guard { completer: self, question, armed: true };
        let answer = self.waited(question, waiting).await;
        guard.armed = false;
        answer
    }

    async fn waited(self: &Arc<Self>, question: &Question, mut waiting: Waiting) -> Answer {
        let mut newest = question.newest.clone();
        let started = tokio::time::Instant::now();
        let patient = question.ask.patience == Patience::Unlimited;
        let budget = started + self.budget();
        let longest = started + LONGEST.max(self.budget());
        let mut late = false;
        let mut replans_left = MAX_REPLANS;
        loop {
            let mut progress = waiting.live.progress.clone();
            let look = look(&progress.borrow_and_update(), &waiting, late);
            match look {
                Look::Text(text, confidence, made) => {
                    if made.is_none() {
                        waiting.live.answered.store(true, Ordering::Relaxed);
                    }
                    // What is answered before the end is complete lines only.
                    let is_complete = made.as_ref().is_none_or(|made| ended_by_itself(made.stop));
                    let written = (text.as_str(), confidence, is_complete);
                    return self.answer(question, &waiting, written, made.as_deref());
                }
                Look::Useless => {
                    // A newer job took the desk, or the typed text left this one: ask again.
                    if newest.has_changed().unwrap_or(true) || *newest.borrow() != question.id {
                        return question.superseded();
                    }
                    if replans_left == 0 {
                        let why = "engine: the job ended before its time, again and again".into();
                        return question.nothing("cancelled", why, &self.model());
                    }
                    replans_left -= 1;
                    match self.plan(question, Priority::Interactive) {
                        Plan::Answer(answer) => return *answer,
                        Plan::Wait(next) => waiting = *next,
                    }
                    continue;
                }
                Look::Wait => {}
            }
            let deadline = if late { longest } else { budget };
            tokio::select! {
                changed = progress.changed() => {
                    if changed.is_err() {
                        let why = "engine: the worker has ended".into();
                        return question.nothing("cancelled", why, &self.model());
                    }
                }
                _ = newest.wait_for(|&id| id != question.id) => return question.superseded(),
                () = tokio::time::sleep_until(deadline), if !patient => {
                    if late {
                        if let Some(answer) = self.parts(question, &waiting) {
                            return answer;
                        }
                        let why = "engine: no complete line within a second; decoding goes on for the next request";
                        let mut answer = question.nothing("deadline", why.into(), &self.model());
                        if let Some(report) = Arc::get_mut(&mut answer.report) {
                            report.stop = Some("deadline");
                        }
                        return answer;
                    }
                    late = true;
                }
            }
        }
    }

    /// Answers with what is whole of a line that is not complete: of prose and data, sentences, words and elements.
    fn parts(&self, question: &Question, waiting: &Waiting) -> Option<Answer> {
        let progress = waiting.live.progress.borrow().clone();
        let typed = &waiting.frame.context.line_before;
        let Agreement::Ahead(n) = agreement(&waiting.live.forced, &progress.text, typed) else {
            return None;
        };
        let text = progress.text.get(n..).unwrap_or_default();
        let answer = self.answer(question, waiting, (text, progress.confidence, false), None);
        matches!(answer.outcome, Outcome::Insert(_)).then_some(answer)
    }

    fn answer(
        &self,
        question: &Question,
        waiting: &Waiting,
        (text, confidence, is_complete): (&str, Option<Confidence>, bool),
        made: Option<&Generated>,
    ) -> Answer {
        let mut report = Report { source: Source::Model, model: self.model(), ..Report::default() };
        if let Some(made) = made {
            report.stop = (made.tokens.decoded > 0 || is_whole(made.stop))
                .then(|| stop_reason(made.stop).name());
            report.prompt_size =
                Some(if made.is_first { PromptSize::Small } else { PromptSize::Full });
            // What a job ahead computed was background work, not this request's, and what an
            // earlier request has reported is not computed again.
            let is_first = !waiting.live.reported.swap(true, Ordering::Relaxed);
            if is_first && waiting.live.priority == Priority::Interactive {
                report.tokens = made.tokens.into();
                report.ms = made.ms.into();
            } else {
                let n_prompt = made.tokens.prompt;
                report.tokens =
                    TokenCounts { prompt: n_prompt, reused: n_prompt, ..TokenCounts::default() }
                        .into();
            }
            let why = format!(
                "engine: {} prompt tokens, {} of them cached; {} decoded; ended by {}",
                made.tokens.prompt,
                made.tokens.reused,
                made.tokens.decoded,
                report.stop.unwrap_or("failure"),
            );
            report.why.push(why);
            report.why.extend(otherwise(made));
            report.why.extend(self.asked());
        } else {
            report.stop = Some("deadline");
            report.why.push("engine: the time budget ended; what was complete until then".into());
        }
        if waiting.joined {
            report.why.push("engine: joined the decoding that was under way".into());
        }
        let typed_bytes = waiting.live.forced.len();
        let written = Written { text, is_complete, confidence, typed_bytes };
        self.compose(question, &waiting.frame, written, report)
    }

    /// How the model was asked, in words.
    fn asked(&self) -> Option<String> {
        match self.status() {
            Status::Ready { infill, .. } => Some(format!("prompt: asked {infill}")),
            _ => None,
        }
    }

    /// The model's name; empty until it is loaded.
    pub fn model(&self) -> String {
        match self.status() {
            Status::Ready { model, .. } => model,
            _ => String::new(),
        }
    }
}

impl Question {
    /// The answer for a request that a newer one of its document replaced.
    pub(crate) fn superseded(&self) -> Answer {
        let why = "engine: a newer request of the document came".into();
        let mut answer = self.nothing("superseded", why, "");
        answer.outcome = Outcome::Superseded;
        answer
    }
}

/// Reads a job's progress as the question sees it.
fn look(progress: &Progress, waiting: &Waiting, late: bool) -> Look {
    let typed = &waiting.frame.context.line_before;
    let agreement = agreement(&waiting.live.forced, &progress.text, typed);
    if let Some(made) = &progress.ended {
        return match agreement {
            Agreement::Ahead(n) if is_whole(made.stop) || made.stop == Stop::Failed => Look::Text(
                progress.text.get(n..).unwrap_or_default().to_owned(),
                progress.confidence,
                Some(Box::new(made.clone())),
            ),
            _ => Look::Useless,
        };
    }
    match agreement {
        Agreement::Diverged => Look::Useless,
        Agreement::Ahead(n) if late => {
            let text = progress.text.get(n..).unwrap_or_default();
            if progress.is_whole {
                return Look::Text(text.to_owned(), progress.confidence, None);
            }
            let whole = text.trim_end_matches('\n').rfind('\n').and_then(|end| text.get(..end));
            // A line end alone, as behind a line that was accepted, is no line yet.
            match whole.filter(|lines| !lines.trim().is_empty()) {
                Some(lines) => Look::Text(lines.to_owned(), progress.confidence, None),
                None => Look::Wait,
            }
        }
        Agreement::Ahead(_) | Agreement::Behind => Look::Wait,
    }
}

/// What was asked otherwise than usual, in words.
fn otherwise(made: &Generated) -> Vec<String> {
    let mut why = Vec::new();
    // Less is not worth a line.
    if made.ruled_out >= 0.01 {
        why.push(format!(
            "engine: with a probability of {:.0} % the model would have written nothing; text must follow here, so \
             that was ruled out, and the gate counts it",
            made.ruled_out * 100.0
        ));
    }
    if made.is_first {
        why.push("prompt: this place was not computed yet, so the lines around the cursor were asked; the whole prompt is next".into());
    }
    if made.turned {
        why.push(
            "engine: with one other token the whole line is more probable, so that one was taken"
                .into(),
        );
    }
    if made.begun_again {
        why.push("engine: the first text was refused whole (it repeats the next line, say), so another beginning was tried".into());
    }
    why
}

/// Why the text ended, in the suggestion stage's terms.
fn stop_reason(stop: Stop) -> StopReason {
    let by_rule = |rule| REASONS.into_iter().find(|reason| reason.name() == rule);
    match stop {
        Stop::EndToken => StopReason::Eos,
        Stop::Rule(rule) => by_rule(rule).unwrap_or(StopReason::Limit),
        Stop::Limit => StopReason::Limit,
        Stop::Cancelled | Stop::Preempted | Stop::Failed | Stop::Nothing => StopReason::Cancelled,
    }
}

/// The reasons that a stop rule may give.
const REASONS: [StopReason; 5] = [
    StopReason::Newline,
    StopReason::Scope,
    StopReason::Suffix,
    StopReason::Repetition,
    StopReason::Limit,
];
