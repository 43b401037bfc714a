//! From the newest hunks to the next edit.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use lowkey_document::lexical::TextKind;
use lowkey_document::{ByteOffset, Snapshot};

use crate::history::EditHistory;
use crate::hunk::Hunk;
use crate::likelihood::{EditFeatures, Facts, features, probability};
use crate::places::{Place, Searched};
use crate::rewrite::{Origin, Rewrite, rewrites};
use crate::tokens::Tokens;

/// Hunks from which something may follow, the newest ones.
const MAX_SOURCES: usize = 3;
/// The age at which nothing follows from a hunk any more.
const MAX_AGE: Duration = Duration::from_mins(10);
/// Bytes of a text that are searched, around the newest hunk or the cursor.
const MAX_SEARCHED: usize = 256 << 10;
/// Lines below a hunk that may belong to its block.
const MAX_SCOPE_LINES: usize = 400;
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
    for (age, hunk) in recent.enumerate() {
        let searched = candidates_of(history, hunk, snapshot, cursor);
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
    let newest = history.hunks().next();
    newest.map(|hunk| candidates_of(history, hunk, snapshot, cursor)).unwrap_or_default()
}

fn candidates_of(
    history: &EditHistory,
    hunk: &Hunk,
    snapshot: &Snapshot,
    cursor: ByteOffset,
) -> Vec<Candidate> {
    let rewrites = rewrites(hunk);
    if rewrites.is_empty() {
        return Vec::new();
    }
    let part = searched_part(snapshot, cursor);
    let base = part.start.0;
    let scanner = snapshot.lexical_state(snapshot.line_of(part.start));
    let searched = Searched::new(Tokens::new(snapshot.slice(part), &scanner));
    // Text that the user has edited is left alone.
    let edited: Vec<Range<usize>> =
        history.hunks().filter(|other| other.uri == *snapshot.uri()).map(Hunk::lines).collect();
    let earlier: Vec<Rewrite> = history
        .hunks()
        .filter(|other| !std::ptr::eq(*other, hunk))
        .flat_map(crate::rewrite::rewrites)
        .collect();
    let scope = (hunk.uri == *snapshot.uri()).then(|| scope_of(hunk, snapshot));
    let cursor_line = snapshot.line_of(cursor) as isize;
    let mut found = Vec::new();
    let mut by_rewrite: Vec<(&Rewrite, Vec<Place>)> = Vec::new();
    for rewrite in &rewrites {
        // The newest hunk takes back what an earlier one did.
        let reverts =
            |other: &Rewrite| other.key.0 == rewrite.key.1 && other.key.1 == rewrite.key.0;
        if earlier.iter().any(reverts) {
            continue;
        }
        let places: Vec<_> = searched
            .places(rewrite)
            .into_iter()
            .filter(|place| {
                let range = base + place.range.start..base + place.range.end;
                let is_edited =
                    edited.iter().any(|lines| range.start <= lines.end && lines.start <= range.end);
                !is_edited && searched.tokens.text.get(place.range.clone()) != Some(&place.text)
            })
            .collect();
        by_rewrite.push((rewrite, places));
    }
    // The parts of the change that fit each line.
    let mut n_parts: HashMap<usize, usize> = HashMap::new();
    for (_, places) in by_rewrite.iter().filter(|(rewrite, _)| rewrite.origin == Origin::Part) {
        let lines: HashSet<usize> = places.iter().map(|place| place.line).collect();
        for line in lines {
            *n_parts.entry(line).or_default() += 1;
        }
    }
    let language = snapshot.uri().as_str().rsplit('.').next().unwrap_or_default().to_owned();
    let is_here = hunk.uri == *snapshot.uri();
    for (rewrite, places) in by_rewrite {
        let n_in_hunk = |word: &String| {
            let new = hunk.new_lines.matches(word.as_str()).count();
            if hunk.uri == *snapshot.uri() { new } else { 0 }
        };
        let facts = Facts {
            n_places: places.len(),
            n_evidence: earlier.iter().filter(|other| other.key == rewrite.key).count(),
            has_new_words: rewrite
                .new_words
                .iter()
                .all(|word| searched.n_uses(word) > n_in_hunk(word)),
            n_old_definitions: searched.n_definitions(&rewrite.key.0),
            n_new_definitions: searched.n_definitions(&rewrite.key.1),
            n_hunk_lines: hunk.new_lines.lines().count().max(1),
            n_done: searched
                .n_done(rewrite, &rewrite.new_tokens)
                .saturating_sub(usize::from(is_here)),
            n_old_uses: searched.n_uses(&rewrite.key.0),
            n_new_uses: rewrite
                .new_words
                .iter()
                .map(|word| searched.n_uses(word))
                .min()
                .unwrap_or(0),
            n_same_lines: places.iter().filter(|place| place.is_same_line).count(),
            most_similar: places.iter().map(|place| place.similarity).fold(0.0, f32::max),
            mean_similarity: places.iter().map(|place| place.similarity).sum::<f32>()
                / places.len().max(1) as f32,
            n_in_code: places.iter().filter(|place| place.kind == TextKind::Code).count(),
            n_calls: places.iter().filter(|place| place.is_called).count(),
            language: match language.as_str() {
                "py" | "pyi" => 1,
                "rs" => 2,
                _ => 0,
            },
            nearest: places
                .iter()
                .map(|place| {
                    (snapshot.line_of(ByteOffset(base + place.range.start)) as isize - cursor_line)
                        .unsigned_abs()
                })
                .min()
                .unwrap_or(0),
            is_here,
            n_parts_in_line: 0,
        };
        for mut place in places {
            place.is_in_scope = scope.as_ref().is_some_and(|scope| {
                (scope.start..scope.end).contains(&(base + place.range.start))
            });
            let at = ByteOffset(base + place.range.start);
            let line = snapshot.line(snapshot.line_of(at));
            if history.is_taken_back(snapshot.uri(), &line) {
                continue;
            }
            let lines_away = snapshot.line_of(at) as isize - cursor_line;
            let facts =
                Facts { n_parts_in_line: n_parts.get(&place.line).copied().unwrap_or(0), ..facts };
            let features = features(rewrite, &place, facts, lines_away);
            let proposal = Proposal {
                range: at..ByteOffset(base + place.range.end),
                text: place.text,
                probability: probability(&features),
            };
            found.push(Candidate { proposal, features, lines_away });
        }
    }
    found
}

/// Returns the text below a hunk up to the first line that is less indented: the rest of its block.
fn scope_of(hunk: &Hunk, snapshot: &Snapshot) -> Range<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let first = hunk.new_lines.lines().find(|line| !line.trim().is_empty());
    let columns = first.map_or(0, indent);
    let start = hunk.lines().end;
    let mut line = snapshot.line_of(ByteOffset(start)) + 1;
    let last = (line + MAX_SCOPE_LINES).min(snapshot.n_lines());
    while line < last {
        let text = snapshot.line(line);
        if !text.trim().is_empty() && indent(&text) < columns {
            break;
        }
        line += 1;
    }
    start..snapshot.line_start(line).0
}

/// Returns the searched part of a text, in whole lines.
fn searched_part(snapshot: &Snapshot, cursor: ByteOffset) -> Range<ByteOffset> {
    if snapshot.n_bytes() <= MAX_SEARCHED {
        return ByteOffset(0)..ByteOffset(snapshot.n_bytes());
    }
    let start = ByteOffset(cursor.0.saturating_sub(MAX_SEARCHED / 2));
    let end = ByteOffset(start.0 + MAX_SEARCHED);
    let start = snapshot.line_start(snapshot.line_of(start));
    start..snapshot.line_start(snapshot.line_of(end)).max(start)
}

#[cfg(test)]
mod tests;
