//! The length of prompts for the remote server.
//!
//! A laptop computes a few hundred tokens before the user has waited long, a team's server several
//! thousand. What a prompt costs there is memory: 2,048 tokens of a 1.5B model take 57 MB of its
//! cache for each open document (`server/remote/SCALE.md`). Each key costs a few tokens at any
//! length, because only the prompt's tail changes.

use lowkey_prompt::Budget;

use crate::state::Completer;

/// Prompt tokens if the settings have no number.
const PROMPT_TOKENS: usize = 2048;
/// The shortest context of a server whose first answer has not come, or that does not tell it.
const USUAL_CONTEXT: usize = 4096;

impl Completer {
    /// Returns the budget of prompts for the remote server: `set` tokens, or the default if that
    /// is 0.
    pub(crate) fn remote_budget(&self, local: Budget, set: usize) -> Budget {
        let told = self.remote.server().and_then(|server| server.context_length());
        budget(local, set, told)
    }
}

fn budget(local: Budget, set: usize, context_length: Option<usize>) -> Budget {
    let wanted = if set == 0 { PROMPT_TOKENS.max(local.prompt_tokens) } else { set };
    let context = context_length.unwrap_or(USUAL_CONTEXT);
    // The rest is for the answer, and for a vocabulary that needs more tokens for the same text.
    let room = context - context / 4;
    let prompt_tokens = match (set, context_length) {
        // What the user says about a server that does not tell applies.
        (1.., None) => wanted,
        _ => wanted.min(room),
    };
    Budget {
        prompt_tokens,
        snippet_tokens: local.snippet_tokens.min(room.saturating_sub(prompt_tokens)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_is_as_long_as_the_context_allows() {
        let local = Budget { prompt_tokens: 768, snippet_tokens: 256 };
        let of = |set, context| {
            let Budget { prompt_tokens, snippet_tokens } = budget(local, set, context);
            (prompt_tokens, snippet_tokens)
        };
        assert_eq!(of(0, None), (2048, 256));
        assert_eq!(of(0, Some(32_768)), (2048, 256));
        assert_eq!(of(0, Some(2048)), (1536, 0));
        assert_eq!(of(0, Some(0)), (0, 0));
        assert_eq!(of(8000, Some(32_768)), (8000, 256));
        assert_eq!(of(8000, Some(8192)), (6144, 0));
        assert_eq!(of(8000, None), (8000, 0), "the user knows better");
        let fast = Budget { prompt_tokens: 4000, ..local };
        assert_eq!(budget(fast, 0, Some(32_768)).prompt_tokens, 4000);
    }
}
