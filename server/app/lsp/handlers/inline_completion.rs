//! `textDocument/inlineCompletion`: ghost text.
//!
//! Without a suggestion the answer is an empty list, never null, because Neovim keeps old ghost
//! text on null. A superseded request gets the error `RequestCancelled`. If a popup entry is
//! selected, the suggestion applies to the text with that entry inserted, and starts with the
//! entry.

use lowkey_completer::{IndentUnit, Surface, Trigger};
use lowkey_document::ByteOffset;
use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{InlineCompletionItem, InlineCompletionList};

use super::execute_command::accept_command;
use crate::lsp::convert::{LenientPosition, LenientRange, to_range};
use crate::lsp::documents::View;
use crate::lsp::placement::place;
use crate::lsp::session::{NegotiatedState, Session};
use crate::lsp::suggest::{Delivery, Suggestion, SuggestionRequest, suggest, suggest_in};

/// Parameters; Copilot clients add the version, which the protocol's own type would drop.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::lsp) struct Params {
    text_document: TextDocument,
    position: LenientPosition,
    #[serde(default)]
    context: Context,
    /// Not in the protocol; Copilot clients send it.
    #[serde(default)]
    formatting_options: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct TextDocument {
    uri: String,
    #[serde(default)]
    version: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[serde(default)]
    trigger_kind: Option<i64>,
    #[serde(default)]
    selected_completion_info: Option<Selected>,
}

/// The popup entry that is selected during the request.
#[derive(Debug, Deserialize)]
struct Selected {
    range: LenientRange,
    text: String,
}

const INVOKED: i64 = 1;

/// Parses `{tabSize, insertSpaces}`; `None` if the values are invalid.
fn indent_unit(options: &Value) -> Option<IndentUnit> {
    let insert_spaces = options.get("insertSpaces")?.as_bool()?;
    let tab_size = options.get("tabSize").and_then(Value::as_u64).unwrap_or_default();
    IndentUnit::of_options(tab_size, insert_spaces)
}

/// Answers `textDocument/inlineCompletion`.
pub(in crate::lsp) async fn inline_completion(
    session: &Session,
    params: Params,
) -> Result<InlineCompletionList> {
    let Params { text_document: TextDocument { uri, version }, position, context, .. } = &params;
    let request = SuggestionRequest {
        uri,
        version: *version,
        position: (*position).into(),
        trigger: match context.trigger_kind {
            Some(INVOKED) => Trigger::Invoked,
            _ => Trigger::Automatic,
        },
        surface: Surface::Inline,
        indent_unit: params.formatting_options.as_ref().and_then(indent_unit),
    };
    let items = match &context.selected_completion_info {
        None => items(session, request).await?,
        Some(selected) => {
            item_after_selected(session, request, selected).await?.into_iter().collect()
        }
    };
    Ok(InlineCompletionList { items })
}

async fn items(
    session: &Session,
    request: SuggestionRequest<'_>,
) -> Result<Vec<InlineCompletionItem>> {
    let Some(negotiated) = session.negotiated() else { return Ok(Vec::new()) };
    match suggest(session, request).await {
        Delivery::Suggestion(suggestion) => {
            Ok(suggestion.each().filter_map(|each| drawable(negotiated, &each)).collect())
        }
        Delivery::Nothing => Ok(Vec::new()),
        Delivery::Superseded => Err(Error::request_cancelled()),
    }
}

/// Suggests for the text with the selected popup entry inserted.
async fn item_after_selected(
    session: &Session,
    request: SuggestionRequest<'_>,
    selected: &Selected,
) -> Result<Option<InlineCompletionItem>> {
    let Some(negotiated) = session.negotiated() else { return Ok(None) };
    let Some(view) = session.documents().view(request.uri) else { return Ok(None) };
    let encoding = negotiated.encoding;
    let cursor = view.snapshot.offset(request.position, encoding);
    let [start, end] = [selected.range.start, selected.range.end]
        .map(|position| view.snapshot.offset(position.into(), encoding));
    let one_line = view.snapshot.line_of(start) == view.snapshot.line_of(end);
    if !(start <= cursor && cursor <= end && one_line) {
        return Ok(None);
    }
    let range = to_range(&view.snapshot, start, end, encoding);
    let after = View { snapshot: view.snapshot.with_edit(start..end, &selected.text), ..view };
    let cursor = ByteOffset(start.0 + selected.text.len());
    match suggest_in(session, negotiated, after, cursor, &request).await {
        Delivery::Suggestion(suggestion) => Ok(suggestion.continuation().map(|rest| {
            let text = format!("{}{rest}", selected.text);
            InlineCompletionItem {
                range: Some(range),
                ..bare_item(negotiated, suggestion.id, text)
            }
        })),
        Delivery::Nothing => Ok(None),
        Delivery::Superseded => Err(Error::request_cancelled()),
    }
}

/// Returns the item, or `None` if this editor would not draw it. Ghost text is drawn after the
/// cursor. In most editors the user would not see a change of the line before it, such as other
/// indentation.
fn drawable(negotiated: &NegotiatedState, suggestion: &Suggestion) -> Option<InlineCompletionItem> {
    let placed = place(&suggestion.cursor, &suggestion.insert);
    let kept = suggestion.snapshot.slice(placed.start..suggestion.cursor.offset);
    let is_drawn = match placed.text.strip_prefix(kept.as_str()) {
        Some(after_cursor) => !after_cursor.is_empty(),
        None => negotiated.quirks.draws_dedent,
    };
    if !is_drawn {
        suggestion.withhold_dedent(negotiated);
        return None;
    }
    let range = to_range(&suggestion.snapshot, placed.start, placed.end, negotiated.encoding);
    let item = bare_item(negotiated, suggestion.id, placed.text);
    Some(InlineCompletionItem { range: Some(range), ..item })
}

fn bare_item(negotiated: &NegotiatedState, id: u64, insert_text: String) -> InlineCompletionItem {
    InlineCompletionItem {
        insert_text: negotiated.quirks.with_line_ends(insert_text),
        filter_text: None,
        range: None,
        command: Some(accept_command(negotiated, id)),
        insert_text_format: None,
    }
}
