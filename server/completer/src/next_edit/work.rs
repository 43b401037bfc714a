//! What the next-edit model has computed.

use crate::running_job::Generated;

/// Sums over the answers of the next-edit model since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct NextEditWork {
    pub answers: u64,
    /// Tokens of the prompts, and those of them that were cached.
    pub prompt: u64,
    pub reused: u64,
    pub prefilled: u64,
    pub decoded: u64,
    /// Tokens guessed from the text, and those of them that were right.
    pub drafted: u64,
    pub draft_accepted: u64,
    /// Milliseconds of computing prompts, of decoding, and from request to answer.
    pub prefill_ms: f64,
    pub decode_ms: f64,
    pub total_ms: f64,
}

impl NextEditWork {
    pub(super) fn count(&mut self, made: &Generated) {
        let (tokens, ms) = (made.tokens, made.ms);
        self.answers += 1;
        for (sum, n) in [
            (&mut self.prompt, tokens.prompt),
            (&mut self.reused, tokens.reused),
            (&mut self.prefilled, tokens.prefilled),
            (&mut self.decoded, tokens.decoded),
            (&mut self.drafted, tokens.drafted),
            (&mut self.draft_accepted, tokens.draft_accepted),
        ] {
            *sum += n as u64;
        }
        self.prefill_ms += ms.prefill;
        self.decode_ms += ms.decode;
        self.total_ms += ms.total;
    }

    /// Returns what was computed since an earlier state.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            answers: self.answers.saturating_sub(before.answers),
            prompt: self.prompt.saturating_sub(before.prompt),
            reused: self.reused.saturating_sub(before.reused),
            prefilled: self.prefilled.saturating_sub(before.prefilled),
            decoded: self.decoded.saturating_sub(before.decoded),
            drafted: self.drafted.saturating_sub(before.drafted),
            draft_accepted: self.draft_accepted.saturating_sub(before.draft_accepted),
            prefill_ms: self.prefill_ms - before.prefill_ms,
            decode_ms: self.decode_ms - before.decode_ms,
            total_ms: self.total_ms - before.total_ms,
        }
    }
}
