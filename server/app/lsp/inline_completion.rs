//! `textDocument/inlineCompletion`: ghost text.
//!
//! Nothing to suggest is an empty list, never null (Neovim keeps old ghost text on null);
//! a superseded request is the error `RequestCancelled`. When a popup entry is selected,
//! the question is asked as if it had been taken, and the answer starts with it.

use lowkey_completer::{IndentUnit, Surface, Trigger};
use lowkey_document::{Change, Document, Position, Range};
use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{Command, InlineCompletionItem, InlineCompletionList};

use super::answer::{Delivery, Question, Suggestion};
use super::backend::Backend;
use super::convert::{LenientPosition, LenientRange, to_range};
use super::documents::View;
use super::link::{Link, Negotiated};
use super::placement::place;
use super::{commands, copilot};

/// Parameters; clients of Copilot add the version, which the protocol's own type would drop.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Params {
    text_document: TextDocument,
    position: LenientPosition,
    #[serde(default)]
    context: Context,
    /// Not of the protocol: clients of Copilot send it.
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

/// The popup entry that is selected while ghost text is asked for.
#[derive(Debug, Deserialize)]
struct Selected {
    range: LenientRange,
    text: String,
}

const INVOKED: i64 = 1;

/// Reads `{tabSize, insertSpaces}`; what makes no sense says nothing.
fn indent_unit(options: &Value) -> Option<IndentUnit> {
    let insert_spaces = options.get("insertSpaces")?.as_bool()?;
    let tab_size = options.get("tabSize").and_then(Value::as_u64).unwrap_or_default();
    IndentUnit::of_options(tab_size, insert_spaces)
}

impl Backend {
    /// Answers `textDocument/inlineCompletion`.
    pub(super) async fn inline_completion(&self, params: Params) -> Result<InlineCompletionList> {
        let Params {
            text_document: TextDocument { uri, version },
            position,
            context,
            formatting_options,
        } = params;
        let trigger = match context.trigger_kind {
            Some(INVOKED) => Trigger::Invoked,
            _ => Trigger::Automatic,
        };
        let question = Question {
            uri: &uri,
            version,
            position: position.into(),
            trigger,
            surface: Surface::Inline,
            indent_unit: formatting_options.as_ref().and_then(indent_unit),
        };
        let items = match context.selected_completion_info {
            None => self.link.inline_items(question).await?,
            Some(selected) => {
                self.link.inline_item_after(question, selected).await?.into_iter().collect()
            }
        };
        Ok(InlineCompletionList { items })
    }
}

impl Link {
    async fn inline_items(&self, question: Question<'_>) -> Result<Vec<InlineCompletionItem>> {
        let Some(negotiated) = self.negotiated() else { return Ok(Vec::new()) };
        match self.answer(question).await {
            Delivery::Suggestion(suggestion) => {
                Ok(suggestion.each().filter_map(|each| drawable(negotiated, &each)).collect())
            }
            Delivery::Nothing => Ok(Vec::new()),
            Delivery::Superseded => Err(Error::request_cancelled()),
        }
    }

    /// Asks as if the selected popup entry stood in the text.
    async fn inline_item_after(
        &self,
        question: Question<'_>,
        selected: Selected,
    ) -> Result<Option<InlineCompletionItem>> {
        let Some(negotiated) = self.negotiated() else { return Ok(None) };
        let Some(view) = self.documents.view(question.uri) else { return Ok(None) };
        let encoding = negotiated.encoding;
        let cursor = view.snapshot.offset(question.position, encoding);
        let [start, end] = [selected.range.start, selected.range.end]
            .map(|position| view.snapshot.offset(position.into(), encoding));
        let one_line = view.snapshot.line_of(start) == view.snapshot.line_of(end);
        if !(start <= cursor && cursor <= end && one_line) {
            return Ok(None);
        }
        let range = to_range(&view.snapshot, start, end, encoding);
        let selected_range = Range::new(
            Position::new(range.start.line, range.start.character),
            Position::new(range.end.line, range.end.character),
        );
        let snapshot = &view.snapshot;
        let mut document = Document::open(
            snapshot.uri(),
            snapshot.language_id(),
            snapshot.version(),
            &snapshot.text(),
        );
        let change = Change::Edit { range: selected_range, text: selected.text.clone() };
        if document.change(snapshot.version(), &[change], encoding).is_err() {
            return Ok(None);
        }
        let after = View { snapshot: document.snapshot(), ..view };
        let cursor = lowkey_document::ByteOffset(start.0 + selected.text.len());
        match self.ask(negotiated, after, cursor, &question).await {
            Delivery::Suggestion(suggestion) => Ok(suggestion.continuation().map(|rest| {
                let text = format!("{}{rest}", selected.text);
                InlineCompletionItem {
                    range: Some(range),
                    ..negotiated.bare_item(suggestion.id, text)
                }
            })),
            Delivery::Nothing => Ok(None),
            Delivery::Superseded => Err(Error::request_cancelled()),
        }
    }
}

/// The item, unless this editor would not draw it: ghost text stands behind the cursor, so in
/// most editors a text that changes what stands before it (other indentation) is taken unseen.
fn drawable(negotiated: &Negotiated, suggestion: &Suggestion) -> Option<InlineCompletionItem> {
    let placed = place(&suggestion.cursor, &suggestion.insert);
    let kept = suggestion.snapshot.slice(placed.start..suggestion.cursor.offset);
    let is_drawn = match placed.text.strip_prefix(kept.as_str()) {
        Some(behind_cursor) => !behind_cursor.is_empty(),
        None => negotiated.quirks.draws_dedent,
    };
    if !is_drawn {
        negotiated.withhold_dedent(suggestion);
        return None;
    }
    let range = to_range(&suggestion.snapshot, placed.start, placed.end, negotiated.encoding);
    let item = negotiated.bare_item(suggestion.id, placed.text);
    Some(InlineCompletionItem { range: Some(range), ..item })
}

impl Negotiated {
    fn bare_item(&self, id: u64, insert_text: String) -> InlineCompletionItem {
        InlineCompletionItem {
            insert_text: self.quirks.with_line_ends(insert_text),
            filter_text: None,
            range: None,
            command: Some(self.accept(id)),
            insert_text_format: None,
        }
    }

    /// The command that editors run after they inserted an item.
    pub(super) fn accept(&self, id: u64) -> Command {
        let (command, id) = if self.quirks.copilot_command {
            (copilot::ACCEPT, Value::from(id.to_string()))
        } else {
            (commands::ACCEPT, Value::from(id))
        };
        Command::new("Accepted".into(), command.into(), Some(vec![id]))
    }
}
