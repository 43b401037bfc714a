//! The remote server's part in an answer: when it is asked, how long a request waits for it, and
//! when its text is used.
//!
//! The local model answers every request. The server is asked at the same time if several lines are
//! asked, and otherwise as soon as the local answer is known to be unsure. A request waits for the
//! server only within its time budget, and only if the server's usual time fits into it, so that a
//! server that is down or slow delays nothing. A text that arrives later is stored, and appears at
//! the next key. While the user types a shown text, nothing is asked.
//!
//! The rule about shown texts: a text on the screen is replaced only if the user typed something
//! that does not agree with it, or if nothing was shown. While the user types a shown text, a text
//! of the server is used only if it continues the shown one ([`continues`]).
//!
//! Invariants: the server gets text of a document only if the rules allow it
//! ([`Completer::prepare`]); a superseded call is cancelled.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lowkey_remote::{Flow, Remote, RemoteConfig, RemoteEnd, RemoteState, RemoteText};
use lowkey_suggestion::{Confidence, Middle, StopReason, StopRules};
use tokio::sync::watch;

use crate::answer::{Answer, Outcome};
use crate::answer_builder::RawCompletion;
use crate::plain::plain;
use crate::prepared_request::PreparedRequest;
use crate::remote_link::{RemoteJob, RemoteOutcome, RemoteProgress};
use crate::remote_settings::{REMOTE_KEYS, remote_config};
use crate::report::{Report, TextSource, Tokens};
use crate::request::{ActiveRequest, TimeLimit};
use crate::running_job::{Agreement, agreement};
use crate::second_model::SecondModelState;
use crate::settings::Settings;
use crate::state::{Completer, lock};

/// The server is asked if the local text is less probable than this. Fitted: the highest share of
/// holes that the 1.5B corrects after the 0.5B, without many more questions
/// (`server/remote/SCALE.md`).
const UNSURE_BELOW: f32 = 0.5;

/// The part of the remote server in one request.
pub(crate) struct Refinement {
    server: Remote,
    prepared: PreparedRequest,
    /// The rest of the text on the screen, if the user is typing it.
    shown: Option<String>,
    job: Option<Arc<RemoteJob>>,
    why: Vec<String>,
}

impl Completer {
    /// Lets the completer ask the server of the settings; returns the problem with them in words.
    ///
    /// Without this call no connection is opened.
    pub fn use_remote(&self) -> Option<String> {
        self.remote.enable();
        self.follow_refine_model();
        self.apply_remote(&self.settings())
    }

    /// Subscribes to the state of the remote server.
    pub fn subscribe_remote(&self) -> watch::Receiver<RemoteState> {
        self.remote.subscribe()
    }

    /// Returns the configuration of the remote server that may be asked.
    pub fn remote(&self) -> Option<RemoteConfig> {
        self.remote.server().map(|server| server.config().clone())
    }

    /// Follows changed settings; returns the problem with them in words.
    pub(crate) fn follow_remote(&self, before: &Settings, now: &Settings) -> Option<String> {
        let has_changed = |key: &&&str| before.value_of(key) != now.value_of(key);
        REMOTE_KEYS.iter().find(has_changed).and_then(|_| self.apply_remote(now))
    }

    /// Follows the setting `refine_model`, once the front end has allowed it.
    pub(crate) fn follow_refine_model(&self) {
        if self.remote.is_enabled() {
            let settings = self.settings();
            self.refine_model.follow(&settings, &settings.refine_model);
        }
    }

    /// Subscribes to the state of the model of the setting `refine_model`.
    pub fn subscribe_refine_model(&self) -> watch::Receiver<SecondModelState> {
        self.refine_model.subscribe()
    }

    fn apply_remote(&self, settings: &Settings) -> Option<String> {
        match remote_config(settings) {
            Ok(config) => {
                self.remote.apply(config);
                None
            }
            Err(error) => {
                self.remote.apply(None);
                Some(plain(error))
            }
        }
    }

    /// Begins the remote part of a request: cancels a call about another text, and asks at once if
    /// several lines are asked. `None` without a server, or if the rules hide the document.
    pub(crate) fn begin_remote(&self, active: &ActiveRequest) -> Option<Refinement> {
        let server = self.remote.server()?;
        let prepared = self.prepare(active, &self.settings());
        let Ok(prepared) = prepared else {
            self.remote.leave(active.uri());
            return None;
        };
        let shown = self.shown_rest(active);
        let subject = active.request.subject();
        let job = self.remote.job_for(subject, &prepared.key, prepared.typed());
        let mut refinement = Refinement { server, prepared, shown, job, why: Vec::new() };
        if refinement.prepared.lines.is_some() && refinement.shown.is_none() {
            self.ask_remote(active, &mut refinement);
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

    /// Asks the server, unless its text is known or a call runs.
    fn ask_remote(&self, active: &ActiveRequest, refinement: &mut Refinement) {
        let Refinement { server, prepared, job, why, .. } = refinement;
        let subject = active.request.subject();
        let is_known = lock(&self.remote.memory).lookup(&prepared.key, prepared.typed()).is_some();
        if job.is_some() || is_known || self.remote.is_asked_about(subject) {
            return;
        }
        let Some(prompts) = self.remote.prompts() else { return };
        let (to_progress, progress) = watch::channel(RemoteProgress::default());
        let to_progress = Arc::new(to_progress);
        let kept = Arc::<Mutex<Option<String>>>::default();
        let mut rules = StopRules::new(&prepared.for_suggestion());
        let on_text = {
            let (prompts, kept) = (Arc::clone(&prompts), Arc::clone(&kept));
            let to_progress = Arc::clone(&to_progress);
            move |text: &str, _: &[f32]| {
                let end = kept_bytes(&mut rules, prompts.end_texts(), text);
                let whole = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
                to_progress.send_modify(|progress| whole.clone_into(&mut progress.text));
                if end.is_none() {
                    return Flow::Continue;
                }
                *lock(&kept) = Some(whole.to_owned());
                Flow::Stop
            }
        };
        let (source, n, one_line) =
            (prepared.prompt_source(), prepared.max_tokens, prepared.lines.is_none());
        let done = {
            let (key, forced) = (prepared.key.clone(), prepared.typed().to_owned());
            let memory = Arc::clone(&self.remote.memory);
            move |result: Result<RemoteText, lowkey_remote::RemoteError>| {
                let (text, outcome) = match result {
                    Ok(answer) => whole_text(answer, lock(&kept).take()),
                    Err(error) => (None, RemoteOutcome::Failed(plain(error))),
                };
                if let (Some(text), RemoteOutcome::Text { confidence, .. }) = (&text, &outcome) {
                    let middle = Middle {
                        text: &format!("{forced}{text}"),
                        typed_bytes: forced.len(),
                        is_finished: true,
                        confidence: *confidence,
                    };
                    lock(&memory).insert(&key, middle);
                }
                to_progress.send_modify(|progress| {
                    progress.text = text.unwrap_or_default();
                    progress.ended = Some(outcome);
                });
            }
        };
        let asked = server.ask(move || Some(prompts.ask(&source, n, one_line)), on_text, done);
        match asked {
            Ok(ticket) => {
                let new = Arc::new(RemoteJob {
                    key: prepared.key.clone(),
                    subject,
                    forced: prepared.typed().to_owned(),
                    progress,
                    _ticket: ticket,
                });
                self.remote.start(Arc::clone(&new));
                *job = Some(new);
            }
            Err(error) => why.push(format!("remote: {}", plain(error))),
        }
    }

    /// Replaces the local answer by the server's, if that is in time and may be shown.
    pub(crate) async fn refine(
        &self,
        active: &ActiveRequest,
        refinement: Option<Refinement>,
        local: Answer,
    ) -> Answer {
        let Some(mut refinement) = refinement else { return local };
        let is_decided = local.outcome == Outcome::Superseded || local.report.is_remote;
        if is_decided || (refinement.job.is_none() && !is_unsure(&local.report)) {
            return local;
        }
        let is_local_shown =
            refinement.shown.is_some() && matches!(local.outcome, Outcome::Insert(_));
        if !is_local_shown {
            self.ask_remote(active, &mut refinement);
        }
        let Refinement { server, prepared, shown, job, mut why } = refinement;
        let outcome = match &job {
            // While the user types a shown text, no other text can be better for this key.
            Some(_) if is_local_shown => None,
            Some(job) => self.wait_for_remote(active, &server, job).await,
            None => None,
        };
        if active.is_superseded() {
            return Answer::superseded(active);
        }
        let answer = match (job, outcome) {
            (Some(job), Some(RemoteOutcome::Text { confidence, model, why: how, tokens })) => {
                let text = job.progress.borrow().text.clone();
                let typed = prepared.typed();
                let n = match agreement(&job.forced, &text, typed) {
                    Agreement::Ahead(n) => n,
                    Agreement::Behind | Agreement::Diverged => text.len(),
                };
                let report = Report {
                    source: TextSource::Remote,
                    model,
                    is_remote: true,
                    stop: Some(StopReason::Eos),
                    tokens: Tokens {
                        prompt: tokens.prompt.unwrap_or_default(),
                        reused: tokens.cached.unwrap_or_default(),
                        decoded: tokens.decoded.unwrap_or_default(),
                        ..Tokens::default()
                    },
                    why: vec![format!("remote: {how}")],
                    ..Report::default()
                };
                let raw = RawCompletion {
                    text: text.get(n..).unwrap_or_default(),
                    is_complete: true,
                    confidence,
                    typed_bytes: job.forced.len(),
                };
                let answer = self.build_answer(active, &prepared, raw, report);
                match &answer.outcome {
                    Outcome::Insert(insert) if continues(shown.as_deref(), &insert.text) => {
                        Some(answer)
                    }
                    Outcome::Insert(_) => {
                        why.push(
                            "remote: not used, because the user types another text that is shown"
                                .into(),
                        );
                        None
                    }
                    Outcome::Nothing | Outcome::Superseded => {
                        let rule = answer.report.silent.as_deref().unwrap_or("no text");
                        why.push(format!("remote: not used: {rule}"));
                        None
                    }
                }
            }
            (_, Some(RemoteOutcome::Failed(reason))) => {
                why.push(format!("remote: {reason}"));
                None
            }
            (Some(_), None) => {
                why.push("remote: asked; its text is for a later key".into());
                None
            }
            (None, _) => None,
        };
        let mut answer = answer.unwrap_or(local);
        Arc::make_mut(&mut answer.report).why.extend(why);
        answer
    }

    /// Waits for the end of a call, within the request's time budget; `None` if it has not ended.
    async fn wait_for_remote(
        &self,
        active: &ActiveRequest,
        server: &Remote,
        job: &RemoteJob,
    ) -> Option<RemoteOutcome> {
        let mut progress = job.progress.clone();
        let left = self.budget().saturating_sub(active.asked.elapsed());
        let patience = match active.request.time_limit {
            TimeLimit::Unlimited => Duration::MAX,
            // A server that has not answered yet, or not in this time, is not waited for.
            TimeLimit::Budget
                if server.usual_time().is_some_and(|usual| usual <= self.budget()) =>
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

/// Whether the local answer is worth a question: its text is improbable, or a rule removed it, or
/// there was no time for one. A line that the model ended by itself is not.
pub(crate) fn is_unsure(report: &Report) -> bool {
    match (&report.gate, report.silent.as_deref()) {
        (Some(gate), _) => gate.probability < UNSURE_BELOW,
        (None, Some("deadline")) => true,
        (None, Some(_)) => report.source != TextSource::None && !report.text.is_empty(),
        (None, None) => false,
    }
}

/// Whether a text may follow the text on the screen: nothing is shown, or one begins with the other.
///
/// Blanks at the start do not count, because indentation is part of one text and not of the other.
pub(crate) fn continues(shown: Option<&str>, text: &str) -> bool {
    let Some(shown) = shown else { return true };
    let plain = |text: &str| text.trim_start().replace("\r\n", "\n").replace('\r', "\n");
    let (shown, text) = (plain(shown), plain(text));
    text.starts_with(&shown) || shown.starts_with(&text)
}

/// Returns how many bytes of a text are kept if a rule or an end token ends it.
pub(crate) fn kept_bytes(rules: &mut StopRules, end_texts: &[String], text: &str) -> Option<usize> {
    let by_rule = rules.push(text).map(|(_, keep)| keep);
    let by_token = end_texts.iter().filter_map(|end| text.find(end.as_str())).min();
    by_rule.into_iter().chain(by_token).min()
}

/// Returns the text of an answer that ended, and its outcome. At the limit of tokens only whole
/// lines are kept. `kept` is the text at the stop rule that ended it.
fn whole_text(answer: RemoteText, kept: Option<String>) -> (Option<String>, RemoteOutcome) {
    let RemoteText { text, log_probs, end, counts, first_text, total, model, form } = answer;
    let text = match (kept, end) {
        (Some(kept), _) => Some(kept),
        (None, RemoteEnd::Limit) => {
            text.rfind('\n').and_then(|at| text.get(..at)).map(str::to_owned)
        }
        (None, RemoteEnd::Stop | RemoteEnd::Caller) => Some(text),
    };
    let count = |n: Option<usize>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    let why = plain(format_args!(
        "{model} was asked by {form}: {} prompt tokens, {} of them cached; first text after {} ms, all after {} ms",
        count(counts.prompt),
        count(counts.cached),
        first_text.as_millis(),
        total.as_millis(),
    ));
    let confidence = Confidence::of(&log_probs);
    (text, RemoteOutcome::Text { confidence, model: plain(model), why, tokens: counts })
}

#[cfg(test)]
mod tests;
