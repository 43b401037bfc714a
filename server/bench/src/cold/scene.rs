//! One scene: an event, then keys at a steady pace, and what the requests after them brought.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use lowkey_completer::report::{Tokens, to_microseconds};
use serde::Serialize;
use serde_json::{Value, json};

use super::client::{Client, Reply, ms};
use super::places::{Key, Location, Typist};

/// The answer to the last key is waited for this long.
const LAST_ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// What a scene came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct SceneResult {
    /// `open`, `jump`, `back` or `reopen`.
    pub(super) scene: &'static str,
    /// Keys pressed; each asks once.
    pub(super) keys: usize,
    /// The first suggestion; `null` where none of the keys brought one.
    pub(super) first: Option<SuggestionTiming>,
    /// The first one that the model computed: others were remembered from the keys before.
    pub(super) first_computed: Option<SuggestionTiming>,
    /// Requests that brought a suggestion.
    pub(super) shown: usize,
    /// Requests answered with nothing.
    pub(super) empty: usize,
    /// Of these, the ones that ended at their time limit.
    pub(super) deadline: usize,
    /// Requests that the next key superseded.
    pub(super) superseded: usize,
    /// Why requests were answered with nothing, counted by rule.
    pub(super) silent: BTreeMap<String, usize>,
    /// Answers by the size of their prompt; `unknown` where the report has none.
    pub(super) prompt_sizes: BTreeMap<String, usize>,
    /// The sums of the reports of answered requests. A request that a newer one replaced has no report.
    pub(super) tokens: ComputedTokens,
}

/// A suggestion.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct SuggestionTiming {
    /// How many keys had been pressed when it was asked for.
    pub(super) key: usize,
    /// Since the file was opened or the cursor moved.
    pub(super) ms_from_event: f64,
    /// Since the request of the first key.
    pub(super) ms_from_first_key: f64,
    /// Since its own request.
    pub(super) ms_of_request: f64,
    /// `model` or `memory`.
    pub(super) source: Option<String>,
    /// `small` or `full`; `null` where the report does not say.
    pub(super) prompt_size: Option<String>,
    /// What the report says of its tokens.
    pub(super) tokens: Tokens,
}

/// What answered requests computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct ComputedTokens {
    pub(super) prefilled: u64,
    pub(super) decoded: u64,
}

/// A request that is not answered yet.
struct PendingRequest {
    id: u64,
    at: Instant,
    key: usize,
}

/// The state of a scene while it is typed.
struct Scene<'a> {
    client: &'a mut Client,
    uri: &'a str,
    result: SceneResult,
    event: Instant,
    first_key: Instant,
    pending: Option<PendingRequest>,
    /// Questions about an answer, by their id, each with the suggestion that was the answer.
    pending_reports: BTreeMap<u64, Option<SuggestionTiming>>,
}

/// Presses `n_keys` keys at a place, the first one `pace` after `event`.
pub(super) fn run_scene(
    client: &mut Client,
    typist: &mut Typist,
    (scene, at): (&'static str, Location),
    n_keys: usize,
    pace: Duration,
    event: Instant,
) -> anyhow::Result<SceneResult> {
    let uri = typist.snapshot().uri().to_string();
    let result = SceneResult { scene, ..SceneResult::default() };
    let pending_reports = BTreeMap::new();
    let mut scene = Scene {
        client,
        uri: &uri,
        result,
        event,
        first_key: event,
        pending: None,
        pending_reports,
    };
    let mut next = event;
    while scene.result.keys < n_keys {
        // A machine that cannot keep up gets its keys later, never two at once.
        next = (next + pace).max(Instant::now());
        scene.listen(next, false)?;
        let Some(key) = typist.press(at) else { break };
        scene.press(&key)?;
    }
    let last = Instant::now() + LAST_ANSWER_TIMEOUT;
    scene.listen(last, true)?;
    if scene.pending.is_some() || !scene.pending_reports.is_empty() {
        bail!("the server did not answer the last key within {LAST_ANSWER_TIMEOUT:?}");
    }
    Ok(scene.result)
}

impl Scene<'_> {
    /// Takes answers until `until`, or until all are there.
    fn listen(&mut self, until: Instant, ends_with_the_last: bool) -> anyhow::Result<()> {
        loop {
            let is_done = self.pending.is_none() && self.pending_reports.is_empty();
            if is_done && ends_with_the_last {
                return Ok(());
            }
            let Some(reply) = self.client.reply(until)? else { return Ok(()) };
            self.take(&reply)?;
        }
    }

    /// Changes the text, withdraws the request before and sends the next, in the order of editors.
    fn press(&mut self, key: &Key) -> anyhow::Result<()> {
        let place =
            |at: lowkey_document::Position| json!({"line": at.line, "character": at.column});
        let at = place(key.at);
        self.client.notify(
            "textDocument/didChange",
            &json!({
                "textDocument": {"uri": self.uri, "version": key.version},
                "contentChanges": [{"range": {"start": at, "end": at}, "text": key.text}],
            }),
        )?;
        if let Some(before) = self.pending.take() {
            self.result.superseded += 1;
            self.client.notify("$/cancelRequest", &json!({"id": before.id}))?;
        }
        let at = Instant::now();
        if self.result.keys == 0 {
            self.first_key = at;
        }
        self.result.keys += 1;
        let id = self.client.begin(
            "textDocument/inlineCompletion",
            &json!({
                "textDocument": {"uri": self.uri},
                "position": place(key.cursor),
                "context": {"triggerKind": 2},
            }),
        )?;
        self.pending = Some(PendingRequest { id, at, key: self.result.keys });
        Ok(())
    }

    fn take(&mut self, reply: &Reply) -> anyhow::Result<()> {
        if let Some(suggested) = self.pending_reports.remove(&reply.id) {
            self.take_report(reply.result.as_ref().unwrap_or(&Value::Null), suggested);
            return Ok(());
        }
        // An answer that the next key has superseded is counted there: an editor does not show it.
        let Some(pending) = self.pending.take_if(|pending| pending.id == reply.id) else {
            return Ok(());
        };
        let Some(result) = &reply.result else {
            self.result.superseded += 1;
            return Ok(());
        };
        let is_shown = result.pointer("/items/0").is_some();
        *if is_shown { &mut self.result.shown } else { &mut self.result.empty } += 1;
        let since = |start| to_microseconds(ms(reply.at.saturating_duration_since(start)));
        let suggested = is_shown.then(|| SuggestionTiming {
            key: pending.key,
            ms_from_event: since(self.event),
            ms_from_first_key: since(self.first_key),
            ms_of_request: since(pending.at),
            ..SuggestionTiming::default()
        });
        let document = json!({"textDocument": {"uri": self.uri}});
        let id = self.client.begin("$/lowkey/explain", &document)?;
        self.pending_reports.insert(id, suggested);
        Ok(())
    }

    fn take_report(&mut self, report: &Value, suggested: Option<SuggestionTiming>) {
        let result = &mut self.result;
        let text = |key: &str| report.get(key).and_then(Value::as_str).map(str::to_owned);
        let tokens = report.get("tokens").cloned().unwrap_or_default();
        let tokens: Tokens = serde_json::from_value(tokens).unwrap_or_default();
        result.tokens.prefilled += tokens.prefilled as u64;
        result.tokens.decoded += tokens.decoded as u64;
        let prompt_size = text("prompt_size");
        let size = prompt_size.clone().unwrap_or_else(|| "unknown".to_owned());
        *result.prompt_sizes.entry(size).or_default() += 1;
        let silent = text("silent");
        let is_empty = suggested.is_none();
        let is_late =
            [&silent, &text("stop")].into_iter().any(|why| why.as_deref() == Some("deadline"));
        result.deadline += usize::from(is_late && is_empty);
        if let Some(rule) = silent {
            *result.silent.entry(rule).or_default() += 1;
        }
        let Some(suggested) = suggested else { return };
        let suggested =
            SuggestionTiming { source: text("source"), prompt_size, tokens, ..suggested };
        if suggested.source.as_deref() == Some("model") {
            result.first_computed.get_or_insert_with(|| suggested.clone());
        }
        result.first.get_or_insert(suggested);
    }
}
