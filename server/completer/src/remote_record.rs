//! The remote server in measurements: what it would be asked, and answers without a time limit.

use std::time::Duration;

use lowkey_remote::{Ask, RemoteTimeouts};

use crate::plain::plain;
use crate::refine_rules::is_unsure;
use crate::remote_settings::remote_config;
use crate::report::Report;
use crate::request::{ActiveRequest, CompletionRequest};
use crate::state::Completer;

impl Completer {
    /// Lets the completer ask the server of the settings, as [`Self::use_refiners`] does, and gives
    /// each call this time. Fails with the problem in words, also if the settings name no server.
    pub fn use_remote_within(&self, limit: Duration) -> Result<(), String> {
        let Some(config) = remote_config(&self.settings()).map_err(plain)? else {
            return Err("there is no remote server; set remote_url".to_owned());
        };
        let timeouts = RemoteTimeouts { read: limit, total: limit, ..config.timeouts };
        self.remote.enable();
        self.remote.apply(Some(lowkey_remote::RemoteConfig { timeouts, ..config }));
        Ok(())
    }

    /// Returns the prompt that a remote server would get, and whether it would be asked after this
    /// answer of the local model. `None` if the rules hide the document or no model is loaded.
    pub fn remote_ask(&self, request: &CompletionRequest, report: &Report) -> Option<(Ask, bool)> {
        let active = ActiveRequest::background(self.with_snippets(request.clone()));
        let prepared = self.prepare(&active, &self.settings()).ok()?;
        let prompts = self.remote.prompts()?;
        let ask = prepared.remote_ask(&prompts);
        Some((ask, prepared.lines.is_some() || is_unsure(report)))
    }
}
