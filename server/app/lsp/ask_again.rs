//! `$/lowkey/askAgain`: informs the client that a text has arrived for a place where it shows nothing.
//!
//! A notification of lowkey's own, `{textDocument: {uri, version}, position}`, for a client that
//! announces `experimental.lowkey.askAgain`. The client asks `textDocument/inlineCompletion` again if
//! document, version and cursor are the same and it shows nothing.

use lowkey_completer::AskAgain;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::ls_types::notification::Notification;
use tower_lsp::ls_types::{ClientCapabilities, Position};

use super::convert::to_position;
use super::session::Session;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    text_document: TextDocument,
    position: Position,
}

#[derive(Debug, Serialize, Deserialize)]
struct TextDocument {
    uri: String,
    version: i32,
}

struct AskAgainNotification;

impl Notification for AskAgainNotification {
    type Params = Params;
    const METHOD: &'static str = "$/lowkey/askAgain";
}

/// Whether the client can be told.
pub(super) fn is_announced(capabilities: &ClientCapabilities) -> bool {
    let experimental = capabilities.experimental.as_ref();
    let announced = experimental.and_then(|all| all.get("lowkey")?.get("askAgain"));
    announced.and_then(Value::as_bool) == Some(true)
}

/// Starts the notifications, if the client can be told.
pub(super) fn report(session: &Session) {
    let Some(negotiated) = session.negotiated() else { return };
    if !negotiated.client.asks_again {
        return;
    }
    let (session, mut places) = (session.clone(), negotiated.completer.subscribe_ask_again());
    tokio::spawn(async move {
        while places.changed().await.is_ok() {
            let place = places.borrow_and_update().clone();
            if let Some(params) = place.and_then(|place| params(&session, &place)) {
                session.client().send_notification::<AskAgainNotification>(params).await;
            }
        }
    });
}

/// Returns the notification's parameters; `None` if the document has changed since.
fn params(session: &Session, AskAgain { snapshot, cursor }: &AskAgain) -> Option<Params> {
    let encoding = session.negotiated()?.encoding;
    let uri = snapshot.uri().as_str();
    let now = session.documents().view(uri).filter(|now| !now.desynced)?.snapshot;
    let is_same = (now.version(), now.n_bytes()) == (snapshot.version(), snapshot.n_bytes());
    is_same.then(|| Params {
        text_document: TextDocument { uri: uri.to_owned(), version: snapshot.version() },
        position: to_position(snapshot, *cursor, encoding),
    })
}
