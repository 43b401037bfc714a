//! How likely a place needs the change: a logistic model of facts about the change and the place.
//!
//! The weights come from edits between consecutive releases of packages; `server/training/edits_fit.py`
//! computes them from the output of `lowkey bench edits --features`.

use lowkey_document::lexical::TextKind;

use crate::places::Place;
use crate::rewrite::{Origin, Rewrite};
use crate::spelling::words;

mod weights;

use weights::WEIGHTS;

/// The names of the facts, in the order of [`Features`].
pub const FEATURES: [&str; 60] = [
    "bias",
    "renames",
    "renames_to_new",
    "renames_definition",
    "renames_to_known",
    "replaces",
    "inserts",
    "removes",
    "joined",
    "general",
    "style",
    "inside",
    "argument",
    "comment",
    "literal",
    "left",
    "right",
    "left_any",
    "right_any",
    "same_line",
    "evidence",
    "parts",
    "length",
    "places",
    "one_place",
    "keeps_old",
    "new_word",
    "several_lines",
    "lines_away",
    "below",
    "number",
    "short",
    "plain_word",
    "left_dot",
    "distinct_context",
    "hunk_lines",
    "place_defines",
    "same_defines",
    "defined_elsewhere",
    "new_defined",
    "place_imports",
    "imports",
    "similarity",
    "number_same_line",
    "right_call",
    "rename_similarity",
    "wide",
    "sure_rename",
    "in_scope",
    "rename_in_scope",
    "member_mismatch",
    "name_similarity",
    "insert_similarity",
    "remove_similarity",
    "replace_similarity",
    "general_similarity",
    "evidence_similarity",
    "literal_same_line",
    "line_number_differs",
    "argument_similarity",
];

/// Facts about a change and a place.
pub type Features = [f32; FEATURES.len()];

/// Facts that do not depend on the place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Places that the rewrite has.
    pub(crate) n_places: usize,
    /// Other hunks with the same rewrite.
    pub(crate) n_evidence: usize,
    /// Whether the text had the new words before.
    pub(crate) has_new_words: bool,
    pub(crate) n_hunk_lines: usize,
    /// Definitions of the replaced word, and of the new one, outside of the hunk.
    pub(crate) n_old_definitions: usize,
    pub(crate) n_new_definitions: usize,
}

/// Returns the features of a place.
pub(crate) fn features(rewrite: &Rewrite, place: &Place, facts: Facts, lines: isize) -> Features {
    let flag = |yes: bool| f32::from(u8::from(yes));
    let log = |n: usize| (n as f32).ln_1p();
    let exact = matches!(rewrite.origin, Origin::Part | Origin::Joined);
    let (old, new) = (&rewrite.key.0, &rewrite.key.1);
    let renames = rewrite.renames() && exact;
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let n_word_chars = old.chars().filter(|c| c.is_alphanumeric()).count();
    let is_new = !facts.has_new_words && !rewrite.new_words.is_empty();
    let plain = !old.contains(['_', '.']) && !old.chars().skip(1).any(char::is_uppercase);
    let origin = |origin: Origin| flag(rewrite.origin == origin);
    let contexts = place.n_left.min(6) as f32 / 6.0 * (place.n_right.min(6) as f32 / 6.0);
    [
        1.0,
        flag(renames),
        flag(renames && is_new),
        flag(renames && rewrite.defines),
        flag(renames && facts.has_new_words),
        flag(exact && !renames && !old.is_empty() && !new.is_empty()),
        flag(exact && old.is_empty()),
        flag(exact && new.is_empty()),
        origin(Origin::Joined),
        origin(Origin::General),
        origin(Origin::Style),
        origin(Origin::Inside),
        origin(Origin::LastArgument),
        flag(place.kind == TextKind::Comment),
        flag(place.kind == TextKind::Literal),
        place.n_left.min(6) as f32 / 6.0,
        place.n_right.min(6) as f32 / 6.0,
        flag(place.n_left > 0),
        flag(place.n_right > 0),
        flag(place.is_same_line),
        flag(facts.n_evidence > 0),
        log(rewrite.n_parts - 1),
        n_word_chars.min(24) as f32 / 24.0,
        log(facts.n_places),
        flag(facts.n_places == 1),
        flag(rewrite.keeps_old),
        flag(is_new),
        flag(new.contains('\n')),
        log(lines.unsigned_abs()) / 8.0,
        flag(lines > 0),
        flag(is_number(old) || is_number(new)),
        flag(n_word_chars < 3),
        flag(renames && plain),
        flag(renames && rewrite.left.first().is_some_and(|text| text == ".") && place.n_left > 0),
        contexts,
        log(facts.n_hunk_lines - 1),
        flag(renames && place.defines && !rewrite.defines),
        flag(renames && place.defines && rewrite.defines),
        flag(renames && facts.n_old_definitions > 0 && !rewrite.defines),
        flag(renames && facts.n_new_definitions > 0),
        flag(place.imports),
        flag(rewrite.imports),
        place.similarity,
        flag((is_number(old) || is_number(new)) && place.is_same_line),
        flag(renames && place.is_called && rewrite.right.first().is_some_and(|text| text == "(")),
        flag(renames) * place.similarity,
        flag(old.chars().filter(|c| !c.is_whitespace()).count() > 24),
        flag(renames && rewrite.defines && is_new && facts.n_old_definitions == 0),
        flag(place.is_in_scope),
        flag(renames && place.is_in_scope),
        flag(renames && place.is_member != rewrite.left.first().is_some_and(|text| text == ".")),
        flag(renames) * name_similarity(old, new),
        flag(exact && old.is_empty()) * place.similarity,
        flag(exact && new.is_empty()) * place.similarity,
        flag(exact && !renames && !old.is_empty() && !new.is_empty()) * place.similarity,
        origin(Origin::General) * place.similarity,
        flag(facts.n_evidence > 0) * place.similarity,
        flag(place.kind == TextKind::Literal && place.is_same_line),
        flag((is_number(old) || is_number(new)) && !place.is_same_line),
        origin(Origin::LastArgument) * place.similarity,
    ]
}

/// Returns the share of words that two names have in common.
fn name_similarity(old: &str, new: &str) -> f32 {
    let (old, new) = (words(old), words(new));
    let n_equal = old.iter().filter(|word| new.contains(word)).count();
    2.0 * n_equal as f32 / (old.len() + new.len()).max(1) as f32
}

/// Returns the probability that the place needs the change.
pub(crate) fn probability(features: &Features) -> f32 {
    let sum: f32 = features.iter().zip(&WEIGHTS).map(|(value, weight)| value * weight).sum();
    1.0 / (1.0 + (-sum).exp())
}
