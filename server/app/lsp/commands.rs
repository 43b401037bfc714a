//! `workspace/executeCommand`: an accepted suggestion, and the switch.

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{ExecuteCommandOptions, ExecuteCommandParams};

use super::backend::Backend;
use super::clients::Quirks;
use super::{configuration, copilot};

/// Run by the editor after it inserted a suggestion; its argument is the suggestion's id.
pub(super) const ACCEPT: &str = "lowkey.accept";
const PAUSE: &str = "lowkey.pause";
const RESUME: &str = "lowkey.resume";
const TOGGLE: &str = "lowkey.toggle";

/// What is advertised.
pub(super) fn options(quirks: Quirks) -> ExecuteCommandOptions {
    let accept = if quirks.copilot_command { copilot::ACCEPT } else { ACCEPT };
    ExecuteCommandOptions {
        commands: [accept, PAUSE, RESUME, TOGGLE].map(str::to_owned).to_vec(),
        ..ExecuteCommandOptions::default()
    }
}

impl Backend {
    /// Runs a command; the switching ones return `{"paused": …}`.
    pub(super) fn run_command(&self, params: &ExecuteCommandParams) -> Result<Option<Value>> {
        let Some(negotiated) = self.link.negotiated() else { return Ok(None) };
        let paused = match params.command.as_str() {
            ACCEPT | copilot::ACCEPT => {
                let id = params.arguments.first().and_then(copilot::id);
                let id = id.ok_or_else(|| {
                    Error::invalid_params("lowkey.accept takes the id of a suggestion")
                })?;
                negotiated.completer.accepted(id);
                return Ok(None);
            }
            PAUSE => true,
            RESUME => false,
            TOGGLE => !negotiated.completer.settings().paused,
            _ => {
                return Err(Error::invalid_params(format!(
                    "no such command; there are {ACCEPT}, {PAUSE}, {RESUME}, {TOGGLE}"
                )));
            }
        };
        self.link.configured().paused = Some(paused);
        // Problems of the other settings were told when those were set.
        configuration::put_in_force(&self.link);
        copilot::status::tell(&self.link, &self.client);
        Ok(Some(json!({ "paused": paused })))
    }
}
