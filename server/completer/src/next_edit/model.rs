//! Stage two: a next-edit model rewrites the lines around the cursor.
//!
//! The model of the setting `next_edit_model` has an engine of its own, which computes only while
//! the engine for completions is at rest (`second_model.rs`). It is loaded at the first place where
//! stage one finds nothing; until then, and while it loads, the answer is stage one's. The request
//! waits for the model. An edit of the document, a newer request, or a dropped future cancels the
//! job.
//!
//! **The cost.** The prompt begins with the file as it was when it was opened, and appends
//! the changes, so that a request computes little more than the newest change and the block. The
//! part of the file is no longer than what this machine computes in [`MAX_COLD_SECONDS`].
//!
//! Which models are next-edit models: those with a `next_edit` in their catalog row. A file that
//! the setting names is one if its vocabulary has the format's special tokens and its metadata
//! names no other format (`lowkey.next_edit`).
//!
//! Invariants: the prompt has text of visible documents only; text is in memory only.

use std::sync::Arc;
use std::time::Instant;

use lowkey_document::{ByteOffset, Snapshot};
use lowkey_edits::{Caution, EditGate, Proposal};
use lowkey_engine::{Job, LoadError, Loaded, Priority, Status};
use lowkey_prompt::{
    EditHunk, MAX_ANSWER_TOKENS, NextEditFormat, NextEditInput, NextEditPrompt, Prefill, Prompt,
};
use lowkey_suggestion::StopReason;
use tokio::sync::oneshot;

use super::model_answer::ModelAnswer;
use super::{NextEditWork, NextEdits, NoProposedEdit};
use crate::running_job::{Generated, Stop, ended_by_itself};
use crate::second_model::{SecondEngine, SecondModel, SecondModelSource, SecondModelState};
use crate::state::{Completer, lock};

/// Longest time for the file's part of a prompt that nothing is cached of.
const MAX_COLD_SECONDS: f64 = 6.0;
/// Bytes of a token in code.
const BYTES_PER_TOKEN: f64 = 3.0;
/// The file's part has at most this many tokens: the models were trained on prompts of 8,192.
const MAX_FILE_TOKENS: f64 = 6000.0;
/// Longer documents are not sent to the model.
const MAX_DOCUMENT_BYTES: usize = 2 << 20;
/// An answer may have this many tokens more than its block.
const ADDED_TOKENS: usize = 256;
/// An answer with more additional lines ends there.
const MAX_ADDED_LINES: usize = 20;
/// The probability of an answer is that of its least probable tokens: the others repeat the block.
const JUDGED_TOKENS: usize = 8;

/// Builds the slot of the next-edit model.
pub(crate) fn next_edit_model(source: SecondModelSource) -> SecondModel {
    SecondModel::new("next_edit_model", source).with_check(check)
}

/// Checks whether a loaded model predicts next edits.
fn check(name: &str, loaded: &Loaded) -> Result<(), LoadError> {
    let row = lowkey_store::entry(name.trim());
    match row.map(|row| row.next_edit.as_deref()) {
        Some(None) => {
            let rows = lowkey_store::catalog().iter().filter(|row| row.next_edit.is_some());
            let names: Vec<&str> = rows.map(|row| row.name.as_str()).collect();
            return Err(format!(
                "the model {name} does not predict next edits; choose {}",
                names.join(" or ")
            ));
        }
        Some(Some(format)) if format != NextEditFormat::NAME => {
            return Err(format!("this version does not know the next-edit format {format}"));
        }
        _ => {}
    }
    if loaded.assembler.next_edit().is_none() {
        return Err(format!(
            "the model {name} cannot predict next edits: its vocabulary lacks <|file_sep|>, or its metadata names \
             another format than {}",
            NextEditFormat::NAME
        ));
    }
    Ok(())
}

/// A request to the model.
struct Question {
    prompt: Arc<NextEditPrompt>,
    persists: bool,
    /// The context length of the model, in tokens.
    context_length: usize,
}

/// The model's text.
pub(super) struct Rewritten {
    prompt: Arc<NextEditPrompt>,
    pub(super) made: Generated,
}

impl Completer {
    /// Follows the setting `next_edit_model`.
    pub(crate) fn follow_next_edit_model(&self) {
        let settings = self.settings();
        self.next_edit_model.follow(&settings, &settings.next_edit_model);
    }

    /// Subscribes to the state of the model of the setting `next_edit_model`.
    pub fn subscribe_next_edit_model(&self) -> tokio::sync::watch::Receiver<SecondModelState> {
        self.next_edit_model.subscribe()
    }

    /// Returns what the next-edit model has computed since the start.
    pub fn next_edit_work(&self) -> NextEditWork {
        lock(&self.next_edits).work
    }

    /// Asks the next-edit model; `None` if there is none.
    pub(super) async fn predicted_edit(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        caution: Caution,
    ) -> Option<Result<Proposal, NoProposedEdit>> {
        let engine = self.next_edit_model.engine();
        let quiet = |why: &str| Some(Err(NoProposedEdit::Quiet(why.to_owned())));
        let Some(engine) = engine else {
            return match &*self.next_edit_model.subscribe().borrow() {
                SecondModelState::Failed { reason } => quiet(reason),
                _ => None,
            };
        };
        let ready = match &*engine.subscribe().borrow() {
            Status::Ready { speed, context_length, .. } => Some((speed.prefill, *context_length)),
            Status::Loading(_) | Status::Failed(_) => None,
        };
        let Some((prefill, context_length)) = ready else {
            return quiet(
                "no other place is likely to need the last change; the next-edit model is loading",
            );
        };
        if let Some(known) = self.known_edit(snapshot, cursor, caution) {
            return Some(known);
        }
        let (completer, asked) = (Arc::clone(self), snapshot.clone());
        let question = move || completer.question(&asked, cursor, prefill, context_length);
        Some(match tokio::task::spawn_blocking(question).await {
            Ok(Ok(question)) => {
                self.ask_model(&engine, (snapshot, cursor), question, caution).await
            }
            Ok(Err(why)) => Err(NoProposedEdit::Quiet(why)),
            Err(_) => Err(NoProposedEdit::Quiet("the prompt could not be written".to_owned())),
        })
    }

    /// Returns the rest of the newest answer, if it is about this text and place.
    pub(super) fn known_edit(
        &self,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        caution: Caution,
    ) -> Option<Result<Proposal, NoProposedEdit>> {
        let mut edits = lock(&self.next_edits);
        if !edits.answer.as_mut()?.follow(snapshot, cursor) {
            edits.answer = None;
            return None;
        }
        Some(edits.of_answer(snapshot, caution))
    }

    /// Writes the prompt, or returns why there is none.
    fn question(
        &self,
        snapshot: &Snapshot,
        cursor: ByteOffset,
        prefill_per_second: f64,
        context_length: usize,
    ) -> Result<Question, String> {
        if snapshot.n_bytes() > MAX_DOCUMENT_BYTES {
            return Err(format!(
                "the document has {} bytes; the next-edit model gets at most {MAX_DOCUMENT_BYTES}",
                snapshot.n_bytes()
            ));
        }
        let (history, at_open) = {
            let edits = lock(&self.next_edits);
            (edits.history.clone(), edits.at_open.get(snapshot.uri()).cloned())
        };
        let at_open = at_open.ok_or("the document is not followed")?.text();
        let visible = lock(&self.visibility).judge(snapshot.uri())?;
        let with_end =
            |lines: &str| if lines.is_empty() { String::new() } else { format!("{lines}\n") };
        let hunks: Vec<_> = history
            .hunks()
            .rev()
            .filter_map(|hunk| {
                let path = lock(&self.visibility).judge(hunk.uri()).ok()?.label;
                Some((path, hunk, with_end(hunk.old_lines()), with_end(hunk.new_lines())))
            })
            .collect();
        let hunks: Vec<EditHunk<'_>> = hunks
            .iter()
            .map(|(path, hunk, old, new)| EditHunk {
                path,
                first_line: hunk.first_line() + 1,
                old,
                new,
                above: hunk.above(),
                below: hunk.below(),
            })
            .collect();
        let tokens = (prefill_per_second * MAX_COLD_SECONDS).min(MAX_FILE_TOKENS);
        let prompt = NextEditPrompt::new(&NextEditInput {
            path: &visible.label,
            at_open: &at_open,
            text: &snapshot.text(),
            cursor: cursor.0,
            hunks: &hunks,
            snippets: &[],
            prefill: Prefill::FirstLine,
            max_file_bytes: (tokens * BYTES_PER_TOKEN) as usize,
        });
        let prompt = prompt.map_err(|error| error.to_string())?;
        Ok(Question { prompt: Arc::new(prompt), persists: visible.persists, context_length })
    }

    /// Lets the model answer, keeps the answer, and returns its first edit.
    async fn ask_model(
        &self,
        engine: &SecondEngine,
        (snapshot, cursor): (&Snapshot, ByteOffset),
        question: Question,
        caution: Caution,
    ) -> Result<Proposal, NoProposedEdit> {
        let mut asking = {
            let mut edits = lock(&self.next_edits);
            EditGate::may_propose(&edits.history, snapshot, cursor)?;
            edits.begin_asking(snapshot.uri())
        };
        let rewritten = tokio::select! {
            rewritten = rewrite(engine, question) => rewritten,
            () = asking.superseded() => return Err(NoProposedEdit::Superseded),
        };
        let rewritten = rewritten.map_err(|why| NoProposedEdit::Quiet(why.to_owned()))?;
        let mut edits = lock(&self.next_edits);
        edits.end_asking(&asking)?;
        edits.work.count(&rewritten.made);
        edits.answer = Some(rewritten.answer(snapshot));
        edits.of_answer(snapshot, caution)
    }
}

impl NextEdits {
    /// Returns the first edit of the newest answer that the gate allows.
    fn of_answer(&self, snapshot: &Snapshot, caution: Caution) -> Result<Proposal, NoProposedEdit> {
        let Some(answer) = &self.answer else { return Err(NoProposedEdit::Superseded) };
        let mut why = NoProposedEdit::Quiet(answer.why_none().to_owned());
        for proposal in answer.proposals() {
            if proposal.probability < caution.predicted_threshold() {
                return Err(NoProposedEdit::Quiet(
                    "the next-edit model is not sure enough".to_owned(),
                ));
            }
            match self.gate.judge(snapshot, &proposal, self.now()) {
                Ok(()) => return Ok(proposal),
                Err(quiet) => why = quiet.into(),
            }
        }
        Err(why)
    }
}

impl Rewritten {
    /// Reads the edits in the text.
    pub(super) fn answer(self, snapshot: &Snapshot) -> ModelAnswer {
        let Self { prompt, made } = self;
        let is_cut = !ended_by_itself(made.stop) || matches!(made.stop, Stop::Rule(_));
        let (edits, why_none) = match prompt.edits(&made.text, is_cut) {
            Ok(edits) => (edits, String::new()),
            Err(why) => (Vec::new(), why.to_string()),
        };
        let probability = probability(&made.log_probs);
        ModelAnswer::new(snapshot.clone(), prompt.block_range(), edits, probability, why_none)
    }
}

/// Decodes the answer; `Err` says why there is none. Dropping the future cancels the job.
async fn rewrite(engine: &SecondEngine, question: Question) -> Result<Rewritten, &'static str> {
    let Question { prompt, persists, context_length } = question;
    let (to_request, made) = oneshot::channel();
    let n_lines = prompt.draft().matches('\n').count() + MAX_ADDED_LINES;
    // A token of code has two bytes at least, as a rule.
    let max_tokens = MAX_ANSWER_TOKENS.min(prompt.draft().len() / 2 + ADDED_TOKENS);
    let written = Arc::clone(&prompt);
    let prepare = move |assembler: &lowkey_prompt::Assembler| -> Option<Prompt> {
        let prompt = written.prompt(assembler.next_edit()?, assembler.tokenizer());
        // The answer is about as long as its draft.
        let n_tokens = prompt.tokens.len() + prompt.draft.len();
        (n_tokens < context_length).then_some(prompt)
    };
    let job = Job {
        // Between the layers of a forward pass it checks whether it is cancelled.
        priority: Priority::Background,
        max_tokens,
        stop: Box::new(move |text| {
            let has_ended = text.matches('\n').count() > n_lines;
            has_ended.then_some((StopReason::Limit, text.len()))
        }),
        cuts_session: true,
        persists,
        requested_at: Instant::now(),
        ..Job::prefill(prepare, move |made| {
            // The receiver of a cancelled request is gone.
            let _ = to_request.send(made);
        })
    };
    let ticket = engine.submit(job);
    let made = made.await;
    drop(ticket);
    let made: Generated = made.map_err(|_| "the engine of the next-edit model has ended")?;
    let tokens = made.tokens;
    tracing::debug!(
        prompt = tokens.prompt,
        reused = tokens.reused,
        decoded = tokens.decoded,
        drafted = tokens.drafted,
        accepted = tokens.draft_accepted,
        ms = made.ms.total,
        "the next-edit model answered"
    );
    match made.stop {
        Stop::NoPrompt => {
            Err("the lines around the cursor and the changes exceed the next-edit model's context")
        }
        Stop::Failed => Err("the next-edit model failed; the log has the reason"),
        Stop::Cancelled | Stop::Preempted => Err("the next-edit model was interrupted"),
        Stop::EndToken | Stop::Rule(_) | Stop::Limit => Ok(Rewritten { prompt, made }),
    }
}

/// Returns the geometric mean of the probabilities of the least probable tokens.
fn probability(log_probs: &[f32]) -> f32 {
    let mut least = log_probs.to_vec();
    least.sort_by(f32::total_cmp);
    least.truncate(JUDGED_TOKENS);
    let sum: f32 = least.iter().sum();
    (sum / least.len().max(1) as f32).exp()
}
