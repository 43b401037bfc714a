//! Waits for the model within the time budget.
//!
//! At the budget, the complete lines decoded so far are the answer; an incomplete first line may
//! take until [`MAX_WAIT`]. Text decoded after the answer is stored in the completion memory, and
//! the next request shows more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lowkey_engine::{Priority, Status, TokenCounts};
use lowkey_suggestion::{Confidence, StopReason};

use crate::answer::{Answer, Outcome};
use crate::answer_builder::RawCompletion;
use crate::plan::{Plan, Waiting};
use crate::report::{PromptSize, Report, TextSource};
use crate::request::{ActiveRequest, TimeLimit};
use crate::running_job::{
    Agreement, Generated, Progress, Stop, agreement, ended_by_itself, is_whole,
};
use crate::state::Completer;

/// Time limit of an automatic request for its first line.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// A job may end early (a joined one that diverges, a worker that shuts down). The limit prevents
/// an endless loop of plans.
const MAX_REPLANS: u32 = 3;

/// The result of checking the progress.
enum JobCheck {
    /// Answer with this text, decoded with this confidence.
    Text(String, Option<Confidence>, Option<Box<Generated>>),
    /// Continue to wait.
    Wait,
    /// This job will not answer the request.
    Useless,
}

impl Completer {
    /// Waits until the model is loaded; an error is the answer if it is not loaded in time.
    pub(crate) async fn loaded(&self, active: &ActiveRequest) -> Result<(), Box<Answer>> {
        let nothing = |why: &str| Err(Box::new(Answer::nothing(active, "loading", why.into(), "")));
        let in_time = async {
            match active.request.time_limit {
                TimeLimit::Budget => tokio::time::sleep(self.budget()).await,
                TimeLimit::Unlimited => std::future::pending().await,
            }
        };
        tokio::select! {
            status = self.ready() => match status {
                Status::Loading(_) => nothing("model: gone"),
                _ => Ok(()),
            },
            () = in_time => nothing("model: still loading when the time budget was used up"),
            () = active.superseded() => Err(Box::new(Answer::superseded(active))),
        }
    }

    /// Waits for a job's text and builds the answer from it.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        active: &ActiveRequest,
        mut waiting: Waiting,
    ) -> Answer {
        let nothing =
            |rule: &str, why: &str| Answer::nothing(active, rule, why.into(), &self.model());
        let started = tokio::time::Instant::now();
        let patient = active.request.time_limit == TimeLimit::Unlimited;
        let budget = started + self.budget();
        let latest = started + MAX_WAIT.max(self.budget());
        let mut late = false;
        let mut replans_left = MAX_REPLANS;
        loop {
            let mut progress = waiting.job.progress.clone();
            let check = check_job(&progress.borrow_and_update(), &waiting, late);
            match check {
                JobCheck::Text(text, confidence, made) => {
                    if made.is_none() {
                        waiting.job.answered.store(true, Ordering::Relaxed);
                    }
                    // Before the end, only complete lines are answered.
                    let is_complete = made.as_ref().is_none_or(|made| ended_by_itself(made.stop));
                    let text = (text.as_str(), confidence, is_complete);
                    return self.answer(active, &waiting, text, made.as_deref());
                }
                JobCheck::Useless => {
                    // A newer request cancelled the job, or the typed text diverged from it: plan
                    // another one.
                    if active.is_superseded() {
                        return Answer::superseded(active);
                    }
                    if replans_left == 0 {
                        let why = "engine: several jobs for this request ended early";
                        return nothing("cancelled", why);
                    }
                    replans_left -= 1;
                    match self.plan(active, Priority::Interactive) {
                        Plan::Answer(answer) => return *answer,
                        Plan::Wait(next) => waiting = *next,
                    }
                    continue;
                }
                JobCheck::Wait => {}
            }
            let deadline = if late { latest } else { budget };
            tokio::select! {
                changed = progress.changed() => {
                    if changed.is_err() {
                        return nothing("cancelled", "engine: the worker has ended");
                    }
                }
                () = active.superseded() => return Answer::superseded(active),
                () = tokio::time::sleep_until(deadline), if !patient => {
                    if late {
                        if let Some(answer) = self.parts(active, &waiting) {
                            return answer;
                        }
                        let why = "engine: no complete line within a second; decoding continues for the next request";
                        let mut answer = nothing("deadline", why);
                        if let Some(report) = Arc::get_mut(&mut answer.report) {
                            report.stop = Some(StopReason::Deadline);
                        }
                        return answer;
                    }
                    late = true;
                }
            }
        }
    }

    /// Answers with the complete parts of an incomplete line: sentences, words and elements in
    /// prose and data.
    fn parts(&self, active: &ActiveRequest, waiting: &Waiting) -> Option<Answer> {
        let progress = waiting.job.progress.borrow().clone();
        let typed = waiting.prepared.typed();
        let Agreement::Ahead(n) = agreement(&waiting.job.forced, &progress.text, typed) else {
            return None;
        };
        let text = progress.text.get(n..).unwrap_or_default();
        let answer = self.answer(active, waiting, (text, progress.confidence, false), None);
        matches!(answer.outcome, Outcome::Insert(_)).then_some(answer)
    }

    fn answer(
        &self,
        active: &ActiveRequest,
        waiting: &Waiting,
        (text, confidence, is_complete): (&str, Option<Confidence>, bool),
        made: Option<&Generated>,
    ) -> Answer {
        let mut report =
            Report { source: TextSource::Model, model: self.model(), ..Report::default() };
        if let Some(made) = made {
            report.stop =
                (made.tokens.decoded > 0 || is_whole(made.stop)).then(|| stop_reason(made.stop));
            report.prompt_size =
                Some(if made.used_small_prompt { PromptSize::Small } else { PromptSize::Full });
            // The tokens of a look-ahead job are background work, not this request's. Tokens in an
            // earlier report are not reported again.
            let is_first = !waiting.job.reported.swap(true, Ordering::Relaxed);
            if is_first && waiting.job.priority == Priority::Interactive {
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
                report.stop.map_or("failure", StopReason::name),
            );
            report.why.push(why);
            report.why.extend(deviations(made));
            report.why.extend(self.prompt_format());
        } else {
            report.stop = Some(StopReason::Deadline);
            report
                .why
                .push("engine: the time budget ended; the answer is the complete part".into());
        }
        if waiting.joined {
            report.why.push("engine: joined the decoding that was running".into());
        }
        let n_shown = made.map(|made| made.n_snippets);
        report.why.extend(waiting.prepared.snippets_in_words(n_shown));
        let typed_bytes = waiting.job.forced.len();
        let raw = RawCompletion { text, is_complete, confidence, typed_bytes };
        self.build_answer(active, &waiting.prepared, raw, report)
    }

    /// Returns the prompt format, in words.
    fn prompt_format(&self) -> Option<String> {
        match self.status() {
            Status::Ready { infill, .. } => Some(format!("prompt: asked {infill}")),
            _ => None,
        }
    }
}

/// Reads a job's progress from the request's point of view.
fn check_job(progress: &Progress, waiting: &Waiting, late: bool) -> JobCheck {
    let typed = waiting.prepared.typed();
    let agreement = agreement(&waiting.job.forced, &progress.text, typed);
    if let Some(made) = &progress.ended {
        return match agreement {
            Agreement::Ahead(n) if is_whole(made.stop) || made.stop == Stop::Failed => {
                JobCheck::Text(
                    progress.text.get(n..).unwrap_or_default().to_owned(),
                    progress.confidence,
                    Some(Box::new(made.clone())),
                )
            }
            _ => JobCheck::Useless,
        };
    }
    match agreement {
        Agreement::Diverged => JobCheck::Useless,
        Agreement::Ahead(n) if late => {
            let text = progress.text.get(n..).unwrap_or_default();
            if progress.is_whole {
                return JobCheck::Text(text.to_owned(), progress.confidence, None);
            }
            let whole = text.trim_end_matches('\n').rfind('\n').and_then(|end| text.get(..end));
            // A single line end, as after an accepted line, is not a line yet.
            match whole.filter(|lines| !lines.trim().is_empty()) {
                Some(lines) => JobCheck::Text(lines.to_owned(), progress.confidence, None),
                None => JobCheck::Wait,
            }
        }
        Agreement::Ahead(_) | Agreement::Behind => JobCheck::Wait,
    }
}

/// Describes deviations from a usual request, in words.
fn deviations(made: &Generated) -> Vec<String> {
    let mut why = Vec::new();
    // Smaller probabilities are not worth a message.
    if made.masked_probability >= 0.01 {
        why.push(format!(
            "engine: with a probability of {:.0} % the model would have written no text; text must follow here, so \
             that was ruled out, and the gate counts it",
            made.masked_probability * 100.0
        ));
    }
    if made.used_small_prompt {
        why.push("prompt: the prompt of this place was not computed yet, so the small prompt was used; the whole prompt follows".into());
    }
    if made.branched {
        why.push(
            "engine: another token makes the whole line more probable, so it was chosen".into(),
        );
    }
    if made.retried {
        why.push("engine: the first text was rejected (for example, it repeats the next line), so another beginning was tried".into());
    }
    why
}

/// Returns the end of the text in the suggestion stage's terms.
fn stop_reason(stop: Stop) -> StopReason {
    match stop {
        Stop::EndToken => StopReason::Eos,
        Stop::Rule(reason) => reason,
        Stop::Limit => StopReason::Limit,
        Stop::Cancelled | Stop::Preempted | Stop::Failed | Stop::NoPrompt => StopReason::Cancelled,
    }
}
