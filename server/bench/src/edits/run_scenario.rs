//! Runs a scenario: the history is replayed as the user's edits, and every accepted proposal is
//! applied.

use std::time::Duration;

use lowkey_document::{ByteOffset, Document, Snapshot};
use lowkey_edits::{Caution, EditGate, EditHistory};
use serde::Serialize;

use super::scenario::{Scenario, ScenarioStep};

/// Accepted proposals in a scenario that asks once: the user accepts until lowkey is quiet.
const MAX_ACCEPTED: usize = 20;
/// Longest character n-grams of the similarity, and the weight of recall, as in chrF.
const MAX_GRAM: usize = 6;
const BETA: f64 = 2.0;

/// The outcome of a scenario.
#[derive(Debug, Serialize)]
pub(super) struct ScenarioRow {
    pub(super) id: String,
    /// Whether the scenario expects a change.
    pub(super) is_due: bool,
    pub(super) shown: bool,
    pub(super) exact: bool,
    /// chrF of the lines that differ from the text before, 0 to 1; 0 if nothing was shown.
    pub(super) similarity: f64,
}

/// A step of a replayed history.
pub(super) enum ReplayedEdit<'s> {
    Opened(&'s Snapshot),
    Changed(&'s Snapshot),
}

impl Scenario {
    /// Runs the scenario at each of its cursors; any proposal counts as shown.
    pub(super) fn run(&self, caution: Caution) -> ScenarioRow {
        let runs: Vec<Option<String>> =
            self.cursors.iter().map(|cursor| self.run_at(*cursor, caution)).collect();
        self.judged(&runs)
    }

    /// Compares the texts of the runs with the expected one; any proposal counts as shown.
    pub(super) fn judged(&self, runs: &[Option<String>]) -> ScenarioRow {
        let result = runs.iter().flatten().next();
        let similarity = match (result, &self.expected) {
            (Some(result), Some(expected)) => changed_similarity(&self.buffer, result, expected),
            _ => 0.0,
        };
        ScenarioRow {
            id: self.id.clone(),
            is_due: self.expected.is_some(),
            shown: result.is_some(),
            exact: result.is_some()
                && result.map(|text| text.trim_end())
                    == self.expected.as_deref().map(str::trim_end),
            similarity,
        }
    }

    /// Returns the text after the proposals; `None` if none was shown.
    fn run_at(&self, (row, column): (usize, usize), caution: Caution) -> Option<String> {
        let (mut history, mut snapshot) = self.replay();
        let mut now = Duration::from_secs(self.history.len() as u64);
        let gate = EditGate::default();
        let mut cursor = ByteOffset(snapshot.line_start(row).0 + column);
        let mut shown = false;
        for _ in 0..self.n_requests() {
            let Ok(proposal) = gate.next(&history, &snapshot, cursor, caution, now) else { break };
            shown = true;
            cursor = ByteOffset(proposal.range.start.0 + proposal.text.len());
            snapshot = snapshot.with_edit(proposal.range, &proposal.text);
            now += Duration::from_secs(1);
            history.changed(&snapshot, now);
        }
        shown.then(|| snapshot.text())
    }

    /// Returns how often lowkey is asked: each request is answered by a proposal, which the user
    /// accepts.
    pub(super) fn n_requests(&self) -> usize {
        let n = self.steps.iter().filter(|step| **step == ScenarioStep::Request).count();
        if self.steps.contains(&ScenarioStep::Accept) { n } else { MAX_ACCEPTED }
    }

    /// Returns the edit history, and the scenario's text after it.
    fn replay(&self) -> (EditHistory, Snapshot) {
        let mut history = EditHistory::default();
        let snapshot = self.replayed(&mut |edit, now| match edit {
            ReplayedEdit::Opened(snapshot) => history.opened(snapshot),
            ReplayedEdit::Changed(snapshot) => history.changed(snapshot, now),
        });
        (history, snapshot)
    }

    /// Passes the history's edits to `edited` with their times; returns the scenario's text after
    /// them.
    pub(super) fn replayed(&self, edited: &mut dyn FnMut(ReplayedEdit<'_>, Duration)) -> Snapshot {
        // Undo the edits in the text, the last one first, as far as it has them.
        let mut text = self.buffer.clone();
        let mut steps: Vec<(usize, Option<usize>)> = Vec::new();
        for (idx, edit) in self.history.iter().enumerate().rev() {
            let at =
                text.find(&edit.new).filter(|_| edit.file == self.file && !edit.new.is_empty());
            if let Some(at) = at {
                text.replace_range(at..at + edit.new.len(), &edit.old);
            }
            steps.push((idx, at));
        }
        let uri = format!("file:///{}", self.file);
        let mut snapshot = Document::open(&uri, &self.language, 1, &text).snapshot();
        edited(ReplayedEdit::Opened(&snapshot), Duration::ZERO);
        for (idx, at) in steps.into_iter().rev() {
            let Some(edit) = self.history.get(idx) else { continue };
            let now = Duration::from_secs(idx as u64);
            if let Some(at) = at {
                let range = ByteOffset(at)..ByteOffset(at + edit.old.len());
                snapshot = snapshot.with_edit(range, &edit.new);
                edited(ReplayedEdit::Changed(&snapshot), now);
            } else {
                // An edit of text that the scenario does not have: in a file of its own.
                let uri = format!("file:///{idx}/{}", edit.file);
                let other = Document::open(&uri, &self.language, 1, &edit.old).snapshot();
                edited(ReplayedEdit::Opened(&other), now);
                let end = ByteOffset(other.n_bytes());
                let other = other.with_edit(ByteOffset(0)..end, &edit.new);
                edited(ReplayedEdit::Changed(&other), now);
            }
        }
        snapshot
    }
}

/// Returns the chrF of the part in which three texts differ, in whole lines.
fn changed_similarity(before: &str, result: &str, expected: &str) -> f64 {
    let texts = [before, result, expected].map(|text| text.trim_end().lines().collect::<Vec<_>>());
    let [before, result, expected] = &texts;
    let shortest = texts.iter().map(Vec::len).min().unwrap_or(0);
    let same = |idx: usize, from_end: bool| {
        let line = |lines: &[&str]| {
            let at = if from_end { lines.len().checked_sub(idx + 1) } else { Some(idx) };
            at.and_then(|at| lines.get(at)).map(|line| (*line).to_owned())
        };
        line(before) == line(result) && line(before) == line(expected)
    };
    let head = (0..shortest).take_while(|&idx| same(idx, false)).count();
    let tail = (0..shortest - head).take_while(|&idx| same(idx, true)).count();
    let part = |lines: &[&str]| lines.get(head..lines.len() - tail).unwrap_or_default().join("\n");
    chrf(&part(result), &part(expected))
}

/// Returns the F-score of character n-grams up to 6, without blanks, recall weighted by 2.
fn chrf(result: &str, expected: &str) -> f64 {
    let chars = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<Vec<_>>();
    let (result, expected) = (chars(result), chars(expected));
    let mut scores = Vec::new();
    for n in 1..=MAX_GRAM {
        let mut rest: Vec<&[char]> = expected.windows(n).collect();
        let (n_result, n_expected) = (result.windows(n).count(), rest.len());
        if n_result == 0 || n_expected == 0 {
            continue;
        }
        let mut n_equal = 0.0;
        for gram in result.windows(n) {
            if let Some(at) = rest.iter().position(|other| *other == gram) {
                rest.swap_remove(at);
                n_equal += 1.0;
            }
        }
        let (precision, recall) = (n_equal / n_result as f64, n_equal / n_expected as f64);
        let weighted = BETA * BETA * precision + recall;
        scores.push(if weighted == 0.0 {
            0.0
        } else {
            (1.0 + BETA * BETA) * precision * recall / weighted
        });
    }
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_looks_at_the_changed_lines() {
        let before = "a\nold_name()\nb\n";
        assert_eq!(changed_similarity(before, "a\nnew_name()\nb\n", "a\nnew_name()\nb\n"), 1.0);
        assert_eq!(changed_similarity(before, "a\nxyz\nb\n", "a\nnew_name()\nb\n"), 0.0);
        let half = changed_similarity(before, "a\nnew_name\nb\n", "a\nnew_name()\nb\n");
        assert!(half > 0.5 && half < 1.0, "{half}");
    }
}
