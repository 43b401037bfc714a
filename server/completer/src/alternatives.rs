//! Alternatives to the best text, for an explicit request.
//!
//! The model continues as if the user had typed the beginning of another answer. Each of the most
//! probable first tokens that the best text does not begin with is put after the cursor, and
//! decoding continues from there. The session is rewound to the cursor each time, so an alternative
//! costs only its own tokens.
//!
//! Invariants: alternatives never change the best text; all texts differ after trimming; no
//! alternative is started after the time budget, and unfinished ones are not offered.

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
    /// Adds the requested alternatives that are ready within the budget.
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

    /// Decodes alternatives into `others`, one after the other.
    async fn collect(&self, active: &ActiveRequest, best: &Insert, others: &mut Vec<Insert>) {
        let Ok(prepared) = self.prepare(active, &self.settings()) else { return };
        let n = active.request.alternatives;
        // The candidates include the best text's own first token, and some lead back to the best text.
        let first_tokens = self.ask_after(active, &prepared, "", 2 * n + 1).await;
        let mut taken = vec![after_cursor(active, best)];
        for first_token in first_tokens.map(|made| made.first_tokens).unwrap_or_default() {
            if taken.iter().any(|text| text.starts_with(&first_token.text)) {
                continue;
            }
            let made = self.ask_after(active, &prepared, &first_token.text, 0).await;
            let Some(made) = made.filter(|made| is_whole(made.stop)) else { return };
            let text = format!("{}{}", first_token.text, made.text);
            let report = Report { source: Source::Model, ..Report::default() };
            // Only an explicit request has alternatives, and for it the gate is open.
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

    /// Decodes as if the user had typed `typed` at the cursor; with `n_first_tokens`, only returns the
    /// first-token candidates.
    fn ask_after(
        &self,
        active: &ActiveRequest,
        prepared: &PreparedRequest,
        typed: &str,
        n_first_tokens: usize,
    ) -> impl Future<Output = Option<Generated>> + use<> {
        let (to_us, generated) = oneshot::channel();
        let done = {
            let (memory, work) = (Arc::clone(&self.memory), Arc::clone(&self.work));
            let (key, forced) = (prepared.key.clone(), format!("{}{typed}", prepared.typed()));
            move |generated: Generated| {
                work.add(Priority::Interactive, &generated.tokens);
                if n_first_tokens == 0 {
                    remember(&memory, &key, &forced, &generated);
                }
                // The receiver is dropped when the budget is used up.
                let _ = to_us.send(generated);
            }
        };
        let job = prepared.job(typed, std::time::Instant::now(), done);
        let max_tokens = if n_first_tokens > 0 { 1 } else { job.max_tokens };
        // The best text is final, so cancel a job that extends it or computes a prompt for it.
        if let Some(state) = self.documents().get(active.uri()) {
            state.cancel(active.request.surface);
        }
        let ticket = self.engine.submit(Job { max_tokens, n_first_tokens, ..job });
        async move {
            let generated = generated.await.ok();
            drop(ticket);
            generated
        }
    }
}

/// Returns the text after the cursor, without the part that repeats the line before it.
fn after_cursor(active: &ActiveRequest, insert: &Insert) -> String {
    let request = &active.request;
    let before = request.snapshot.slice(insert.start..request.cursor);
    insert.text.strip_prefix(before.as_str()).unwrap_or(&insert.text).to_owned()
}
