//! The places in a document that a hunk's changes fit, each with its probability.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use lowkey_document::lexical::TextKind;
use lowkey_document::{ByteOffset, Snapshot};

use crate::blocks::Blocks;
use crate::history::EditHistory;
use crate::hunk::Hunk;
use crate::likelihood::{Around, EditFeatures, Facts, features, probabilities};
use crate::places::Place;
use crate::propose::{Candidate, Proposal};
use crate::rewrite::{Origin, Rewrite, rewrites};
use crate::searched::Searched;
use crate::tokens::Tokens;

/// Bytes of a text that are searched, around the cursor.
const MAX_SEARCHED: usize = 256 << 10;
/// Lines below a hunk that may belong to its block.
const MAX_SCOPE_LINES: usize = 400;
/// Similarities that differ by at most this count as equal.
const SIMILAR: f32 = 0.05;

/// The part of a document that is searched, around the cursor. It is read when a hunk has changes that
/// may be needed elsewhere, once for all hunks.
pub(crate) struct SearchedPart<'d> {
    snapshot: &'d Snapshot,
    cursor: ByteOffset,
    range: Range<ByteOffset>,
    searched: OnceCell<Searched>,
}

impl<'d> SearchedPart<'d> {
    /// `cursor` is where the user is.
    pub(crate) fn new(snapshot: &'d Snapshot, cursor: ByteOffset) -> Self {
        let range = searched_part(snapshot, cursor);
        Self { snapshot, cursor, range, searched: OnceCell::new() }
    }

    fn searched(&self) -> &Searched {
        self.searched.get_or_init(|| {
            let scanner = self.snapshot.lexical_state(self.snapshot.line_of(self.range.start));
            Searched::new(Tokens::new(self.snapshot.slice(self.range.clone()), &scanner))
        })
    }
}

/// Returns the places in a document that a hunk's changes fit, with their probabilities.
pub(crate) fn candidates_of(
    history: &EditHistory,
    hunk: &Hunk,
    part: &SearchedPart<'_>,
) -> Vec<Candidate> {
    let rewrites = rewrites(hunk);
    if rewrites.is_empty() {
        return Vec::new();
    }
    let search = Search::new(history, hunk, part);
    let earlier = search.earlier_rewrites();
    // The newest hunk may take back what an earlier one did.
    let reverts = |rewrite: &Rewrite| {
        let is_reverse =
            |other: &Rewrite| other.key.0 == rewrite.key.1 && other.key.1 == rewrite.key.0;
        earlier.iter().any(is_reverse)
    };
    let found: Vec<(&Rewrite, Vec<Place>)> = rewrites
        .iter()
        .filter(|rewrite| !reverts(rewrite))
        .map(|rewrite| (rewrite, search.places(rewrite)))
        .collect();
    let n_parts = parts_by_line(&found);
    let mut candidates = Vec::new();
    for (rewrite, places) in found {
        let facts = search.facts(rewrite, &places, &earlier);
        let around = search.around(&places, rewrites.len());
        for (place, around) in places.into_iter().zip(around) {
            let n_parts_in_line = n_parts.get(&place.line).copied().unwrap_or(0);
            candidates.extend(search.candidate(
                rewrite,
                place,
                Facts { n_parts_in_line, ..facts },
                &around,
            ));
        }
    }
    let features: Vec<EditFeatures> =
        candidates.iter().map(|candidate: &Candidate| candidate.features).collect();
    for (candidate, probability) in candidates.iter_mut().zip(probabilities(&features)) {
        candidate.proposal.probability = probability;
    }
    candidates
}

/// Returns how many parts of the change fit each line.
fn parts_by_line(found: &[(&Rewrite, Vec<Place>)]) -> HashMap<usize, usize> {
    let mut n_parts: HashMap<usize, usize> = HashMap::new();
    for (_, places) in found.iter().filter(|(rewrite, _)| rewrite.origin == Origin::Part) {
        let lines: HashSet<usize> = places.iter().map(|place| place.line).collect();
        for line in lines {
            *n_parts.entry(line).or_default() += 1;
        }
    }
    n_parts
}

/// A search of one document for what follows from one hunk.
struct Search<'s> {
    history: &'s EditHistory,
    hunk: &'s Hunk,
    snapshot: &'s Snapshot,
    searched: &'s Searched,
    /// The start of the searched part.
    base: usize,
    cursor_line: usize,
    /// Whether the hunk is in this document.
    is_here: bool,
    /// The hunk's line in the searched text, its block, and the text below that belongs to it;
    /// `None` if the hunk is not there.
    hunk_line: Option<usize>,
    blocks: Option<Blocks>,
    scope: Option<Range<usize>>,
    /// The lines of this document that the user has edited.
    edited: Vec<Range<usize>>,
}

impl<'s> Search<'s> {
    fn new(history: &'s EditHistory, hunk: &'s Hunk, part: &'s SearchedPart<'_>) -> Self {
        let (snapshot, searched, base) = (part.snapshot, part.searched(), part.range.start.0);
        let is_here = hunk.uri == *snapshot.uri();
        let in_document = history.hunks().filter(|other| other.uri == *snapshot.uri());
        let start = hunk.lines().start.wrapping_sub(base);
        let is_in_part = is_here && (0..=searched.tokens.text.len()).contains(&start);
        let hunk_line = is_in_part.then(|| searched.line_number_at(start));
        Self {
            history,
            hunk,
            snapshot,
            base,
            is_here,
            cursor_line: snapshot.line_of(part.cursor),
            blocks: hunk_line.map(|line| Blocks::around(searched, line)),
            scope: is_here.then(|| scope_of(hunk, snapshot)),
            edited: in_document.map(Hunk::lines).collect(),
            hunk_line,
            searched,
        }
    }

    fn earlier_rewrites(&self) -> Vec<Rewrite> {
        let others = self.history.hunks().filter(|other| !std::ptr::eq(*other, self.hunk));
        others.flat_map(rewrites).collect()
    }

    /// Returns the places of a rewrite outside of the text that the user has edited.
    fn places(&self, rewrite: &Rewrite) -> Vec<Place> {
        let is_free = |place: &Place| {
            let [start, end] = [place.range.start, place.range.end].map(|at| self.base + at);
            let is_edited =
                self.edited.iter().any(|lines| start <= lines.end && lines.start <= end);
            !is_edited && self.searched.tokens.text.get(place.range.clone()) != Some(&place.text)
        };
        let mut places = self.searched.places(rewrite, self.hunk_line);
        places.retain(is_free);
        for place in &mut places {
            let at = self.base + place.range.start;
            place.is_in_scope = self.scope.as_ref().is_some_and(|scope| scope.contains(&at));
        }
        places
    }

    fn facts(&self, rewrite: &Rewrite, places: &[Place], earlier: &[Rewrite]) -> Facts {
        let searched = self.searched;
        let is_here = self.is_here;
        // What the hunk itself brings does not count.
        let n_in_hunk = |word: &str| {
            if is_here { self.hunk.new_lines.matches(word).count() } else { 0 }
        };
        let new_words = || rewrite.new_words.iter();
        let n_places = places.len();
        Facts {
            n_places,
            n_evidence: earlier.iter().filter(|other| other.key == rewrite.key).count(),
            has_new_words: new_words().all(|word| searched.n_uses(word) > n_in_hunk(word)),
            n_old_definitions: searched.n_definitions(&rewrite.key.0),
            n_new_definitions: searched.n_definitions(&rewrite.key.1),
            n_hunk_lines: self.hunk.new_lines.lines().count().max(1),
            n_done: searched.n_done(rewrite).saturating_sub(usize::from(is_here)),
            n_old_uses: searched.n_uses(&rewrite.key.0),
            n_new_uses: new_words().map(|word| searched.n_uses(word)).min().unwrap_or(0),
            n_same_lines: places.iter().filter(|place| place.is_same_line).count(),
            most_similar: places.iter().map(|place| place.similarity).fold(0.0, f32::max),
            mean_similarity: places.iter().map(|place| place.similarity).sum::<f32>()
                / n_places.max(1) as f32,
            n_in_code: places.iter().filter(|place| place.kind == TextKind::Code).count(),
            n_calls: places.iter().filter(|place| place.is_called).count(),
            language: match self.snapshot.uri().as_str().rsplit('.').next() {
                Some("py" | "pyi") => 1,
                Some("rs") => 2,
                _ => 0,
            },
            nearest: places
                .iter()
                .map(|place| self.lines_away(place).unsigned_abs())
                .min()
                .unwrap_or(0),
            is_here,
            n_parts_in_line: 0,
        }
    }

    /// Returns the surroundings of each of a rewrite's places.
    fn around(&self, places: &[Place], n_rewrites: usize) -> Vec<Around> {
        let away = |place: &Place| match self.hunk_line {
            Some(hunk_line) => place.line.abs_diff(hunk_line),
            None => place.line,
        };
        let mut distances: Vec<usize> = places.iter().map(away).collect();
        distances.sort_unstable();
        let mut similarities: Vec<f32> = places.iter().map(|place| place.similarity).collect();
        similarities.sort_unstable_by(f32::total_cmp);
        let n_above = |least: f32| {
            similarities.len() - similarities.partition_point(|similarity| *similarity <= least)
        };
        let is_test = names_tests(self.snapshot.uri().as_str());
        let around = |place: &Place| Around {
            n_nearer: distances.partition_point(|distance| *distance < away(place)),
            n_more_similar: n_above(place.similarity),
            n_similar: n_above(place.similarity - SIMILAR) - n_above(place.similarity + SIMILAR),
            n_places: places.len(),
            is_in_block: self.blocks.as_ref().is_some_and(|blocks| blocks.contains(place.line)),
            n_file_tokens: self.searched.n_tokens(),
            position: self.hunk_line.unwrap_or(0) as f32 / self.searched.n_lines().max(1) as f32,
            is_test,
            n_rewrites,
        };
        places.iter().map(around).collect()
    }

    /// Returns a place with its features and without its probability; `None` where the user took
    /// an edit back.
    fn candidate(
        &self,
        rewrite: &Rewrite,
        place: Place,
        facts: Facts,
        around: &Around,
    ) -> Option<Candidate> {
        let at = ByteOffset(self.base + place.range.start);
        if self.history.has_taken_back(self.snapshot.uri()) {
            let line = self.snapshot.line(self.snapshot.line_of(at));
            if self.history.is_taken_back(self.snapshot.uri(), &line) {
                return None;
            }
        }
        let lines_away = self.lines_away(&place);
        let features = features(rewrite, &place, facts, around, lines_away);
        let range = at..ByteOffset(self.base + place.range.end);
        let proposal = Proposal { range, text: place.text, probability: 0.0 };
        Some(Candidate { proposal, features, lines_away })
    }

    /// Returns the lines from the cursor to a place; negative above the cursor.
    fn lines_away(&self, place: &Place) -> isize {
        let line = self.snapshot.line_of(ByteOffset(self.base + place.range.start));
        line as isize - self.cursor_line as isize
    }
}

/// Whether a file's name or its folders' names say that it has tests.
fn names_tests(uri: &str) -> bool {
    let mut words =
        uri.rsplit('/').take(3).flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
    words.any(|word| matches!(word, "test" | "tests" | "testing" | "spec" | "specs"))
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
