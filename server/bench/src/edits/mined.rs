//! Edit histories mined from releases (`server/training/edits.py`), replayed.
//!
//! The user's edits are applied one after the other, as an editor sends them; after the last one a
//! proposal is asked for where the cursor then is.

use std::time::{Duration, Instant};

use lowkey_document::{ByteOffset, Document, Snapshot};
use lowkey_edits::{
    Candidate, Caution, Decision, EditGate, EditHistory, JudgementFacts, Proposal, candidates,
};
use serde::{Deserialize, Serialize};

use super::judge::{Splice, is_right};
use super::model_judge::ModelJudge;

/// One mined history.
#[derive(Debug, Deserialize)]
pub(super) struct MinedHistory {
    pub(super) package: String,
    path: String,
    /// `repeated`, `third`, `single`, `inserted`, `elsewhere` or `elsewhere-single`.
    pub(super) kind: String,
    text: String,
    edits: Vec<Splice>,
    changes: Vec<Splice>,
    /// The document in which the proposal is asked for, if it is not the edited one; `changes`
    /// belong to it.
    other: Option<OtherDocument>,
}

#[derive(Debug, Deserialize)]
struct OtherDocument {
    path: String,
    text: String,
}

/// What was proposed for a history.
#[derive(Debug, Serialize)]
pub(super) struct MinedRow {
    pub(super) package: String,
    path: String,
    pub(super) kind: String,
    pub(super) shown: bool,
    /// Whether the next release has this change.
    pub(super) right: bool,
    /// The line of the proposal, from 1, the replaced text and the new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<(usize, String, String)>,
    /// The time of the search, without the model.
    pub(super) ms: f64,
    /// The time of the model, and the tokens that it computed; `None` if it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) judged: Option<(f64, usize)>,
    /// What the model's answer says, and whether the judged proposal is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<(JudgementFacts, bool)>,
}

/// The features of a candidate, and whether it is right.
#[derive(Debug, Serialize)]
pub(super) struct LabelledCandidate<'h> {
    package: &'h str,
    kind: &'h str,
    history: usize,
    right: bool,
    lines_away: isize,
    features: Vec<f32>,
}

/// A history after its edits.
pub(super) struct Replayed {
    snapshot: Snapshot,
    text: String,
    cursor: ByteOffset,
    history: EditHistory,
}

impl MinedHistory {
    /// Applies the user's edits.
    pub(super) fn replay(&self) -> Replayed {
        let mut document = Document::open(&format!("file:///{}", self.path), "", 1, &self.text);
        let mut snapshot = document.snapshot();
        let mut history = EditHistory::default();
        history.opened(&snapshot);
        let mut cursor = ByteOffset(0);
        for (idx, edit) in self.edits.iter().enumerate() {
            let edited = snapshot.with_edit(ByteOffset(edit.0)..ByteOffset(edit.1), &edit.2);
            // A new revision, as an editor's change makes one.
            let change = lowkey_document::Change::Full(edited.text());
            let version = idx as i32 + 2;
            let _ = document.change(version, &[change], lowkey_document::PositionEncoding::Utf8);
            snapshot = document.snapshot();
            history.changed(&snapshot, Duration::from_secs(idx as u64));
            cursor = ByteOffset(edit.0 + edit.2.len());
        }
        if let Some(other) = &self.other {
            snapshot =
                Document::open(&format!("file:///{}", other.path), "", 1, &other.text).snapshot();
            history.opened(&snapshot);
            cursor = ByteOffset(0);
        }
        Replayed { text: snapshot.text(), snapshot, cursor, history }
    }

    /// Asks for the next edit, and compares it with the next release.
    pub(super) fn ask(
        &self,
        replayed: &Replayed,
        caution: Caution,
        judge: Option<&ModelJudge>,
    ) -> MinedRow {
        let Replayed { snapshot, text, cursor, history } = replayed;
        let now = Duration::from_secs(self.edits.len() as u64);
        let start = Instant::now();
        let gate = EditGate::default();
        let decision = match judge {
            None => gate.next(history, snapshot, *cursor, caution, now).map(Decision::Show),
            Some(_) => gate.next_or_ask(history, snapshot, *cursor, caution, now),
        };
        let ms = start.elapsed().as_secs_f64() * 1000.0;
        let mut judged = None;
        let mut facts = None;
        let proposal = match (decision, judge) {
            (Ok(Decision::Ask(proposal, question)), Some(judge)) => {
                let verdict = judge.judge(proposal.probability, question);
                judged = Some((verdict.ms, verdict.n_tokens));
                facts = verdict.facts.map(|facts| (facts, self.is_right(text, &proposal)));
                (verdict.probability >= caution.judged_threshold()).then_some(proposal)
            }
            (Ok(Decision::Show(proposal)), _) => Some(proposal),
            (Ok(Decision::Ask(..)) | Err(_), _) => None,
        };
        let is_right = proposal.as_ref().is_some_and(|proposal| self.is_right(text, proposal));
        let shown = proposal.map(|proposal| {
            let line = snapshot.line_of(proposal.range.start) + 1;
            (line, snapshot.slice(proposal.range), proposal.text)
        });
        MinedRow {
            package: self.package.clone(),
            path: self.path.clone(),
            kind: self.kind.clone(),
            shown: shown.is_some(),
            right: is_right,
            proposal: shown,
            ms,
            judged,
            facts,
        }
    }

    /// Returns every place that the newest edit's changes fit.
    pub(super) fn labelled(&self, replayed: &Replayed, idx: usize) -> Vec<LabelledCandidate<'_>> {
        let Replayed { snapshot, text, cursor, history } = replayed;
        let labelled = |candidate: Candidate| LabelledCandidate {
            package: &self.package,
            kind: &self.kind,
            history: idx,
            right: self.is_right(text, &candidate.proposal),
            lines_away: candidate.lines_away,
            features: candidate.features.to_vec(),
        };
        candidates(history, snapshot, *cursor).into_iter().map(labelled).collect()
    }

    fn is_right(&self, text: &str, proposal: &Proposal) -> bool {
        let range = proposal.range.start.0..proposal.range.end.0;
        is_right(text, &self.changes, &range, &proposal.text)
    }
}
