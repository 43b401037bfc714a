//! `didChangeStatus` and the older `statusNotification`: loading, ready, paused, failed.
//!
//! A separate task sends the status only after a change.

use lowkey_completer::Status;
use serde::{Deserialize, Serialize};
use tower_lsp::ls_types::notification::Notification;

use super::door::DoorStatus;
use crate::lsp::session::{NegotiatedState, Session};

/// `{status, message}`
#[derive(Debug, Serialize, Deserialize)]
struct Elder {
    status: String,
    message: String,
}

struct DidChangeStatus;

impl Notification for DidChangeStatus {
    type Params = DoorStatus;
    const METHOD: &'static str = "didChangeStatus";
}

struct StatusNotification;

impl Notification for StatusNotification {
    type Params = Elder;
    const METHOD: &'static str = "statusNotification";
}

impl DoorStatus {
    fn of(negotiated: &NegotiatedState) -> Self {
        let (busy, kind, message) = match negotiated.completer.status() {
            Status::Loading(_) => (true, "Normal", "loading the model".to_owned()),
            Status::Failed(reason) => (false, "Error", reason),
            Status::Ready { .. } if negotiated.completer.settings().paused => {
                (false, "Inactive", "paused".to_owned())
            }
            Status::Ready { .. } => (false, "Normal", String::new()),
        };
        Self { busy, kind: kind.to_owned(), message }
    }

    fn elder(&self) -> Elder {
        let status = if self.busy { "InProgress" } else { self.kind.as_str() };
        Elder { status: status.to_owned(), message: self.message.clone() }
    }
}

/// Sends the status if it differs from the last one sent.
pub(in crate::lsp) fn notify(session: &Session) {
    if !session.copilot().is_open() {
        return;
    }
    let session = session.clone();
    tokio::spawn(async move {
        // Sends are serialized, and each reads the status when it has the lock, so the last one
        // sent is current.
        let mut sent = session.copilot().sent.lock().await;
        let Some(now) = session.negotiated().map(DoorStatus::of) else { return };
        if sent.as_ref() != Some(&now) {
            session.client().send_notification::<StatusNotification>(now.elder()).await;
            session.client().send_notification::<DidChangeStatus>(now.clone()).await;
            *sent = Some(now);
        }
    });
}

/// Sends each change of the model's status until the model is loaded or has failed.
pub(in crate::lsp) fn follow(session: &Session) {
    let Some(negotiated) = session.negotiated() else { return };
    let (session, mut status) = (session.clone(), negotiated.completer.subscribe_status());
    tokio::spawn(async move {
        loop {
            let is_loading = matches!(*status.borrow_and_update(), Status::Loading(_));
            notify(&session);
            if !is_loading || status.changed().await.is_err() {
                return;
            }
        }
    });
}
