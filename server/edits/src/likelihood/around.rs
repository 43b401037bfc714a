//! Facts about the surroundings of a place.

use crate::places::Place;

/// The names of the facts, in the order of [`facts_around`].
pub(super) const AROUND: [&str; 21] = [
    "above_similarity",
    "below_similarity",
    "block_similarity",
    "same_callee",
    "other_callee",
    "same_column",
    "columns_away",
    "same_indent",
    "deeper",
    "in_block",
    "nearer_places",
    "more_similar_places",
    "line_length",
    "place_in_definition",
    "file_tokens",
    "file_position",
    "in_test",
    "n_rewrites",
    "equal_line",
    "similar_share",
    "same_line_in_block",
];

/// What is known about the text and the other places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// Places of the rewrite that are nearer to the change (in another document, to its start), and
    /// those in lines more like the changed one.
    pub(crate) n_nearer: usize,
    pub(crate) n_more_similar: usize,
    /// Places in lines about as much like the changed one.
    pub(crate) n_similar: usize,
    pub(crate) n_places: usize,
    /// Whether no line between the change and the place is less indented than both.
    pub(crate) is_in_block: bool,
    /// Tokens of the searched text.
    pub(crate) n_file_tokens: usize,
    /// Where the change is in the searched text, from 0 to 1; 0 in another document.
    pub(crate) position: f32,
    /// Whether the path names tests.
    pub(crate) is_test: bool,
    /// Rewrites of the hunk.
    pub(crate) n_rewrites: usize,
}

/// Returns facts about the surroundings of a place.
pub(super) fn facts_around(place: &Place, around: &Around) -> [f32; AROUND.len()] {
    let flag = |yes: bool| f32::from(u8::from(yes));
    let log = |n: usize| (n as f32).ln_1p();
    let block = place.similarity + place.above_similarity + place.below_similarity;
    [
        place.above_similarity,
        place.below_similarity,
        block / 3.0,
        flag(place.is_same_callee),
        flag(place.is_other_callee),
        flag(place.columns_away == 0),
        log(place.columns_away),
        flag(place.indent == 0),
        flag(place.indent > 0),
        flag(around.is_in_block),
        log(around.n_nearer),
        log(around.n_more_similar),
        log(place.n_line_tokens),
        flag(place.is_definition),
        log(around.n_file_tokens) / 4.0,
        around.position,
        flag(around.is_test),
        log(around.n_rewrites),
        flag(place.similarity > 0.999),
        around.n_similar as f32 / around.n_places.max(1) as f32,
        flag(place.is_same_line && around.is_in_block),
    ]
}
