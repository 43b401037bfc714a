//! The small prompt of a place that may be cold: a request is answered from it while the whole prompt is not computed.
//!
//! It holds the lines around the cursor alone and is cut at the cursor, because no later request reuses it.

use lowkey_context::{Anchor, Context};
use lowkey_engine::{First, Status};
use lowkey_prompt::Budget;

use crate::prepared_request::PreparedRequest;
use crate::request::{CompletionRequest, TimeLimit};

/// Computing it may take this long.
const SECONDS: f64 = 0.25;
/// With fewer tokens a model knows too little, however slow the machine.
const MIN_TOKENS: usize = 96;
const STEP_TOKENS: usize = 16;

/// Builds the small prompt of a request, where the answer has to come in time and the whole prompt is longer.
///
/// `set_tokens` is its length by the settings; with 0 the machine's speed decides.
pub(crate) fn first(
    request: &CompletionRequest,
    prepared: &PreparedRequest,
    set_tokens: usize,
    status: &Status,
) -> Option<First> {
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
    let budget = Budget { prompt_tokens };
    let snapshot = request.snapshot.clone();
    let (cursor, label) = (prepared.cursor.clone(), prepared.context.label.clone());
    Some(First {
        // Gathered only where the engine asks for it, which is seldom.
        prepare: Box::new(move |assembler| {
            let window = budget.window();
            let context = Context::gather(&snapshot, &cursor, &label, &window, Anchor::Cursor);
            Some(assembler.assemble(&context, &budget))
        }),
        most_missing: prompt_tokens,
    })
}

/// How many tokens a model that computes `per_second` may be asked to compute while a request waits.
fn affordable(per_second: f64) -> usize {
    let tokens = (per_second * SECONDS) as usize / STEP_TOKENS * STEP_TOKENS;
    tokens.max(MIN_TOKENS)
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
