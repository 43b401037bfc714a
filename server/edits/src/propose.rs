//! From the newest hunks to the next edit.

use std::ops::Range;
use std::time::Duration;

use lowkey_document::{ByteOffset, Snapshot};

use crate::candidates::{SearchedPart, candidates_of};
use crate::history::EditHistory;
use crate::likelihood::EditFeatures;

/// Hunks from which something may follow, the newest ones.
const MAX_SOURCES: usize = 3;
/// The age at which nothing follows from a hunk any more.
const MAX_AGE: Duration = Duration::from_mins(10);
/// Candidates this much less probable than the best one are as good, if they are nearer.
const NEAR: f32 = 0.08;

/// A change at another place.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub range: Range<ByteOffset>,
    pub text: String,
    /// The probability that the place needs the change.
    pub probability: f32,
}

/// A place that the newest hunk's changes fit.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub proposal: Proposal,
    pub features: EditFeatures,
    /// Lines from the cursor to the place; negative above the cursor.
    pub lines_away: isize,
}

/// Returns the most probable next edit of a document that is at least as probable as `threshold`;
/// of several, the nearest to the cursor. `now` is in the time of the history.
pub fn propose(
    history: &EditHistory,
    snapshot: &Snapshot,
    cursor: ByteOffset,
    threshold: f32,
    now: Duration,
) -> Option<Proposal> {
    let recent =
        history.hunks().take(MAX_SOURCES).filter(|hunk| now.saturating_sub(hunk.at) < MAX_AGE);
    let part = SearchedPart::new(snapshot, cursor);
    for (age, hunk) in recent.enumerate() {
        let searched = candidates_of(history, hunk, &part);
        // What follows from an older hunk must be more probable.
        let threshold = 1.0 - (1.0 - threshold) / (age + 1) as f32;
        let best =
            searched.iter().map(|candidate| candidate.proposal.probability).fold(0.0, f32::max);
        let is_near =
            |candidate: &&Candidate| candidate.proposal.probability >= threshold.max(best - NEAR);
        // Places below the cursor come first.
        let order = |lines: isize| if lines >= 0 { lines } else { 1 - 2 * lines };
        let near =
            searched.iter().filter(is_near).min_by_key(|candidate| order(candidate.lines_away));
        let Some(near) = near else { continue };
        // The whole change of a place, not a part of it.
        let includes = |candidate: &&Candidate| {
            let (whole, part) = (&candidate.proposal.range, &near.proposal.range);
            whole.start <= part.start && part.end <= whole.end
        };
        let whole = searched
            .iter()
            .filter(|candidate| candidate.proposal.probability >= threshold)
            .filter(includes)
            .max_by_key(|candidate| {
                let range = &candidate.proposal.range;
                range.end.0.saturating_sub(range.start.0)
            });
        return Some(whole.unwrap_or(near).proposal.clone());
    }
    None
}

/// Returns every place in a document that the newest hunk's changes fit, with its features.
pub fn candidates(
    history: &EditHistory,
    snapshot: &Snapshot,
    cursor: ByteOffset,
) -> Vec<Candidate> {
    let part = SearchedPart::new(snapshot, cursor);
    let newest = history.hunks().next();
    newest.map(|hunk| candidates_of(history, hunk, &part)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
