//! The model of the setting `next_edit_model`: whether it loads, and one edit that it makes.
//!
//! The document is the program's own, so its lines may be shown.

use std::sync::Arc;

use lowkey_completer::plain::plain;
use lowkey_completer::{Completer, NextEditTrial};
use serde::Serialize;

/// What was found out about the model.
#[derive(Debug, Default, Serialize)]
pub(super) struct NextEditFindings {
    /// The setting's value, or the model's name after it was loaded.
    model: String,
    /// Why the model cannot be used; `null` if it can, or with `--no-self-test`.
    problem: Option<String>,
    /// The line that it changed, before and after; `null` if it changed none.
    edit: Option<[String; 2]>,
    /// Why it changed none.
    why_none: Option<String>,
    /// How long the edit took; `null` if the model was not asked.
    ms: Option<f64>,
}

/// Loads the model and lets it do one edit; `None` without the setting.
pub(super) async fn examine(
    completer: &Arc<Completer>,
    no_self_test: bool,
) -> Option<NextEditFindings> {
    let named = completer.settings().next_edit_model.trim().to_owned();
    if named.is_empty() {
        return None;
    }
    let found = NextEditFindings { model: plain(&named), ..NextEditFindings::default() };
    if no_self_test {
        return Some(found);
    }
    Some(match completer.try_next_edit_model().await? {
        Err(problem) => NextEditFindings { problem: Some(problem), ..found },
        Ok(NextEditTrial { model, edit, took }) => {
            let ms = Some((took.as_secs_f64() * 1e3).round());
            match edit {
                Ok((before, after)) => NextEditFindings {
                    model,
                    edit: Some([before, after].map(|line| plain(line.trim()))),
                    ms,
                    ..found
                },
                Err(why) => NextEditFindings { model, why_none: Some(why), ms, ..found },
            }
        }
    })
}

impl NextEditFindings {
    pub(super) fn says(&self) -> String {
        let Self { model, problem, edit, why_none, ms } = self;
        if let Some(problem) = problem {
            return problem.clone();
        }
        let Some(ms) = ms else { return format!("{model}; not run") };
        match (edit, why_none) {
            (Some([before, after]), _) => {
                format!("{model}: `{before}` became `{after}` after a rename above, in {ms} ms")
            }
            (None, why) => {
                let why = why.as_deref().unwrap_or("no reason is known");
                format!("{model}: no edit after a rename ({why}), in {ms} ms")
            }
        }
    }
}
