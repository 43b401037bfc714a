//! `$/lowkey/status`: whether the model is there, and how many tokens it has computed.

use lowkey_completer::{Status, Work};
use serde::Serialize;
use serde_json::Value;

use crate::lsp::session::Session;

/// What the server is doing.
#[derive(Debug, Serialize)]
pub(in crate::lsp) struct StatusReport {
    /// `loading`, `ready` or `failed`.
    state: &'static str,
    /// The model's name; empty until it is loaded.
    model: String,
    /// Why there is no model; empty otherwise.
    message: String,
    /// Suggestions are switched off.
    paused: bool,
    work: WorkReport,
}

/// Tokens computed since the start.
#[derive(Debug, Serialize)]
pub(in crate::lsp) struct WorkReport {
    prefilled: u64,
    decoded: u64,
    /// Of them at low priority: looking ahead, and where the cursor rests.
    background_prefilled: u64,
    background_decoded: u64,
}

impl From<Work> for WorkReport {
    fn from(work: Work) -> Self {
        let Work { prefilled, decoded, background_prefilled, background_decoded } = work;
        Self { prefilled, decoded, background_prefilled, background_decoded }
    }
}

/// Answers the request; null before `initialize`.
pub(in crate::lsp) fn status(session: &Session, _: &Value) -> Option<StatusReport> {
    session.negotiated().map(|negotiated| {
        let (state, model, message) = match negotiated.completer.status() {
            Status::Loading(_) => ("loading", String::new(), String::new()),
            Status::Ready { model, .. } => ("ready", model, String::new()),
            Status::Failed(reason) => ("failed", String::new(), reason),
        };
        StatusReport {
            state,
            model,
            message,
            paused: negotiated.completer.settings().paused,
            work: negotiated.completer.work().into(),
        }
    })
}
