//! A call to the second model on this machine for a prepared request.
//!
//! The prompt is built for the second model: by its own tokenizer and format, and within a window
//! of its own, because it computes at another speed. Its engine keeps the prompt in a session, so
//! that the next key costs only the new tokens.

use std::sync::Arc;

use lowkey_engine::{Job, Status};
use lowkey_prompt::{Assembler, Prompt};
use lowkey_suggestion::Confidence;

use crate::plain::plain;
use crate::plan::prompt_budget;
use crate::prepared_request::PreparedRequest;
use crate::refine_job::{RefineOutcome, RefineSink, RefineTicket, RefinedText};
use crate::remote_call::whole_lines;
use crate::report::TextSource;
use crate::request::ActiveRequest;
use crate::running_job::{Generated, Stop, ended_by_itself};
use crate::second_model::SecondModelState;
use crate::state::Completer;

/// Time limit for computing a cold prompt, in seconds. Longer than that of the model that answers
/// keys, because no key waits for it.
const COLD_PREFILL_SECONDS: f64 = 4.0;

impl Completer {
    /// Asks the second model; an error is the reason why it is not asked.
    pub(crate) fn call_second(
        &self,
        active: &ActiveRequest,
        prepared: &PreparedRequest,
        sink: &Arc<RefineSink>,
    ) -> Result<RefineTicket, String> {
        let Some(engine) = self.refine_model.engine() else {
            return Err(match &*self.refine_model.subscribe().borrow() {
                SecondModelState::Failed { reason } => reason.clone(),
                _ => "no second model is loaded".to_owned(),
            });
        };
        let status = engine.subscribe();
        let prepare = {
            let (mut place, n_snippet_tokens) = (prepared.place(), active.request.elsewhere.tokens);
            let (settings, status) = (self.settings(), status.clone());
            move |assembler: &Assembler| -> Option<Prompt> {
                let Status::Ready { speed, context_length, cross_file, .. } = &*status.borrow()
                else {
                    return None;
                };
                if cross_file.is_none() {
                    // It was not measured that text of other files helps this model.
                    place.snippets.clear();
                    place.repository.clear();
                }
                let size = (*speed, *context_length);
                let budget = prompt_budget(&settings, size, COLD_PREFILL_SECONDS, n_snippet_tokens);
                Some(assembler.assemble(&place.context(&budget), &budget))
            }
        };
        let at_end = Arc::clone(sink);
        let done = move |made: Generated| {
            let model = match &*status.borrow() {
                Status::Ready { model, .. } => plain(model),
                Status::Loading(_) | Status::Failed(_) => String::new(),
            };
            let (text, outcome) = whole_text(made, model);
            at_end.end(text, outcome);
        };
        let so_far = Arc::clone(sink);
        let job = Job {
            on_text: Box::new(move |partial| so_far.text_so_far(partial.text)),
            ..prepared.job_with_prompt("", active.asked, prepare, done)
        };
        Ok(RefineTicket::Second { _ticket: engine.submit(job) })
    }
}

/// Returns the text of a decoding that ended, and its outcome.
fn whole_text(made: Generated, model: String) -> (Option<String>, RefineOutcome) {
    let text = match made.stop {
        stop if ended_by_itself(stop) => Some(made.text),
        Stop::Limit => whole_lines(&made.text).map(str::to_owned),
        Stop::Failed => {
            let reason = "the second model failed; the log has the reason";
            return (None, RefineOutcome::Failed(reason.to_owned()));
        }
        _ => {
            let reason = "the second model was interrupted";
            return (None, RefineOutcome::Failed(reason.to_owned()));
        }
    };
    let (tokens, ms) = (made.tokens, made.ms);
    let why = format!(
        "{model} was asked while the processor was idle: {} prompt tokens, {} of them cached; {} decoded; all after {:.0} ms, {:.0} of them waiting",
        tokens.prompt, tokens.reused, tokens.decoded, ms.total, ms.queued,
    );
    let made = RefinedText {
        confidence: Confidence::of(&made.log_probs),
        model,
        source: TextSource::Model,
        why,
        tokens: tokens.into(),
    };
    (text, RefineOutcome::Text(made))
}
