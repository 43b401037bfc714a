//! The small prompt of a place that may be cold: what a request is answered from while the whole prompt is not computed.
//!
//! It holds the lines around the cursor alone and is cut at the cursor, because nothing of it has to last.

use lowkey_context::{Anchor, Context};
use lowkey_engine::{First, Status};
use lowkey_prompt::Budget;

use crate::plan::{Frame, Question};
use crate::{Completer, Patience};

/// Computing it may take this long.
const SECONDS: f64 = 0.25;
/// With fewer tokens a model has nothing to go by, however slow the machine.
const LEAST_TOKENS: usize = 96;
const STEP_TOKENS: usize = 16;

impl Completer {
    /// Returns the small prompt of a question, where the answer has to come in time and the whole is longer.
    pub(crate) fn first(&self, question: &Question, frame: &Frame, whole: Budget) -> Option<First> {
        if question.ask.patience == Patience::Unlimited {
            return None;
        }
        let prompt_tokens = match (self.settings().first_prompt_tokens, &*self.status.borrow()) {
            (0, Status::Ready { speed, .. }) => affordable(speed.prefill),
            (0, _) => return None,
            (set, _) => set,
        };
        if prompt_tokens >= whole.prompt_tokens {
            return None;
        }
        let budget = Budget { prompt_tokens };
        let snapshot = question.ask.snapshot.clone();
        let (cursor, label) = (frame.cursor.clone(), frame.context.label.clone());
        Some(First {
            // Gathered where it is needed, which is seldom.
            prepare: Box::new(move |assembler| {
                let window = budget.window();
                let context = Context::gather(&snapshot, &cursor, &label, &window, Anchor::Cursor);
                Some(assembler.assemble(&context, &budget))
            }),
            most_missing: prompt_tokens,
        })
    }
}

/// How many tokens a model that computes `per_second` may be asked to compute while a request waits.
fn affordable(per_second: f64) -> usize {
    let tokens = (per_second * SECONDS) as usize / STEP_TOKENS * STEP_TOKENS;
    tokens.max(LEAST_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::affordable;

    #[test]
    fn as_much_as_a_quarter_of_a_second_computes() {
        assert_eq!(affordable(530.0), 128);
        assert_eq!(affordable(28_000.0), 7000 / 16 * 16);
        // A slow machine, and one that was never measured.
        assert_eq!(affordable(50.0), 96);
        assert_eq!(affordable(0.0), 96);
    }
}
