//! `getCompletions`, `getCompletionsCycling` and `getPanelCompletions`: the methods of older
//! clients.
//!
//! An item's range starts at column 0 and its text repeats the line up to the cursor, because
//! copilot.lua shows no other items. A superseded request gets an empty list, because copilot.lua
//! shows errors to the user.

use lowkey_completer::{IndentUnit, Surface, Trigger};
use lowkey_document::ByteOffset;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::{Position, Range};

use super::negotiated;
use crate::lsp::convert::{LenientPosition, to_position, to_range};
use crate::lsp::session::{NegotiatedState, Session};
use crate::lsp::suggest::{Delivery, Suggestion, SuggestionRequest, suggest};

/// `{doc: {uri, version, position, …}, panelId?}`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct Params {
    doc: Doc,
    #[serde(default)]
    panel_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Doc {
    uri: String,
    #[serde(default)]
    version: Option<i64>,
    position: LenientPosition,
    #[serde(default)]
    tab_size: Value,
    #[serde(default)]
    insert_spaces: Value,
}

/// One suggestion.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Completion {
    uuid: String,
    /// Replaces the text in `range`.
    text: String,
    /// The new part of the text, after the cursor.
    display_text: String,
    range: Range,
    position: Position,
    doc_version: i32,
}

/// One suggestion of the panel.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Solution {
    panel_id: String,
    #[serde(rename = "solutionId")]
    name: String,
    score: f64,
    range: Range,
    completion_text: String,
    display_text: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    panel_id: String,
    status: String,
}

struct PanelSolution;

impl Notification for PanelSolution {
    type Params = Solution;
    const METHOD: &'static str = "PanelSolution";
}

struct PanelSolutionsDone;

impl Notification for PanelSolutionsDone {
    type Params = Done;
    const METHOD: &'static str = "PanelSolutionsDone";
}

/// Answers `getCompletions`.
pub(in crate::lsp) async fn first(session: &Session, params: Params) -> Result<Value> {
    completions(session, &params, Trigger::Automatic).await.map(listed)
}

/// Answers `getCompletionsCycling`: the user requests alternatives.
pub(in crate::lsp) async fn cycling(session: &Session, params: Params) -> Result<Value> {
    completions(session, &params, Trigger::Invoked).await.map(listed)
}

/// Answers `getPanelCompletions`; the suggestions follow as notifications.
pub(in crate::lsp) async fn panel(session: &Session, params: Params) -> Result<Value> {
    let completions = completions(session, &params, Trigger::Invoked).await?.unwrap_or_default();
    let n = completions.len();
    let (client, panel_id) = (session.client().clone(), params.panel_id);
    tokio::spawn(async move {
        for (rank, completion) in completions.into_iter().enumerate() {
            let Completion { uuid, text, display_text, range, .. } = completion;
            let solution = Solution {
                panel_id: panel_id.clone(),
                name: uuid,
                // Best first; the order of the others is unknown.
                score: 1.0 / (rank + 1) as f64,
                range,
                completion_text: text,
                display_text,
            };
            client.send_notification::<PanelSolution>(solution).await;
        }
        let done = Done { panel_id, status: "OK".into() };
        client.send_notification::<PanelSolutionsDone>(done).await;
    });
    Ok(json!({ "solutionCountTarget": n }))
}

/// Returns the suggestions, or `None` if a newer request superseded this one.
async fn completions(
    session: &Session,
    params: &Params,
    trigger: Trigger,
) -> Result<Option<Vec<Completion>>> {
    let negotiated = negotiated(session)?;
    let Doc { uri, version, position, tab_size, insert_spaces } = &params.doc;
    let indent_unit = insert_spaces.as_bool().and_then(|insert_spaces| {
        IndentUnit::of_options(tab_size.as_u64().unwrap_or_default(), insert_spaces)
    });
    let request = SuggestionRequest {
        uri,
        version: *version,
        position: (*position).into(),
        trigger,
        surface: Surface::Inline,
        indent_unit,
    };
    Ok(match suggest(session, request).await {
        Delivery::Suggestion(suggestion) => {
            Some(suggestion.each().filter_map(|each| completion(negotiated, &each)).collect())
        }
        Delivery::Nothing => Some(Vec::new()),
        Delivery::Superseded => None,
    })
}

fn listed(completions: Option<Vec<Completion>>) -> Value {
    match completions {
        Some(completions) => json!({ "completions": completions }),
        None => json!({"completions": [], "cancellationReason": "RequestCancelled"}),
    }
}

/// Returns the item, or `None` if this client would not draw it.
fn completion(negotiated: &NegotiatedState, suggestion: &Suggestion) -> Option<Completion> {
    let Suggestion { id, snapshot, cursor, insert, .. } = suggestion;
    let line_start = cursor.line_start;
    let text = format!("{}{}", snapshot.slice(line_start..insert.start), insert.text);
    let display_text = match text.strip_prefix(cursor.before.as_str()) {
        Some(after_cursor) => after_cursor.to_owned(),
        None if negotiated.quirks.draws_dedent => text.trim_start_matches([' ', '\t']).to_owned(),
        None => {
            suggestion.withhold_dedent(negotiated);
            return None;
        }
    };
    let [text, display_text] =
        [text, display_text].map(|text| negotiated.quirks.with_line_ends(text));
    // A replaced tail ends with the line, or the text repeats it.
    let end = ByteOffset(insert.end.0.max(cursor.offset.0));
    Some(Completion {
        uuid: id.to_string(),
        text,
        display_text,
        range: to_range(snapshot, line_start, end, negotiated.encoding),
        position: to_position(snapshot, cursor.offset, negotiated.encoding),
        doc_version: snapshot.version(),
    })
}
