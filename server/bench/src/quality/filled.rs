//! The file as an editor would show it with the answer accepted, and its score.

use lowkey_completer::{Answer, Outcome};
use lowkey_document::Snapshot;

use super::Case;
use super::score::{Score, score};

/// Returns the file with the answer accepted; `None` if nothing is shown.
pub(super) fn filled(snapshot: &Snapshot, answer: &Answer) -> Option<String> {
    match &answer.outcome {
        Outcome::Insert(insert) => {
            Some(snapshot.with_edit(insert.start..insert.end, &insert.text).text())
        }
        Outcome::Nothing | Outcome::Superseded => None,
    }
}

/// Returns the lines of a filled file that the hole touches.
pub(super) fn touched<'t>(case: &Case<'_>, text: &'t str) -> &'t str {
    let Case { source, hole, .. } = case;
    let n_below = source.text.len().saturating_sub(hole.end);
    text.get(hole.start..text.len().saturating_sub(n_below)).unwrap_or_default()
}

/// Scores a filled file.
pub(super) fn scored(case: &Case<'_>, text: &str) -> Score {
    let Case { source, hole, .. } = case;
    score(source.language, &source.text, hole, touched(case, text))
}
