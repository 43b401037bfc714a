//! `$/lowkey/status`: the state of the model, and the number of tokens computed.

use lowkey_completer::plain::plain;
use lowkey_completer::{Completer, RemoteState, SecondModelState, Status, Work};
use serde::Serialize;
use serde_json::Value;

use crate::lsp::session::Session;

/// The state of the server.
#[derive(Debug, Serialize)]
pub(in crate::lsp) struct StatusReport {
    /// `loading`, `ready` or `failed`.
    state: &'static str,
    /// The model's name; empty until it is loaded.
    model: String,
    /// The reason of a failure; empty otherwise.
    message: String,
    /// Whether suggestions are paused.
    paused: bool,
    work: WorkReport,
    /// The remote server; null if none is configured.
    remote: Option<RemoteReport>,
    /// The model of the setting `refine_model`; null if it names none.
    refine_model: Option<SecondReport>,
    /// The model of the setting `next_edit_model`; null if it names none.
    next_edit_model: Option<SecondReport>,
}

/// The state of a second model.
#[derive(Debug, Serialize)]
pub(in crate::lsp) struct SecondReport {
    /// `unused`, `loading`, `ready` or `failed`.
    state: &'static str,
    /// The model's name; empty until it is loaded.
    model: String,
    /// The reason of a failure; empty otherwise.
    message: String,
}

impl SecondReport {
    fn new(state: &SecondModelState) -> Option<Self> {
        let (state, model, message) = match state {
            SecondModelState::Off => return None,
            SecondModelState::Unused => ("unused", String::new(), String::new()),
            SecondModelState::Loading(_) => ("loading", String::new(), String::new()),
            SecondModelState::Ready { model } => ("ready", plain(model), String::new()),
            SecondModelState::Failed { reason } => ("failed", String::new(), plain(reason)),
        };
        Some(Self { state, model, message })
    }
}

/// The state of the remote server.
#[derive(Debug, Serialize)]
pub(in crate::lsp) struct RemoteReport {
    /// Host and port.
    host: String,
    /// `unused`, `working` or `failing`.
    state: &'static str,
    /// The model's name at the server; empty until it has answered.
    model: String,
    /// The reason of a failure; empty otherwise.
    message: String,
}

impl RemoteReport {
    fn new(completer: &Completer) -> Option<Self> {
        let host = plain(completer.remote()?.address.host());
        let (state, model, message) = match &*completer.subscribe_remote().borrow() {
            RemoteState::Unused => ("unused", String::new(), String::new()),
            RemoteState::Working { model } => ("working", plain(model), String::new()),
            RemoteState::Failing { reason } => ("failing", String::new(), plain(reason)),
        };
        Some(Self { host, state, model, message })
    }
}

/// Tokens computed since the start.
#[derive(Debug, Serialize)]
pub(in crate::lsp) struct WorkReport {
    prefilled: u64,
    decoded: u64,
    /// Tokens prefilled at low priority: look-ahead and cursor positions.
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
            remote: RemoteReport::new(&negotiated.completer),
            refine_model: SecondReport::new(
                &negotiated.completer.subscribe_refine_model().borrow(),
            ),
            next_edit_model: SecondReport::new(
                &negotiated.completer.subscribe_next_edit_model().borrow(),
            ),
        }
    })
}
