//! The small prompt of a place that may be cold: a request uses it until the whole prompt is
//! computed.
//!
//! It holds only the lines around the cursor and is cut at the cursor, because no later request
//! reuses it.

use lowkey_context::{Anchor, Context};
use lowkey_engine::{SmallPrompt, Status};
use lowkey_prompt::Budget;

use crate::prepared_request::PreparedRequest;
use crate::request::{CompletionRequest, TimeLimit};
use crate::time_budget::tokens_within;

/// Time limit for computing it, in seconds.
const SECONDS: f64 = 0.25;
/// With fewer tokens a model knows too little, at any speed of the machine.
const MIN_TOKENS: usize = 96;
const STEP_TOKENS: usize = 16;

/// Builds the small prompt of a request, if the answer has a time limit and the whole prompt is
/// longer.
///
/// `set_tokens` is its length in the settings; with 0 the machine's speed decides.
pub(crate) fn first(
    request: &CompletionRequest,
    prepared: &PreparedRequest,
    set_tokens: usize,
    status: &Status,
) -> Option<SmallPrompt> {
    if request.time_limit == TimeLimit::Unlimited {
        return None;
    }
    let prompt_tokens = match (set_tokens, status) {
        (0, Status::Ready { speed, .. }) => {
            tokens_within(SECONDS, speed.prefill, STEP_TOKENS, MIN_TOKENS)
        }
        (0, _) => return None,
        (set, _) => set,
    };
    if prompt_tokens >= prepared.budget.prompt_tokens {
        return None;
    }
    let budget = Budget::of(prompt_tokens);
    let snapshot = request.snapshot.clone();
    let (cursor, label) = (prepared.cursor.clone(), prepared.context.label.clone());
    Some(SmallPrompt {
        // Built only if the engine needs it, which is rare.
        prepare: Box::new(move |assembler| {
            let window = budget.window();
            let context = Context::gather(&snapshot, &cursor, &label, &window, Anchor::Cursor);
            Some(assembler.assemble(&context, &budget))
        }),
        max_missing: prompt_tokens,
    })
}
