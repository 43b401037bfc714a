//! One scene: an event, then keys at a steady pace, and what the requests after them brought.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::bail;
use lowkey_completer::report::{Tokens, to_microseconds};
use serde::Serialize;
use serde_json::{Value, json};

use super::client::{Client, Reply, ms};
use super::scenes::{At, Key, Typist};

/// The answer to the last key is waited for this long.
const LAST_ANSWER: Duration = Duration::from_mins(1);

/// What a scene came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Visit {
    /// `open`, `jump`, `back` or `reopen`.
    pub(super) scene: &'static str,
    /// Keys pressed; each asks once.
    pub(super) keys: usize,
    /// The first suggestion; `null` where none of the keys brought one.
    pub(super) first: Option<Suggested>,
    /// The first one that the model computed: others were remembered from the keys before.
    pub(super) first_computed: Option<Suggested>,
    /// Requests that brought a suggestion.
    pub(super) shown: usize,
    /// Requests answered with nothing.
    pub(super) empty: usize,
    /// Of these, the ones that ended at their time limit.
    pub(super) deadline: usize,
    /// Requests that the next key overtook.
    pub(super) overtaken: usize,
    /// Why requests were answered with nothing, counted by rule.
    pub(super) silent: BTreeMap<String, usize>,
    /// Answers by the size of their prompt; `unknown` where the report has none.
    pub(super) prompt_sizes: BTreeMap<String, usize>,
    /// The sums of the reports of answered requests. A request that a newer one replaced has no report.
    pub(super) tokens: Computed,
}

/// A suggestion.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Suggested {
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
pub(super) struct Computed {
    pub(super) prefilled: u64,
    pub(super) decoded: u64,
}

/// A request that is not answered yet.
struct Asked {
    id: u64,
    at: Instant,
    key: usize,
}

/// The state of a scene while it is typed.
struct Scene<'a> {
    client: &'a mut Client,
    uri: &'a str,
    visit: Visit,
    event: Instant,
    first_key: Instant,
    asked: Option<Asked>,
    /// Questions about an answer, by their id, each with the suggestion that was the answer.
    explaining: BTreeMap<u64, Option<Suggested>>,
}

/// Presses `n_keys` keys at a place, the first one `pace` after `event`.
pub(super) fn visit(
    client: &mut Client,
    typist: &mut Typist,
    (scene, at): (&'static str, At),
    n_keys: usize,
    pace: Duration,
    event: Instant,
) -> anyhow::Result<Visit> {
    let uri = typist.snapshot().uri().to_string();
    let visit = Visit { scene, ..Visit::default() };
    let explaining = BTreeMap::new();
    let mut scene =
        Scene { client, uri: &uri, visit, event, first_key: event, asked: None, explaining };
    let mut next = event;
    while scene.visit.keys < n_keys {
        // A machine that cannot keep up gets its keys later, never two at once.
        next = (next + pace).max(Instant::now());
        scene.listen(next, false)?;
        let Some(key) = typist.press(at) else { break };
        scene.press(&key)?;
    }
    let last = Instant::now() + LAST_ANSWER;
    scene.listen(last, true)?;
    if scene.asked.is_some() || !scene.explaining.is_empty() {
        bail!("the server did not answer the last key within {LAST_ANSWER:?}");
    }
    Ok(scene.visit)
}

impl Scene<'_> {
    /// Takes answers until `until`, or until all are there.
    fn listen(&mut self, until: Instant, ends_with_the_last: bool) -> anyhow::Result<()> {
        loop {
            let is_done = self.asked.is_none() && self.explaining.is_empty();
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
        if let Some(before) = self.asked.take() {
            self.visit.overtaken += 1;
            self.client.notify("$/cancelRequest", &json!({"id": before.id}))?;
        }
        let at = Instant::now();
        if self.visit.keys == 0 {
            self.first_key = at;
        }
        self.visit.keys += 1;
        let id = self.client.begin(
            "textDocument/inlineCompletion",
            &json!({
                "textDocument": {"uri": self.uri},
                "position": place(key.cursor),
                "context": {"triggerKind": 2},
            }),
        )?;
        self.asked = Some(Asked { id, at, key: self.visit.keys });
        Ok(())
    }

    fn take(&mut self, reply: &Reply) -> anyhow::Result<()> {
        if let Some(suggested) = self.explaining.remove(&reply.id) {
            self.explained(reply.result.as_ref().unwrap_or(&Value::Null), suggested);
            return Ok(());
        }
        // An answer that the next key has overtaken is counted there: an editor does not show it.
        let Some(asked) = self.asked.take_if(|asked| asked.id == reply.id) else { return Ok(()) };
        let Some(result) = &reply.result else {
            self.visit.overtaken += 1;
            return Ok(());
        };
        let is_shown = result.pointer("/items/0").is_some();
        *if is_shown { &mut self.visit.shown } else { &mut self.visit.empty } += 1;
        let since = |start| to_microseconds(ms(reply.at.saturating_duration_since(start)));
        let suggested = is_shown.then(|| Suggested {
            key: asked.key,
            ms_from_event: since(self.event),
            ms_from_first_key: since(self.first_key),
            ms_of_request: since(asked.at),
            ..Suggested::default()
        });
        let document = json!({"textDocument": {"uri": self.uri}});
        let id = self.client.begin("$/lowkey/explain", &document)?;
        self.explaining.insert(id, suggested);
        Ok(())
    }

    fn explained(&mut self, report: &Value, suggested: Option<Suggested>) {
        let visit = &mut self.visit;
        let text = |key: &str| report.get(key).and_then(Value::as_str).map(str::to_owned);
        let tokens = report.get("tokens").cloned().unwrap_or_default();
        let tokens: Tokens = serde_json::from_value(tokens).unwrap_or_default();
        visit.tokens.prefilled += tokens.prefilled as u64;
        visit.tokens.decoded += tokens.decoded as u64;
        let prompt_size = text("prompt_size");
        let size = prompt_size.clone().unwrap_or_else(|| "unknown".to_owned());
        *visit.prompt_sizes.entry(size).or_default() += 1;
        let silent = text("silent");
        let is_empty = suggested.is_none();
        let is_late =
            [&silent, &text("stop")].into_iter().any(|why| why.as_deref() == Some("deadline"));
        visit.deadline += usize::from(is_late && is_empty);
        if let Some(rule) = silent {
            *visit.silent.entry(rule).or_default() += 1;
        }
        let Some(suggested) = suggested else { return };
        let suggested = Suggested { source: text("source"), prompt_size, tokens, ..suggested };
        if suggested.source.as_deref() == Some("model") {
            visit.first_computed.get_or_insert_with(|| suggested.clone());
        }
        visit.first.get_or_insert(suggested);
    }
}
