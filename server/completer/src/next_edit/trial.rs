//! One edit by the next-edit model, to show that it works.

use std::sync::Arc;
use std::time::Duration;

use lowkey_document::{ByteOffset, Document};
use lowkey_edits::Caution;

use super::NoNextEdit;
use crate::second_model::SecondModelState;
use crate::state::Completer;

/// The document of the trial: the parameter is renamed, its uses are not.
const BEFORE: &str = "def area(width, height):\n    size = width * height\n    print(width, size)\n    return size\n";
const RENAMED: &str = "width";
const NEW_NAME: &str = "breadth";

/// What the next-edit model did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextEditTrial {
    /// The model's name.
    pub model: String,
    /// The first edit: the changed line, before and after; or why there is none.
    pub edit: Result<(String, String), String>,
    /// How long the answer took.
    pub took: Duration,
}

impl Completer {
    /// Loads the model of the setting `next_edit_model` and lets it do one edit; `None` if the
    /// setting is empty. `Err` says why the model cannot be used.
    pub async fn try_next_edit_model(self: &Arc<Self>) -> Option<Result<NextEditTrial, String>> {
        let mut state = self.subscribe_next_edit_model();
        self.next_edit_model.engine();
        let is_known = |state: &SecondModelState| {
            !matches!(state, SecondModelState::Loading(_) | SecondModelState::Unused)
        };
        let state = state.wait_for(is_known).await.ok()?.clone();
        let model = match state {
            SecondModelState::Ready { model } => model,
            SecondModelState::Failed { reason } => return Some(Err(reason)),
            SecondModelState::Off | SecondModelState::Unused | SecondModelState::Loading(_) => {
                return None;
            }
        };
        let engine = self.next_edit_model.engine()?;
        let mut status = engine.subscribe();
        let is_loading =
            |status: &lowkey_engine::Status| matches!(status, lowkey_engine::Status::Loading(_));
        let _ = status.wait_for(|status| !is_loading(status)).await;
        // The document has no file, so that the rules for files cannot deny it.
        let opened = Document::open("untitled:lowkey-trial.py", "python", 0, BEFORE).snapshot();
        self.edits_opened(&opened);
        let at = ByteOffset(BEFORE.find(RENAMED).unwrap_or(0));
        let edited = opened.with_edit(at..ByteOffset(at.0 + RENAMED.len()), NEW_NAME);
        self.edits_changed(&edited);
        let began = std::time::Instant::now();
        let cursor = ByteOffset(at.0 + NEW_NAME.len());
        let predicted = self.predicted_edit(&edited, cursor, Caution::Normal).await;
        let took = began.elapsed();
        self.edits_closed(opened.uri());
        let edit = match predicted? {
            Ok(proposal) => {
                let line = edited.line_of(proposal.range.start);
                let after = edited.with_edit(proposal.range, &proposal.text);
                Ok((edited.line(line), after.line(line)))
            }
            Err(NoNextEdit::Quiet(why)) => Err(why),
            Err(NoNextEdit::Superseded) => Err("the text changed meanwhile".to_owned()),
        };
        Some(Ok(NextEditTrial { model, edit, took }))
    }
}
