//! `didChangeStatus` and its elder `statusNotification`: loading, ready, paused, failed.
//!
//! Sent when something changed and only then, from a task of its own or behind the change.

use std::sync::Arc;

use lowkey_completer::Status;
use serde::{Deserialize, Serialize};
use tower_lsp::Client;
use tower_lsp::ls_types::notification::Notification;

use crate::lsp::link::{Link, Negotiated};

/// `{busy, kind, message}`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::lsp) struct Changed {
    busy: bool,
    /// `Normal`, `Inactive` or `Error`.
    kind: String,
    message: String,
}

/// `{status, message}`
#[derive(Debug, Serialize, Deserialize)]
struct Elder {
    status: String,
    message: String,
}

struct DidChangeStatus;

impl Notification for DidChangeStatus {
    type Params = Changed;
    const METHOD: &'static str = "didChangeStatus";
}

struct StatusNotification;

impl Notification for StatusNotification {
    type Params = Elder;
    const METHOD: &'static str = "statusNotification";
}

impl Changed {
    fn of(negotiated: &Negotiated) -> Self {
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

/// Tells the client what changed, if anything did since the last time.
pub(in crate::lsp) fn tell(link: &Arc<Link>, client: &Client) {
    if !link.is_copilot_door() {
        return;
    }
    let (link, client) = (Arc::clone(link), client.clone());
    tokio::spawn(async move {
        // One at a time, and each looks when its turn has come: what the client is told last is what holds.
        let mut told = link.told.lock().await;
        let Some(now) = link.negotiated().map(Changed::of) else { return };
        if told.as_ref() != Some(&now) {
            client.send_notification::<StatusNotification>(now.elder()).await;
            client.send_notification::<DidChangeStatus>(now.clone()).await;
            *told = Some(now);
        }
    });
}

/// Tells every change of the model's status until it is there or has failed.
pub(in crate::lsp) fn follow(link: &Arc<Link>, client: &Client) {
    let Some(negotiated) = link.negotiated() else { return };
    let (link, client, mut status) =
        (Arc::clone(link), client.clone(), negotiated.completer.subscribe_status());
    tokio::spawn(async move {
        loop {
            let is_loading = matches!(*status.borrow_and_update(), Status::Loading(_));
            tell(&link, &client);
            if !is_loading || status.changed().await.is_err() {
                return;
            }
        }
    });
}
