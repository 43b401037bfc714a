//! Another model's part in an answer: when it is asked, how long a request waits for it, and when
//! its text is used.
//!
//! The local model answers every request. Another one refines: the remote server, or a second model
//! on this machine. It is asked where several lines are asked or where the local answer is unsure:
//! the server at the same time as the local model if possible, the second model when the first one
//! is at rest and the user does not type (see `second_model`). A request waits for it only within
//! its time budget, and only if its usual time fits into it, so that a server that is down or slow
//! delays nothing, and the second model never delays a key. A text that arrives later is stored. It
//! appears at the next key, or at once in an editor that can be told (`ask_again`). While the user
//! types a shown text, nothing is asked.
//!
//! The rule about shown texts: a text on the screen is replaced only if the user typed something
//! that does not agree with it, or if nothing was shown. While the user types a shown text, a
//! refined text is used only if it continues the shown one ([`continues`]).
//!
//! Invariants: another model gets text of a document only if the rules allow it
//! ([`Completer::prepare`]); a superseded call is cancelled unless the typed text agrees with its
//! text, and so is the call of a request that the client cancels.

use std::sync::Arc;
use std::time::Duration;

use lowkey_remote::Remote;
use lowkey_suggestion::StopReason;

use crate::answer::{Answer, Outcome};
use crate::answer_builder::RawCompletion;
use crate::prepared_request::PreparedRequest;
use crate::refine_job::{RefineJob, RefineOutcome, RefineSink, RefinedText};
use crate::refine_rules::{continues, is_unsure};
use crate::report::Report;
use crate::request::{ActiveRequest, TimeLimit};
use crate::running_job::{Agreement, agreement};
use crate::state::{Completer, lock};

/// The model that refines.
enum Refiner {
    Remote(Remote),
    /// The model of the setting `refine_model`.
    Second,
}

/// The part of the other model in one request.
pub(crate) struct Refinement {
    refiner: Refiner,
    prepared: Arc<PreparedRequest>,
    /// The rest of the text on the screen, if the user is typing it.
    shown: Option<String>,
    job: Option<Arc<RefineJob>>,
    why: Vec<String>,
}

impl Refiner {
    /// Returns the usual time of an answer; `None` if a request cannot wait for it.
    fn usual_time(&self) -> Option<Duration> {
        match self {
            Self::Remote(server) => server.usual_time(),
            // It begins when the local answer is there and the user pauses.
            Self::Second => None,
        }
    }

    /// Returns the start of a line of the report.
    fn word(&self) -> &'static str {
        match self {
            Self::Remote(_) => "remote",
            Self::Second => "second model",
        }
    }
}

impl Refinement {
    fn note(&mut self, what: impl std::fmt::Display) {
        self.why.push(format!("{}: {what}", self.refiner.word()));
    }

    /// Whether a question is worth its cost before the local answer is known.
    fn asks_for_lines(&self) -> bool {
        self.prepared.lines.is_some() && self.shown.is_none()
    }
}

impl Completer {
    /// Returns the model that refines, if the settings name one.
    fn refiner(&self) -> Option<Refiner> {
        match self.remote.server() {
            Some(server) => Some(Refiner::Remote(server)),
            None => self.refine_model.is_named().then_some(Refiner::Second),
        }
    }

    /// Begins the other model's part of a request: cancels a call about another text, and asks a
    /// server at once if several lines are asked.
    pub(crate) fn begin_refinement(
        &self,
        active: &ActiveRequest,
        prepared: &Arc<PreparedRequest>,
    ) -> Option<Refinement> {
        if active.is_superseded() {
            return None;
        }
        let refiner = self.refiner()?;
        let prepared = Arc::clone(prepared);
        let shown = self.shown_rest(active);
        let subject = active.request.subject();
        let job = self.refined.job_for(active.id, subject, &prepared.key, prepared.typed());
        let mut refinement = Refinement { refiner, prepared, shown, job, why: Vec::new() };
        if matches!(refinement.refiner, Refiner::Remote(_)) && refinement.asks_for_lines() {
            self.ask_refiner(active, &mut refinement);
        }
        Some(refinement)
    }

    /// Returns the rest of the text on the screen, if the user is typing it.
    pub(crate) fn shown_rest(&self, active: &ActiveRequest) -> Option<String> {
        let request = &active.request;
        let documents = self.documents();
        let feedback = &documents.get(active.uri())?.feedback;
        feedback.rest(&request.snapshot, request.cursor).map(str::to_owned)
    }

    /// Asks, unless the text is known or a call runs.
    fn ask_refiner(&self, active: &ActiveRequest, refinement: &mut Refinement) {
        let Refinement { refiner, prepared, job, .. } = refinement;
        let subject = active.request.subject();
        let is_known = lock(&self.refined.memory).lookup(&prepared.key, prepared.typed()).is_some();
        if job.is_some() || is_known || self.refined.is_asked_about(subject) {
            return;
        }
        let link = &self.refined;
        let (key, forced) = (prepared.key.clone(), prepared.typed().to_owned());
        let (sink, progress) =
            RefineSink::new(key, forced, Arc::clone(&link.memory), Arc::clone(&link.model));
        let ticket = match refiner {
            Refiner::Remote(server) => self.call_remote(server, prepared, &sink),
            Refiner::Second => self.call_second(active, prepared, &sink),
        };
        match ticket {
            Ok(ticket) => {
                let new = Arc::new(RefineJob::new(active.id, subject, &sink, progress, ticket));
                link.start(Arc::clone(&new));
                *job = Some(new);
            }
            Err(reason) => refinement.note(reason),
        }
    }

    /// Replaces the local answer by the refined one, if that is in time and may be shown.
    pub(crate) async fn refine(
        self: &Arc<Self>,
        active: &ActiveRequest,
        refinement: Option<Refinement>,
        local: Answer,
    ) -> Answer {
        let Some(mut refinement) = refinement else { return local };
        let is_decided = local.outcome == Outcome::Superseded || local.report.is_refined;
        let is_wanted =
            refinement.job.is_some() || refinement.asks_for_lines() || is_unsure(&local.report);
        // A request that was superseded meanwhile must not replace the newer one's call.
        if is_decided || !is_wanted || active.is_superseded() {
            return local;
        }
        let is_local_shown =
            refinement.shown.is_some() && matches!(local.outcome, Outcome::Insert(_));
        if !is_local_shown {
            self.ask_refiner(active, &mut refinement);
        }
        let outcome = match &refinement.job {
            // While the user types a shown text, no other text can be better for this key.
            Some(_) if is_local_shown => None,
            Some(job) => self.wait_for_refinement(active, &refinement.refiner, job).await,
            None => None,
        };
        if active.is_superseded() {
            return Answer::superseded(active);
        }
        let answer = match (refinement.job.clone(), outcome) {
            (Some(job), Some(RefineOutcome::Text(made))) => {
                self.refined_answer(active, &mut refinement, &job, made)
            }
            (_, Some(RefineOutcome::Failed(reason))) => {
                refinement.note(reason);
                None
            }
            (Some(job), None) => {
                self.watch_refinement(active.uri(), &job);
                refinement.note("asked; its text is for a later key");
                None
            }
            (None, _) => None,
        };
        let mut answer = answer.unwrap_or(local);
        Arc::make_mut(&mut answer.report).why.extend(refinement.why);
        answer
    }

    /// Builds the answer from a refined text; `None` if the text may not be shown.
    fn refined_answer(
        &self,
        active: &ActiveRequest,
        refinement: &mut Refinement,
        job: &RefineJob,
        made: RefinedText,
    ) -> Option<Answer> {
        let prepared = Arc::clone(&refinement.prepared);
        let text = job.progress.borrow().text.clone();
        let n = match agreement(&job.forced, &text, prepared.typed()) {
            Agreement::Ahead(n) => n,
            Agreement::Behind | Agreement::Diverged => text.len(),
        };
        let report = Report {
            source: made.source,
            model: made.model,
            is_refined: true,
            stop: Some(StopReason::Eos),
            tokens: made.tokens,
            why: vec![format!("{}: {}", refinement.refiner.word(), made.why)],
            ..Report::default()
        };
        let raw = RawCompletion {
            text: text.get(n..).unwrap_or_default(),
            is_complete: true,
            confidence: made.confidence,
            typed_bytes: job.forced.len(),
        };
        let answer = self.build_answer(active, &prepared, raw, report);
        match &answer.outcome {
            Outcome::Insert(insert) if continues(refinement.shown.as_deref(), &insert.text) => {
                return Some(answer);
            }
            Outcome::Insert(_) => {
                refinement.note("not used, because the user types another text that is shown");
            }
            Outcome::Nothing | Outcome::Superseded => {
                let rule = answer.report.silent.as_deref().unwrap_or("no text");
                refinement.note(format_args!("not used: {rule}"));
            }
        }
        None
    }

    /// Waits for the end of a call, within the request's time budget; `None` if it has not ended.
    async fn wait_for_refinement(
        &self,
        active: &ActiveRequest,
        refiner: &Refiner,
        job: &RefineJob,
    ) -> Option<RefineOutcome> {
        let mut progress = job.progress.clone();
        let left = self.budget().saturating_sub(active.asked.elapsed());
        let patience = match active.request.time_limit {
            TimeLimit::Unlimited => Duration::MAX,
            // A model that has not answered yet, or not in this time, is not waited for.
            TimeLimit::Budget
                if refiner.usual_time().is_some_and(|usual| usual <= self.budget()) =>
            {
                left
            }
            TimeLimit::Budget => Duration::ZERO,
        };
        tokio::select! {
            biased;
            ended = progress.wait_for(|progress| progress.ended.is_some()) => {
                ended.ok().and_then(|progress| progress.ended.clone())
            }
            () = active.superseded() => None,
            () = tokio::time::sleep(patience) => None,
        }
    }
}

#[cfg(test)]
mod tests;
