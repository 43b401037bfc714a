//! The open documents, and the three notifications that change them.
//!
//! Parameters are read leniently: any string is a URI, and a version may be missing. An edit with
//! an invalid range marks its document as desynced, so that the loss is not silent. The lock is
//! held only during an edit or a look-up, never across an await.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lowkey_document::{Change, Document, Position, PositionEncoding, Range, Snapshot, Uri};
use serde_json::Value;

/// Identifies the text that an answer was computed for.
///
/// Versions repeat when a client does not count them or opens a file again; stamps do not repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    opening: u64,
    revision: u64,
}

/// A document at the moment of a request.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) snapshot: Snapshot,
    pub(super) stamp: Stamp,
    /// Whether editor and server disagree about the text.
    pub(super) desynced: bool,
}

/// The effect of a text synchronisation notification.
#[derive(Debug)]
pub(super) enum Applied {
    /// The text of the new document.
    Opened(Snapshot),
    /// The text changed to this, or the document became desynced.
    Changed(Snapshot),
    /// The URI of the closed document.
    Closed(Uri),
    /// No effect: an unknown document, or invalid parameters.
    Ignored,
}

/// All open documents.
#[derive(Debug, Default)]
pub(super) struct Documents {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    documents: HashMap<Uri, (u64, Document)>,
    n_opened: u64,
}

impl Documents {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether [`Self::apply`] handles the notification `method`.
    pub(super) fn takes(method: &str) -> bool {
        action(method).is_some()
    }

    /// Applies a notification that opens, changes or closes a document.
    pub(super) fn apply(
        &self,
        method: &str,
        mut params: Value,
        encoding: PositionEncoding,
    ) -> Applied {
        let applied = action(method).and_then(|action| action(self, &mut params, encoding));
        if applied.is_none() {
            tracing::warn!(method, "ignored: unknown document or unusable parameters");
        }
        applied.unwrap_or(Applied::Ignored)
    }

    fn open(&self, params: &mut Value, _: PositionEncoding) -> Option<Applied> {
        let item = params.get("textDocument")?;
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let uri = text("uri")?;
        let language_id = text("languageId").unwrap_or_default();
        let document = Document::open(uri, language_id, version(item).unwrap_or(0), text("text")?);
        let mut open = self.lock();
        open.n_opened += 1;
        let opening = open.n_opened;
        let snapshot = document.snapshot();
        open.documents.insert(document.uri().clone(), (opening, document));
        Some(Applied::Opened(snapshot))
    }

    fn change(&self, params: &mut Value, encoding: PositionEncoding) -> Option<Applied> {
        let changes: Vec<Change> = match params.get_mut("contentChanges").map(Value::take) {
            Some(Value::Array(changes)) => changes.into_iter().map(change).collect(),
            _ => vec![nonsense()],
        };
        let item = params.get("textDocument")?;
        let uri = Uri::new(item.get("uri").and_then(Value::as_str)?);
        let mut open = self.lock();
        // The document is taken out during the change: after a panic it is unknown, not wrong.
        let (opening, mut document) = open.documents.remove(&uri)?;
        let version = version(item).unwrap_or_else(|| document.version());
        let was_desynced = document.is_desynced();
        if let Err(desync) = document.change(version, &changes, encoding)
            && !was_desynced
        {
            tracing::warn!(version, "{desync}");
        }
        let snapshot = document.snapshot();
        open.documents.insert(uri, (opening, document));
        Some(Applied::Changed(snapshot))
    }

    fn close(&self, params: &mut Value, _: PositionEncoding) -> Option<Applied> {
        let uri = Uri::new(params.get("textDocument")?.get("uri")?.as_str()?);
        self.lock().documents.remove(&uri)?;
        Some(Applied::Closed(uri))
    }

    /// Returns a document's present state, by any form of its URI.
    pub(super) fn view(&self, uri: &str) -> Option<View> {
        let open = self.lock();
        let (opening, document) = open.documents.get(&Uri::new(uri))?;
        Some(View {
            snapshot: document.snapshot(),
            stamp: Stamp { opening: *opening, revision: document.revision() },
            desynced: document.is_desynced(),
        })
    }

    /// Whether a document still has the text of `stamp`.
    pub(super) fn is_current(&self, uri: &Uri, stamp: Stamp) -> bool {
        self.lock().documents.get(uri).is_some_and(|(opening, document)| {
            *opening == stamp.opening && document.revision() == stamp.revision
        })
    }
}

type Action = fn(&Documents, &mut Value, PositionEncoding) -> Option<Applied>;

fn action(method: &str) -> Option<Action> {
    match method {
        "textDocument/didOpen" => Some(Documents::open),
        "textDocument/didChange" => Some(Documents::change),
        "textDocument/didClose" => Some(Documents::close),
        _ => None,
    }
}

fn version(item: &Value) -> Option<i32> {
    i32::try_from(item.get("version")?.as_i64()?).ok()
}

/// One entry of `contentChanges`.
fn change(mut entry: Value) -> Change {
    let range = match entry.get("range") {
        None | Some(Value::Null) => None,
        Some(range) => match (position(range.get("start")), position(range.get("end"))) {
            (Some(start), Some(end)) => Some(Range::new(start, end)),
            _ => return nonsense(),
        },
    };
    match (entry.get_mut("text").map(Value::take), range) {
        (Some(Value::String(text)), None) => Change::Full(text),
        (Some(Value::String(text)), Some(range)) => Change::Edit { range, text },
        _ => nonsense(),
    }
}

/// Columns and lines above 2³² are clamped, like all positions outside the text.
fn position(value: Option<&Value>) -> Option<Position> {
    let number =
        |key: &str| value?.get(key)?.as_u64().map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    Some(Position::new(number("line")?, number("character")?))
}

/// Returns an edit that ends before it starts; the document's own rule then marks it as desynced.
fn nonsense() -> Change {
    Change::Edit {
        range: Range::new(Position::new(0, 1), Position::new(0, 0)),
        text: String::new(),
    }
}

#[cfg(test)]
mod tests;
