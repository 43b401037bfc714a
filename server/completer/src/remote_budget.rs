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
/// The shortest context of a server whose first answer has not come, or that does not report it.
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
        // What the user says about a server that reports none applies.
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
    use lowkey_document::{ByteOffset, Document};
    use lowkey_test_support::toy_path;

    use super::*;
    use crate::report::Report;
    use crate::request::CompletionRequest;
    use crate::settings::Settings;

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

    #[test]
    fn prompt_has_more_of_the_document_and_changes_at_its_tail() {
        let settings = Settings {
            model: toy_path().display().to_string(),
            threads: 1,
            prompt_tokens: 256,
            remote_prompt_tokens: 1500,
            ..Settings::default()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let completer = Completer::start(settings, None, None).unwrap();
        runtime.block_on(completer.ready());
        let line = |idx: usize| format!("    let value_{idx} = compute(value_{idx});\n");
        let (above, below): (String, String) =
            ((0..200).map(line).collect(), (200..400).map(line).collect());
        let prompt = |typed: &str| {
            let text = format!("fn main() {{\n{above}{typed}\n{below}}}\n");
            let snapshot = Document::open("untitled:a.rs", "rust", 1, &text).snapshot();
            let cursor = ByteOffset("fn main() {\n".len() + above.len() + typed.len());
            let request = CompletionRequest::new(snapshot, cursor);
            completer.remote_ask(&request, &Report::default()).unwrap().0.prompt.tokens
        };
        let first = prompt("    let other");
        assert!((1000..=1500).contains(&first.len()), "{} tokens", first.len());
        for typed in ["    let other =", "    let other = comp", "    let other = compute(1);"] {
            let next = prompt(typed);
            let n_common = first.iter().zip(&next).take_while(|(a, b)| a == b).count();
            assert!(n_common + 10 >= first.len(), "{n_common} of {} tokens stay", first.len());
        }
        completer.shutdown();
    }
}
