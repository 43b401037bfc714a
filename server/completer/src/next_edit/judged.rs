//! The model judges an unsure proposal of stage one.
//!
//! The engine for completions does it when no job waits, in a session of its own. An edit of the
//! document, a newer request, or a dropped future cancels it.

use lowkey_document::Snapshot;
use lowkey_edits::{Caution, Proposal, Question, Quiet};
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
        let (mut newest, number) = {
            let mut edits = lock(&self.next_edits);
            edits.n_asked.send_modify(|n| *n += 1);
            edits.asked = Some(snapshot.uri().clone());
            (edits.n_asked.subscribe(), *edits.n_asked.borrow())
        };
        let (to_request, judged) = oneshot::channel();
        let ticket = self.engine.judge(JudgementJob {
            prefix: question.prefix.clone(),
            texts: question.texts.to_vec(),
            done: Box::new(move |judged| {
                // The receiver of a cancelled request is gone.
                let _ = to_request.send(judged);
            }),
        });
        let judged = tokio::select! {
            judged = judged => judged.ok().flatten(),
            _ = newest.wait_for(|newest| *newest != number) => return Err(NoProposedEdit::Superseded),
        };
        drop(ticket);
        lock(&self.next_edits).asked = None;
        let probability = match &judged {
            Some(judged) => judged_probability(&proposal, &question, judged),
            // It could not be judged.
            None => 0.0,
        };
        if let Some(judged) = &judged {
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

fn judged_probability(proposal: &Proposal, question: &Question, judged: &Judged) -> f32 {
    let tokens: Vec<Vec<(usize, f32)>> = judged
        .texts
        .iter()
        .map(|tokens| tokens.iter().map(|token| (token.n_bytes, token.log_prob)).collect())
        .collect();
    let [with, without] = tokens.as_slice() else { return 0.0 };
    question.probability(proposal.probability, [with, without])
}
