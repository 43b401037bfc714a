//! Other texts to offer beside the best one, for a request that the user invoked.
//!
//! The model is asked as if the user had typed the beginning of another answer: each of the most probable first tokens
//! that the best text does not begin with is put after the cursor, and decoding goes on from there. The session is
//! rewound to the cursor each time, so an alternative costs its own tokens and nothing else.
//!
//! Invariants: the best text is what it would be without alternatives; all texts differ after trimming; nothing is
//! begun after the time budget, and texts that are not ready by then are not offered.

use std::future::Future;
use std::sync::Arc;

use lowkey_engine::{Job, Priority};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::answer::{Answer, Outcome};
use crate::answer_builder::RawCompletion;
use crate::insert::Insert;
use crate::plan::remember;
use crate::prepared_request::PreparedRequest;
use crate::report::{Report, Source};
use crate::request::{ActiveRequest, TimeLimit};
use crate::running_job::{Generated, ended_by_itself, is_whole};
use crate::state::Completer;

impl Completer {
    /// Adds the other texts that were asked for and are there within the budget.
    pub(crate) async fn with_alternatives(&self, active: &ActiveRequest, answer: Answer) -> Answer {
        let Outcome::Insert(best) = &answer.outcome else { return answer };
        if active.request.alternatives == 0 {
            return answer;
        }
        let deadline = Instant::from_std(active.asked + self.budget());
        let in_time = async {
            match active.request.time_limit {
                TimeLimit::Budget => tokio::time::sleep_until(deadline).await,
                TimeLimit::Unlimited => std::future::pending().await,
            }
        };
        let mut others = Vec::new();
        tokio::select! {
            biased;
            () = active.superseded() => return Answer::superseded(active),
            () = in_time => {}
            () = self.collect(active, best, &mut others) => {}
        }
        let mut report = Arc::clone(&answer.report);
        Arc::make_mut(&mut report).why.push(format!("alternatives: {} more", others.len()));
        let others = others.into_iter().map(|insert| (self.new_id(), insert)).collect();
        Answer { others, report, ..answer }
    }

    /// Decodes one alternative after the other into `others`.
    async fn collect(&self, active: &ActiveRequest, best: &Insert, others: &mut Vec<Insert>) {
        let Ok(prepared) = self.prepare(active, &self.settings()) else { return };
        let n = active.request.alternatives;
        // The best text's own opening is among them, and some lead back to it.
        let openings = self.ask_after(active, &prepared, "", 2 * n + 1).await;
        let mut taken = vec![after_cursor(active, best)];
        for opening in openings.map(|made| made.openings).unwrap_or_default() {
            if taken.iter().any(|text| text.starts_with(&opening.text)) {
                continue;
            }
            let made = self.ask_after(active, &prepared, &opening.text, 0).await;
            let Some(made) = made.filter(|made| is_whole(made.stop)) else { return };
            let text = format!("{}{}", opening.text, made.text);
            let report = Report { source: Source::Model, ..Report::default() };
            // Only an invoked request has alternatives, and for those the gate is open.
            let raw = RawCompletion {
                text: &text,
                is_complete: ended_by_itself(made.stop),
                confidence: None,
                typed_bytes: prepared.typed().len(),
            };
            let answer = self.build_answer(active, &prepared, raw, report);
            let Outcome::Insert(insert) = answer.outcome else { continue };
            let text = after_cursor(active, &insert);
            if !taken.contains(&text) {
                taken.push(text);
                others.push(insert);
            }
            if others.len() == n {
                return;
            }
        }
    }

    /// Decodes as if `typed` had been typed at the cursor; with `n_openings` only looks how it could begin.
    fn ask_after(
        &self,
        active: &ActiveRequest,
        prepared: &PreparedRequest,
        typed: &str,
        n_openings: usize,
    ) -> impl Future<Output = Option<Generated>> + use<> {
        let (to_us, generated) = oneshot::channel();
        let done = {
            let (memory, work) = (Arc::clone(&self.memory), Arc::clone(&self.work));
            let (key, forced) = (prepared.key.clone(), format!("{}{typed}", prepared.typed()));
            move |generated: Generated| {
                work.add(Priority::Interactive, &generated.tokens);
                if n_openings == 0 {
                    remember(&memory, &key, &forced, &generated);
                }
                // The receiver is gone when the budget is used up.
                let _ = to_us.send(generated);
            }
        };
        let job = prepared.job(typed, std::time::Instant::now(), done);
        let max_tokens = if n_openings > 0 { 1 } else { job.max_tokens };
        // The best text is decided: a job that goes on for it, or a prompt computed for it, gives way.
        if let Some(state) = self.documents().get(active.uri()) {
            state.cancel(active.request.surface);
        }
        let ticket = self.engine.submit(Job { max_tokens, n_openings, ..job });
        async move {
            let generated = generated.await.ok();
            drop(ticket);
            generated
        }
    }
}

/// Returns the text as it would follow the cursor, without what it repeats of the line before it.
fn after_cursor(active: &ActiveRequest, insert: &Insert) -> String {
    let request = &active.request;
    let before = request.snapshot.slice(insert.start..request.cursor);
    insert.text.strip_prefix(before.as_str()).unwrap_or(&insert.text).to_owned()
}
