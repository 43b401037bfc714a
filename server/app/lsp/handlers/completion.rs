//! `textDocument/completion`: the suggestion as an entry of the completion popup.
//!
//! Used for editors without inline completion, or if the setting `popup` requires it. The list has
//! one entry of kind Text (Helix parses a Snippet's text as a template). The list is marked
//! incomplete, so that the editor sends a new request while the user types.

use lowkey_completer::{Surface, Trigger};
use lowkey_document::{ByteOffset, Snapshot};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionOptions, CompletionParams,
    CompletionResponse, CompletionTextEdit, Documentation, InsertTextFormat, InsertTextMode,
    MarkupContent, MarkupKind, TextEdit,
};

use super::execute_command::accept_command;
use crate::lsp::convert::{LenientPosition, to_range};
use crate::lsp::session::{NegotiatedState, Session};
use crate::lsp::suggest::{Delivery, Suggestion, SuggestionRequest, suggest};

/// Characters after which a popup is useful; letters open it in every editor.
const TRIGGERS: &[&str] = &[".", ":", "(", "[", "{", "=", ",", "<", ">", "&", "|", "\"", "'", "/"];

/// Returns the server's completion capability.
pub(in crate::lsp) fn options() -> CompletionOptions {
    CompletionOptions {
        trigger_characters: Some(TRIGGERS.iter().map(|&c| c.to_owned()).collect()),
        ..CompletionOptions::default()
    }
}

/// Answers `textDocument/completion`.
pub(in crate::lsp) async fn completion(
    session: &Session,
    params: CompletionParams,
) -> Result<Option<CompletionResponse>> {
    let list = |is_incomplete, items| {
        Ok(Some(CompletionResponse::List(CompletionList { is_incomplete, items })))
    };
    let Some(negotiated) = session.negotiated().filter(|negotiated| negotiated.pops_up()) else {
        return list(false, Vec::new());
    };
    let at = params.text_document_position;
    let request = SuggestionRequest {
        uri: at.text_document.uri.as_str(),
        version: None,
        position: LenientPosition::from(at.position).into(),
        // Editors send Invoked for every typed letter too, so the value is useless here.
        trigger: Trigger::Automatic,
        surface: Surface::Popup,
        indent_unit: None,
    };
    match suggest(session, request).await {
        Delivery::Suggestion(suggestion) => list(true, vec![item(negotiated, &suggestion)]),
        Delivery::Nothing => list(true, Vec::new()),
        Delivery::Superseded => Err(Error::request_cancelled()),
    }
}

fn item(negotiated: &NegotiatedState, suggestion: &Suggestion) -> CompletionItem {
    let Suggestion { id, snapshot, cursor, insert, .. } = suggestion;
    let word = word_before(&cursor.before);
    let word_start = ByteOffset(cursor.offset.0.saturating_sub(word.len()));
    // Editors filter by the text from the edit's start to the cursor.
    let start = word_start.min(insert.start);
    let text = format!("{}{}", snapshot.slice(start..insert.start), insert.text);
    let filter_text = snapshot.slice(start..cursor.offset);
    let range = to_range(snapshot, start, insert.end, negotiated.encoding);
    let text = negotiated.quirks.with_line_ends(text);
    let n_lines = text.lines().count();
    CompletionItem {
        label: text.trim().lines().next().unwrap_or_default().trim().to_owned(),
        kind: Some(CompletionItemKind::TEXT),
        detail: Some(if n_lines == 1 { "1 line".into() } else { format!("{n_lines} lines") }),
        documentation: Some(documentation(negotiated, snapshot, &text)),
        filter_text: (!filter_text.is_empty()).then_some(filter_text),
        insert_text_format: Some(InsertTextFormat::PLAIN_TEXT),
        insert_text_mode: Some(InsertTextMode::AS_IS),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit::new(range, text))),
        command: Some(accept_command(negotiated, *id)),
        ..CompletionItem::default()
    }
}

/// Returns the letters, digits and underscores at the end of `text`.
fn word_before(text: &str) -> &str {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let n = text.chars().rev().take_while(|&c| is_word(c)).map(char::len_utf8).sum::<usize>();
    text.get(text.len() - n..).unwrap_or_default()
}

fn documentation(negotiated: &NegotiatedState, snapshot: &Snapshot, code: &str) -> Documentation {
    if !negotiated.client.markdown {
        return Documentation::String(code.to_owned());
    }
    // The fence must be longer than any fence in the code.
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let language = snapshot.language().id;
    Documentation::MarkupContent(MarkupContent {
        kind: MarkupKind::Markdown,
        value: format!("{fence}{language}\n{code}\n{fence}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_ends_at_the_cursor() {
        for (text, word) in [("let foo_1", "foo_1"), ("a.", ""), ("", ""), ("x = größe", "größe")]
        {
            assert_eq!(word_before(text), word);
        }
    }
}
