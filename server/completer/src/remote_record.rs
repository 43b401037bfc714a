//! What a remote server would be asked for a request, for measurements without one.

use lowkey_remote::Ask;

use crate::refine_rules::is_unsure;
use crate::report::Report;
use crate::request::{ActiveRequest, CompletionRequest};
use crate::state::Completer;

impl Completer {
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
