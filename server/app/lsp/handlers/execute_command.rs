//! `workspace/executeCommand`: an accepted or dismissed suggestion, pause and resume.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{Command, ExecuteCommandOptions, ExecuteCommandParams};

use super::configuration;
use crate::lsp::clients::Quirks;
use crate::lsp::copilot;
use crate::lsp::session::{NegotiatedState, Session};

/// The editor runs it after it inserted a suggestion; its argument is the suggestion's id.
const ACCEPT: &str = "lowkey.accept";
/// The user dismissed a next edit; its argument is the edit's id.
const DISMISS: &str = "lowkey.dismiss";
const PAUSE: &str = "lowkey.pause";
const RESUME: &str = "lowkey.resume";
const TOGGLE: &str = "lowkey.toggle";

/// Returns the server's command capability.
pub(super) fn options(quirks: Quirks) -> ExecuteCommandOptions {
    let accept = if quirks.copilot_command { copilot::ACCEPT } else { ACCEPT };
    ExecuteCommandOptions {
        commands: [accept, DISMISS, PAUSE, RESUME, TOGGLE].map(str::to_owned).to_vec(),
        ..ExecuteCommandOptions::default()
    }
}

/// Runs a command; pause and resume return `{"paused": …}`.
pub(in crate::lsp) fn execute(
    session: &Session,
    params: &ExecuteCommandParams,
) -> Result<Option<Value>> {
    let Some(negotiated) = session.negotiated() else { return Ok(None) };
    let paused = match params.command.as_str() {
        ACCEPT | copilot::ACCEPT => {
            let id = params.arguments.first().and_then(copilot::id);
            let id = id.ok_or_else(|| {
                Error::invalid_params("lowkey.accept takes the id of a suggestion")
            })?;
            if !negotiated.completer.next_edit_accepted(id) {
                negotiated.completer.accepted(id);
            }
            return Ok(None);
        }
        DISMISS => {
            let id = params.arguments.first().and_then(copilot::id);
            let id = id.ok_or_else(|| {
                Error::invalid_params("lowkey.dismiss takes the id of a next edit")
            })?;
            negotiated.completer.next_edit_dismissed(id);
            return Ok(None);
        }
        PAUSE => true,
        RESUME => false,
        TOGGLE => !negotiated.completer.settings().paused,
        _ => {
            return Err(Error::invalid_params(format!(
                "unknown command; use {ACCEPT}, {DISMISS}, {PAUSE}, {RESUME}, {TOGGLE}"
            )));
        }
    };
    session.configured().paused = Some(paused);
    // Problems of other settings were shown when they were set.
    configuration::put_in_force(session);
    copilot::status::notify(session);
    Ok(Some(json!({ "paused": paused })))
}

/// Returns the command that editors run after inserting a suggestion.
pub(in crate::lsp) fn accept_command(negotiated: &NegotiatedState, id: u64) -> Command {
    let (command, id) = if negotiated.quirks.copilot_command {
        (copilot::ACCEPT, Value::from(id.to_string()))
    } else {
        (ACCEPT, Value::from(id))
    };
    Command::new("Accepted".into(), command.into(), Some(vec![id]))
}
