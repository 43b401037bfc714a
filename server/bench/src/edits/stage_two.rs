//! The scenarios with a next-edit model: the search answers where it is sure, the model elsewhere,
//! as in an editor.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use lowkey_completer::settings::{NextEditSetting, Settings};
use lowkey_completer::{Completer, NextEditWork};
use lowkey_document::{ByteOffset, Snapshot};
use tokio::runtime::Runtime;

use super::run_scenario::{ReplayedEdit, ScenarioRow};
use super::scenario::Scenario;
use crate::Program;

/// A completer with a next-edit model.
pub(super) struct StageTwo {
    runtime: Runtime,
    completer: Arc<Completer>,
    before: NextEditWork,
}

impl StageTwo {
    /// Loads the model, which takes seconds.
    pub(super) fn start(
        model: &Path,
        careful: bool,
        settings: &Settings,
        program: &Program,
    ) -> anyhow::Result<Self> {
        let next_edit = if careful { NextEditSetting::Careful } else { NextEditSetting::Normal };
        let settings = Settings {
            next_edit,
            next_edit_model: model.display().to_string(),
            ..settings.clone()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let completer = Completer::start(settings, program.embedded, None)?;
        runtime.block_on(completer.ready());
        match runtime.block_on(completer.try_next_edit_model()) {
            Some(Ok(_)) => {}
            Some(Err(reason)) => bail!(reason),
            None => bail!("no next-edit model; name one with --next-edit-model"),
        }
        let before = completer.next_edit_work();
        Ok(Self { runtime, completer, before })
    }

    pub(super) fn run(&self, scenario: &Scenario) -> ScenarioRow {
        let cursors = scenario.cursors.iter();
        let runs: Vec<_> = cursors.map(|cursor| self.run_at(scenario, *cursor)).collect();
        scenario.judged(&runs)
    }

    /// Returns the text after the proposals; `None` if none was shown.
    fn run_at(&self, scenario: &Scenario, (row, column): (usize, usize)) -> Option<String> {
        let mut opened = Vec::new();
        let (completer, runtime) = (Arc::clone(&self.completer), &self.runtime);
        let _entered = runtime.enter();
        let mut snapshot: Snapshot = scenario.replayed(&mut |edit, _| match edit {
            ReplayedEdit::Opened(snapshot) => {
                completer.opened(snapshot);
                opened.push(snapshot.uri().clone());
            }
            ReplayedEdit::Changed(snapshot) => completer.changed(snapshot),
        });
        let mut cursor = ByteOffset(snapshot.line_start(row).0 + column);
        let mut shown = false;
        for _ in 0..scenario.n_requests() {
            let asked = completer.next_edit(&snapshot, cursor);
            let Ok(edit) = runtime.block_on(asked) else { break };
            shown = true;
            cursor = ByteOffset(edit.start.0 + edit.text.len());
            snapshot = snapshot.with_edit(edit.start..edit.end, &edit.text);
            completer.next_edit_accepted(edit.id);
            completer.changed(&snapshot);
        }
        for uri in opened {
            completer.closed(&uri);
        }
        shown.then(|| snapshot.text())
    }

    /// Returns what the model computed.
    pub(super) fn work(&self) -> NextEditWork {
        self.completer.next_edit_work().since(&self.before)
    }
}

/// Describes the model's work.
pub(super) fn says(work: &NextEditWork) -> String {
    let mean = |sum: f64| sum / work.answers.max(1) as f64;
    let share = |part: u64, of: u64| 100.0 * part as f64 / of.max(1) as f64;
    format!(
        "\nThe next-edit model answered {} times. Mean of an answer: {:.0} prompt tokens, {:.0} of them computed; {:.0} decoded, \
         {:.0} % of them drafted ({:.0} % of the drafts were right); {:.0} ms for the prompt, {:.0} ms for decoding.\n\
         The figures are those of this file: a model that was not trained on next edits shows only that it runs.\n",
        work.answers,
        mean(work.prompt as f64),
        mean(work.prefilled as f64),
        mean(work.decoded as f64),
        share(work.draft_accepted, work.decoded),
        share(work.draft_accepted, work.drafted),
        mean(work.prefill_ms),
        mean(work.decode_ms),
    )
}
