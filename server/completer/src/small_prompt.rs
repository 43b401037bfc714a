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
        (0, Status::Ready { speed, .. }) => affordable(speed.prefill),
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

/// Returns how many tokens a request may wait for at `per_second` tokens per second.
fn affordable(per_second: f64) -> usize {
    let tokens = (per_second * SECONDS) as usize / STEP_TOKENS * STEP_TOKENS;
    tokens.max(MIN_TOKENS)
}

#[cfg(test)]
mod tests {
    use super::affordable;

    #[test]
    fn small_prompt_takes_a_quarter_second() {
        assert_eq!(affordable(530.0), 128);
        assert_eq!(affordable(28_000.0), 7000 / 16 * 16);
        // A slow machine, and one without a measurement.
        assert_eq!(affordable(50.0), 96);
        assert_eq!(affordable(0.0), 96);
    }
}
