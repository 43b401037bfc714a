//! A call to the remote server for a prepared request.

use std::sync::{Arc, Mutex};

use lowkey_remote::{Flow, Remote, RemoteEnd, RemoteError, RemoteText};
use lowkey_suggestion::{Confidence, StopRules};

use crate::plain::plain;
use crate::prepared_request::PreparedRequest;
use crate::refine_job::{RefineOutcome, RefineSink, RefineTicket, RefinedText};
use crate::report::{TextSource, Tokens};
use crate::state::{Completer, lock};

impl Completer {
    /// Asks the server; an error is the reason why it is not asked.
    pub(crate) fn call_remote(
        &self,
        server: &Remote,
        prepared: &PreparedRequest,
        sink: &Arc<RefineSink>,
    ) -> Result<RefineTicket, String> {
        let prompts = self.remote.prompts().ok_or("the local model is not loaded")?;
        let kept = Arc::<Mutex<Option<String>>>::default();
        let mut rules = StopRules::new(&prepared.for_suggestion());
        let on_text = {
            let (prompts, kept, sink) = (Arc::clone(&prompts), Arc::clone(&kept), Arc::clone(sink));
            move |text: &str, _: &[f32]| {
                let end = kept_bytes(&mut rules, prompts.end_texts(), text);
                let whole = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
                sink.text_so_far(whole);
                if end.is_none() {
                    return Flow::Continue;
                }
                *lock(&kept) = Some(whole.to_owned());
                Flow::Stop
            }
        };
        let (source, n, one_line) =
            (prepared.prompt_source(), prepared.max_tokens, prepared.lines.is_none());
        let done = {
            let sink = Arc::clone(sink);
            move |result: Result<RemoteText, RemoteError>| {
                let (text, outcome) = match result {
                    Ok(answer) => whole_text(answer, lock(&kept).take()),
                    Err(error) => (None, RefineOutcome::Failed(plain(error))),
                };
                sink.end(text, outcome);
            }
        };
        let asked = server.ask(move || Some(prompts.ask(&source, n, one_line)), on_text, done);
        asked.map(|ticket| RefineTicket::Remote { _ticket: ticket }).map_err(plain)
    }
}

/// Returns how many bytes of a text are kept if a rule or an end token ends it.
pub(crate) fn kept_bytes(rules: &mut StopRules, end_texts: &[String], text: &str) -> Option<usize> {
    let by_rule = rules.push(text).map(|(_, keep)| keep);
    let by_token = end_texts.iter().filter_map(|end| text.find(end.as_str())).min();
    by_rule.into_iter().chain(by_token).min()
}

/// Returns the text of an answer that ended, and its outcome. `kept` is the text at the stop rule
/// that ended it.
fn whole_text(answer: RemoteText, kept: Option<String>) -> (Option<String>, RefineOutcome) {
    let RemoteText { text, log_probs, end, counts, first_text, total, model, form } = answer;
    let text = match (kept, end) {
        (Some(kept), _) => Some(kept),
        (None, RemoteEnd::Limit) => whole_lines(&text).map(str::to_owned),
        (None, RemoteEnd::Stop | RemoteEnd::Caller) => Some(text),
    };
    let count = |n: Option<usize>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    let why = plain(format_args!(
        "{model} was asked by {form}: {} prompt tokens, {} of them cached; first text after {} ms, all after {} ms",
        count(counts.prompt),
        count(counts.cached),
        first_text.as_millis(),
        total.as_millis(),
    ));
    let made = RefinedText {
        confidence: Confidence::of(&log_probs),
        model: plain(model),
        source: TextSource::Remote,
        why,
        tokens: Tokens {
            prompt: counts.prompt.unwrap_or_default(),
            reused: counts.cached.unwrap_or_default(),
            decoded: counts.decoded.unwrap_or_default(),
            ..Tokens::default()
        },
    };
    (text, RefineOutcome::Text(made))
}

/// Returns the whole lines of a text that the limit of tokens has cut off; `None` if it has none.
pub(crate) fn whole_lines(text: &str) -> Option<&str> {
    text.rfind('\n').and_then(|at| text.get(..at))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn text_at_the_token_limit_keeps_whole_lines() {
        let whole = |text: &str, end| {
            let answer = RemoteText {
                text: text.into(),
                log_probs: Vec::new(),
                end,
                counts: lowkey_remote::RemoteCounts::default(),
                first_text: Duration::ZERO,
                total: Duration::ZERO,
                model: "m".into(),
                form: "token ids",
            };
            whole_text(answer, None).0
        };
        assert_eq!(whole("a\nb", RemoteEnd::Limit).as_deref(), Some("a"));
        assert_eq!(whole("a", RemoteEnd::Limit), None);
        assert_eq!(whole("a", RemoteEnd::Stop).as_deref(), Some("a"));
    }
}
