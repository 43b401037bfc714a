//! Settings at run time: sent by the editor, or requested from it.
//!
//! A sent section takes effect before the next message is handled. A request waits for the editor
//! and runs in its own task; if newer settings arrive first, its answer is dropped.

use lowkey_completer::plain::plain;
use lowkey_completer::settings::Settings;
use serde_json::Value;
use tower_lsp::ls_types::{ConfigurationItem, MessageType, Registration};

use super::completion;
use crate::lsp::copilot;
use crate::lsp::session::{Configured, NegotiatedState, Session};

/// lowkey's section in an editor's settings.
const SECTION: &str = "lowkey";

/// Handles `workspace/didChangeConfiguration`.
pub(in crate::lsp) fn changed(session: &Session, settings: &Value) {
    match settings.get(SECTION) {
        Some(section @ Value::Object(_)) => take(session, section),
        // Many editors send null, or other sections only, and expect a request.
        _ => fetch(session),
    }
}

/// Requests lowkey's section, if the client supports it.
pub(super) fn fetch(session: &Session) {
    if !session.negotiated().is_some_and(|negotiated| negotiated.client.configuration) {
        return;
    }
    let asked_at = session.configured().n_changes;
    let session = session.clone();
    tokio::spawn(async move {
        let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.into()) };
        let sections = match session.client().configuration(vec![item]).await {
            Ok(sections) => sections,
            Err(error) => {
                tracing::warn!(code = error.code.code(), "the editor did not send its settings");
                return;
            }
        };
        let Some(section @ Value::Object(_)) = sections.first() else { return };
        if session.configured().n_changes == asked_at {
            take(&session, section);
        }
    });
}

/// Merges a section into the editor's values and applies the settings.
fn take(session: &Session, section: &Value) {
    session.configured().lay(section);
    let mut problems = put_in_force(session);
    copilot::status::notify(session);
    if session.negotiated().is_some_and(NegotiatedState::pops_up) {
        register_completion(session);
    }
    problems.dedup();
    show(session, &problems);
}

/// Shows all problems in one message, if there are any.
pub(super) fn show(session: &Session, problems: &[String]) {
    if problems.is_empty() {
        return;
    }
    let words = plain(format_args!("lowkey: {}", problems.join("; ")));
    let client = session.client().clone();
    tokio::spawn(async move { client.show_message(MessageType::WARNING, words).await });
}

/// Resolves all layers of settings again and applies them to the completer; returns problems in
/// words.
pub(super) fn put_in_force(session: &Session) -> Vec<String> {
    let Some(negotiated) = session.negotiated() else { return Vec::new() };
    let (mut settings, mut problems, paused) = {
        let configured = session.configured();
        let (settings, problems) = Settings::load(&configured.editor);
        (settings, problems, configured.paused)
    };
    settings.paused = paused.unwrap_or(settings.paused);
    tracing::info!(paused = settings.paused, problems = problems.len(), "settings in force");
    problems.extend(negotiated.completer.configure(settings));
    problems
}

/// Registers completion with a client that was not offered it at `initialize`.
fn register_completion(session: &Session) {
    let can = session.negotiated().is_some_and(|negotiated| negotiated.client.registers_completion);
    if !can || std::mem::replace(&mut session.configured().completion_registered, true) {
        return;
    }
    let mut options = serde_json::to_value(completion::options()).unwrap_or_default();
    if let Some(options) = options.as_object_mut() {
        // The protocol requires it; null means every document.
        options.insert("documentSelector".into(), Value::Null);
    }
    let registration = Registration {
        id: "lowkey-completion".into(),
        method: "textDocument/completion".into(),
        register_options: Some(options),
    };
    let client = session.client().clone();
    tokio::spawn(async move {
        if let Err(error) = client.register_capability(vec![registration]).await {
            tracing::warn!(code = error.code.code(), "the editor did not register completion");
        }
    });
}

impl Configured {
    /// Merges `section` into the editor's values, key by key.
    fn lay(&mut self, section: &Value) {
        self.n_changes += 1;
        if section.get("paused").is_some_and(|paused| !paused.is_null()) {
            // The editor's value is newer than the command's.
            self.paused = None;
        }
        if !self.editor.is_object() {
            self.editor = Value::Object(serde_json::Map::new());
        }
        // initializationOptions come with or without the outer key.
        let nested = self.editor.get(SECTION).is_some_and(Value::is_object);
        let base = if nested { self.editor.get_mut(SECTION) } else { Some(&mut self.editor) };
        let Some(base) = base.and_then(Value::as_object_mut) else { return };
        for (key, value) in section.as_object().into_iter().flatten() {
            base.insert(key.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn section_is_merged_into_editor_values() {
        for (before, after) in [
            (Value::Null, json!({"paused": true})),
            (json!("nonsense"), json!({"paused": true})),
            (json!({"max_lines": 3}), json!({"max_lines": 3, "paused": true})),
            (json!({"paused": false}), json!({"paused": true})),
            (
                json!({"lowkey": {"max_lines": 3}, "editorInfo": 1}),
                json!({"lowkey": {"max_lines": 3, "paused": true}, "editorInfo": 1}),
            ),
        ] {
            let mut configured = Configured { editor: before, ..Configured::default() };
            configured.lay(&json!({"paused": true}));
            assert_eq!(configured.editor, after);
        }
    }

    #[test]
    fn editor_settings_override_the_command() {
        let mut configured = Configured { paused: Some(true), ..Configured::default() };
        configured.lay(&json!({"max_lines": 3, "paused": null}));
        assert_eq!(configured.paused, Some(true));
        configured.lay(&json!({"paused": false}));
        assert_eq!(configured.paused, None);
    }
}
