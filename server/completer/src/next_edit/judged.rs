//! The model judges an unsure proposal of stage one.
//!
//! The engine for completions does it when no job waits, in a session of its own. An edit of the
//! document, a newer request, or a dropped future cancels it.

use lowkey_document::Snapshot;
use lowkey_edits::{Caution, JudgementFacts, Proposal, Question, Quiet, judged_probability};
use lowkey_engine::{Judged, JudgementJob, Status};
use tokio::sync::oneshot;

use super::NoProposedEdit;
use crate::state::{Completer, lock};

impl Completer {
    /// Whether the model can be asked.
    pub(super) fn can_judge(&self) -> bool {
        matches!(self.status(), Status::Ready { .. })
    }

    /// Lets the model judge a proposal; `Err` says why it is not shown.
    pub(super) async fn judged_edit(
        &self,
        snapshot: &Snapshot,
        proposal: Proposal,
        question: Question,
        caution: Caution,
    ) -> Result<Proposal, NoProposedEdit> {
        let mut asking = lock(&self.next_edits).begin_asking(snapshot.uri());
        let (to_request, judged) = oneshot::channel();
        let done = move |judged| {
            // The receiver of a cancelled request is gone.
            let _ = to_request.send(judged);
        };
        let ticket = self.engine.judge(judgement_job(question, proposal.probability, done));
        let judged = tokio::select! {
            judged = judged => judged.ok().flatten(),
            () = asking.superseded() => return Err(NoProposedEdit::Superseded),
        };
        drop(ticket);
        lock(&self.next_edits).end_asking(&asking)?;
        // One that could not be judged is improbable.
        let probability = judged.as_ref().map_or(0.0, |(facts, _)| judged_probability(facts));
        if let Some((_, judged)) = &judged {
            tracing::debug!(
                computed = judged.n_computed,
                reused = judged.n_reused,
                probability,
                "the model judged a next edit"
            );
        }
        if probability < caution.judged_threshold() {
            return Err(Quiet::NothingLikely.into());
        }
        Ok(Proposal { probability, ..proposal })
    }
}

/// Returns the job that judges a proposal of this probability. `done` gets what the answer says and what
/// was computed; `None` if the proposal could not be judged.
pub fn judgement_job(
    question: Question,
    probability: f32,
    done: impl FnOnce(Option<(JudgementFacts, Judged)>) + Send + 'static,
) -> JudgementJob {
    JudgementJob {
        prefix: question.prefix.clone(),
        texts: question.texts.to_vec(),
        done: Box::new(move |judged| {
            done(judged.and_then(|judged| {
                let tokens: Vec<Vec<(usize, f32)>> = judged
                    .texts
                    .iter()
                    .map(|text| text.iter().map(|token| (token.n_bytes, token.log_prob)).collect())
                    .collect();
                let [with, without] = tokens.as_slice() else { return None };
                Some((question.facts(probability, [with, without]), judged))
            }));
        }),
    }
}
