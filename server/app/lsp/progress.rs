//! Feedback while the model loads: progress if the client draws it, and one message on failure.
//!
//! Runs in its own task, because it waits for the client's answers, and a handler must not.

use lowkey_completer::Status;
use tokio::sync::watch;
use tower_lsp::Client;
use tower_lsp::ls_types::request::WorkDoneProgressCreate;
use tower_lsp::ls_types::{MessageType, ProgressToken, WorkDoneProgressCreateParams};

/// Percent between two reports.
const STEP: u32 = 10;

/// Starts the reports; they end when the model is loaded or has failed.
pub(super) fn report(client: Client, status: watch::Receiver<Status>, draws_progress: bool) {
    tokio::spawn(async move {
        if let Some(reason) = follow(&client, status, draws_progress).await {
            client.show_message(MessageType::ERROR, format!("lowkey: {reason}")).await;
        }
    });
}

/// Reports until loading ends; returns the reason of a failure.
async fn follow(
    client: &Client,
    mut status: watch::Receiver<Status>,
    draws_progress: bool,
) -> Option<String> {
    let is_loading = matches!(*status.borrow_and_update(), Status::Loading(_));
    if !(is_loading && draws_progress) {
        return failure(&mut status).await;
    }
    let token = ProgressToken::String("lowkey/loading".into());
    let create = WorkDoneProgressCreateParams { token: token.clone() };
    if client.send_request::<WorkDoneProgressCreate>(create).await.is_err() {
        return failure(&mut status).await;
    }
    let progress =
        client.progress(token, "lowkey").with_message("loading the model").with_percentage(0);
    let progress = progress.begin().await;
    let mut told = 0;
    loop {
        let percent = match &*status.borrow_and_update() {
            Status::Loading(share) => (share.clamp(0.0, 1.0) * 100.0) as u32,
            Status::Ready { .. } | Status::Failed(_) => break,
        };
        if percent >= told + STEP {
            told = percent;
            progress.report(percent).await;
        }
        if status.changed().await.is_err() {
            break;
        }
    }
    let reason = failure(&mut status).await;
    progress.finish_with_message(if reason.is_none() { "ready" } else { "failed" }).await;
    reason
}

/// Waits until the model is loaded (`None`) or has failed.
async fn failure(status: &mut watch::Receiver<Status>) -> Option<String> {
    match &*status.wait_for(|status| !matches!(status, Status::Loading(_))).await.ok()? {
        Status::Failed(reason) => Some(reason.clone()),
        Status::Ready { .. } | Status::Loading(_) => None,
    }
}
