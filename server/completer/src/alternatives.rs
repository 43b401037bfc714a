//! Other texts to offer beside the best one, when somebody asks on purpose.
//!
//! The model is asked as if the user had typed the beginning of another answer: each of the most probable first tokens
//! that the best text does not begin with is put behind the cursor, and decoding goes on from there. The session is
//! rewound to the cursor each time, so an alternative costs its own tokens and nothing else.
//!
//! Invariants: the best text is what it would be without alternatives; all texts differ after trimming; nothing is
//! begun behind the time budget, and what is not ready by then is not offered.

use std::future::Future;
use std::sync::Arc;

use lowkey_engine::{Generated, Job, Priority};
use lowkey_prompt::Budget;
use lowkey_suggestion::StopRules;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::answer_builder::Written;
use crate::plan::{Frame, Question, ended_by_itself, history_of, is_whole, remember};
use crate::report::{Report, Source};
use crate::{Answer, Completer, Insert, Outcome, Patience};

impl Completer {
    /// Adds the other texts that were asked for and are there within the budget.
    pub(crate) async fn with_alternatives(&self, question: &Question, answer: Answer) -> Answer {
        let Outcome::Insert(best) = &answer.outcome else { return answer };
        if question.ask.alternatives == 0 {
            return answer;
        }
        let (mut newest, id) = (question.newest.clone(), question.id);
        let deadline = Instant::from_std(question.asked + self.budget());
        let in_time = async {
            match question.ask.patience {
                Patience::Budget => tokio::time::sleep_until(deadline).await,
                Patience::Unlimited => std::future::pending().await,
            }
        };
        let mut others = Vec::new();
        tokio::select! {
            biased;
            _ = newest.wait_for(|&newest| newest != id) => return question.superseded(),
            () = in_time => {}
            () = self.collect(question, best, &mut others) => {}
        }
        let mut report = Arc::clone(&answer.report);
        Arc::make_mut(&mut report).why.push(format!("alternatives: {} more", others.len()));
        let others = others.into_iter().map(|insert| (self.name(), insert)).collect();
        Answer { others, report, ..answer }
    }

    /// Decodes one alternative after the other into `others`.
    async fn collect(&self, question: &Question, best: &Insert, others: &mut Vec<Insert>) {
        let Ok((frame, budget, _)) = self.framed(question, &self.settings()) else { return };
        let n = question.ask.alternatives;
        // The best text's own opening is among them, and some lead back to it.
        let openings = self.ask_behind(question, &frame, budget, "", 2 * n + 1).await;
        let mut taken = vec![behind_cursor(question, best)];
        for opening in openings.map(|made| made.openings).unwrap_or_default() {
            if taken.iter().any(|text| text.starts_with(&opening.text)) {
                continue;
            }
            let made = self.ask_behind(question, &frame, budget, &opening.text, 0).await;
            let Some(made) = made.filter(|made| is_whole(made.stop)) else { return };
            let text = format!("{}{}", opening.text, made.text);
            let report = Report { source: Source::Model, ..Report::default() };
            // Only who asks on purpose gets alternatives, and then the gate is open.
            let written = Written {
                text: &text,
                is_complete: ended_by_itself(made.stop),
                confidence: None,
                typed_bytes: frame.context.line_before.len(),
            };
            let answer = self.compose(question, &frame, written, report);
            let Outcome::Insert(insert) = answer.outcome else { continue };
            let text = behind_cursor(question, &insert);
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
    fn ask_behind(
        &self,
        question: &Question,
        frame: &Frame,
        budget: Budget,
        typed: &str,
        n_openings: usize,
    ) -> impl Future<Output = Option<Generated>> + use<> {
        let mut context = frame.prompted().clone();
        context.line_before.push_str(typed);
        let mut rules = StopRules::new(&frame.request());
        let (to_us, generated) = oneshot::channel();
        let typed_bytes = typed.len();
        let job = Job {
            document: history_of(question.ask.snapshot.uri(), question.ask.place).into(),
            priority: Priority::Interactive,
            prepare: Box::new(move |assembler| Some(assembler.assemble(&context, &budget))),
            max_tokens: if n_openings > 0 { 1 } else { frame.max_tokens },
            first: None,
            n_openings,
            must_write: typed.is_empty() && frame.request().expects_text(),
            second: None,
            sampling: frame.sampling,
            stop: Box::new({
                let mut text = typed.to_owned();
                move |decoded| {
                    text.truncate(typed_bytes);
                    text.push_str(decoded);
                    let (reason, keep) = rules.push(&text)?;
                    Some((reason.name(), keep.saturating_sub(typed_bytes)))
                }
            }),
            on_text: Box::new(|_| {}),
            done: Box::new({
                let memory = Arc::clone(&self.memory);
                let work = Arc::clone(&self.work);
                let (key, forced) =
                    (frame.key.clone(), format!("{}{typed}", frame.context.line_before));
                move |generated| {
                    work.add(Priority::Interactive, &generated.tokens);
                    if n_openings == 0 {
                        remember(&memory, &key, &forced, &generated);
                    }
                    // Nobody waits any more when the budget is used up.
                    let _ = to_us.send(generated);
                }
            }),
            persists: frame.persists,
            asked: std::time::Instant::now(),
        };
        let ticket = self.engine.submit(job);
        async move {
            let generated = generated.await.ok();
            drop(ticket);
            generated
        }
    }
}

/// The text as it would stand behind the cursor, without what it repeats of the line before it.
fn behind_cursor(question: &Question, insert: &Insert) -> String {
    let before = question.ask.snapshot.slice(insert.start..question.ask.cursor);
    insert.text.strip_prefix(before.as_str()).unwrap_or(&insert.text).to_owned()
}
