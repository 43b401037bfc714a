//! How likely a place needs the change: boosted trees of facts about the change and the place. A
//! logistic model chooses the places that they look at.
//!
//! Both are fitted to edits between consecutive releases of packages; `server/training/edits_fit.py`
//! computes them from the output of `lowkey bench edits --features`.

use lowkey_document::lexical::TextKind;

use crate::places::Place;
use crate::rewrite::{Origin, Rewrite};
use crate::spelling::words;

mod around;
mod change;
mod trees;
mod weights;

pub(crate) use around::Around;
use around::{AROUND, facts_around};
use change::{CHANGE_FACTS, change_facts};

use weights::WEIGHTS;

/// Places of a change that the trees look at.
const MAX_RANKED: usize = 64;

/// The names of the first facts of [`EditFeatures`].
const FACTS: [&str; 95] = [
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
    "n_done",
    "any_done",
    "old_uses",
    "new_uses",
    "same_lines",
    "only_same_line",
    "below_most_similar",
    "mean_similarity",
    "share_code",
    "share_calls",
    "python",
    "rust",
    "nearest",
    "is_nearest",
    "adjacent",
    "begins_alike",
    "ends_alike",
    "annotation",
    "trailing_comment",
    "comment_insert",
    "comment_remove",
    "comment_replace",
    "literal_insert",
    "literal_replace",
    "contains_old",
    "old_tokens",
    "new_tokens",
    "parts_in_line",
    "all_parts_in_line",
    "rewrite_member",
    "rewrite_call",
    "other_document",
    "import_rename",
    "share_same_lines",
    "known_new_uses",
];

/// Facts about a change and a place.
pub type EditFeatures = [f32; FACTS.len() + CHANGE_FACTS.len() + AROUND.len()];

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
    /// Places that have the new text already, with the same neighbours.
    pub(crate) n_done: usize,
    /// Uses of the replaced word, and of the rarest new one.
    pub(crate) n_old_uses: usize,
    pub(crate) n_new_uses: usize,
    /// Places of the rewrite in lines equal to the changed one, in code, before a call.
    pub(crate) n_same_lines: usize,
    pub(crate) n_in_code: usize,
    pub(crate) n_calls: usize,
    pub(crate) most_similar: f32,
    pub(crate) mean_similarity: f32,
    /// 1 for Python, 2 for Rust.
    pub(crate) language: u8,
    /// Lines to the nearest place.
    pub(crate) nearest: usize,
    /// Whether the document is the changed one.
    pub(crate) is_here: bool,
    /// Parts of the change that fit the line.
    pub(crate) n_parts_in_line: usize,
}

/// Returns the features of a place.
pub(crate) fn features(
    rewrite: &Rewrite,
    place: &Place,
    facts: Facts,
    around: &Around,
    lines: isize,
) -> EditFeatures {
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
    let share = |n: usize| n as f32 / facts.n_places.max(1) as f32;
    let new_first = rewrite.new_tokens.first().map(String::as_str).unwrap_or_default();
    let is_comment = place.kind == TextKind::Comment;
    let is_literal = place.kind == TextKind::Literal;
    let contexts = place.n_left.min(6) as f32 / 6.0 * (place.n_right.min(6) as f32 / 6.0);
    let facts: [f32; FACTS.len()] = [
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
        log(facts.n_done),
        flag(facts.n_done > 0),
        log(facts.n_old_uses),
        log(facts.n_new_uses),
        log(facts.n_same_lines),
        flag(place.is_same_line && facts.n_same_lines == 1),
        facts.most_similar - place.similarity,
        facts.mean_similarity,
        share(facts.n_in_code),
        share(facts.n_calls),
        flag(facts.language == 1),
        flag(facts.language == 2),
        log(facts.nearest) / 8.0,
        flag(facts.nearest == lines.unsigned_abs()),
        flag(lines.unsigned_abs() <= 2),
        flag(place.begins_alike),
        flag(place.ends_alike),
        flag(new_first == ":" || new.starts_with("->")),
        flag(new_first == "#" || new.starts_with("//")),
        flag(is_comment && old.is_empty()),
        flag(is_comment && new.is_empty()),
        flag(is_comment && !new.is_empty() && !old.is_empty()),
        flag(is_literal && old.is_empty()),
        flag(is_literal && !new.is_empty() && !old.is_empty()),
        flag(!old.is_empty() && new.contains(old.as_str())),
        log(rewrite.pattern.len()),
        log(rewrite.new_tokens.len()),
        facts.n_parts_in_line as f32 / rewrite.n_parts.max(1) as f32,
        flag(facts.n_parts_in_line >= rewrite.n_parts),
        flag(rewrite.left.first().is_some_and(|text| text == ".")),
        flag(rewrite.right.first().is_some_and(|text| text == "(")),
        flag(!facts.is_here),
        flag(renames && rewrite.imports),
        share(facts.n_same_lines),
        log(facts.n_new_uses) * flag(facts.has_new_words),
    ];
    let all = facts.into_iter().chain(change_facts(rewrite)).chain(facts_around(place, around));
    let mut features = [0.0; FACTS.len() + CHANGE_FACTS.len() + AROUND.len()];
    for (feature, fact) in features.iter_mut().zip(all) {
        *feature = fact;
    }
    features
}

/// Returns the share of words that two names have in common.
fn name_similarity(old: &str, new: &str) -> f32 {
    let (old, new) = (words(old), words(new));
    let n_equal = old.iter().filter(|word| new.contains(word)).count();
    2.0 * n_equal as f32 / (old.len() + new.len()).max(1) as f32
}

/// Returns the probabilities that places need the change. The trees look at those that the logistic
/// model finds most likely; the others are improbable.
pub(crate) fn probabilities(places: &[EditFeatures]) -> Vec<f32> {
    let score = |features: &EditFeatures| -> f32 {
        features.iter().zip(&WEIGHTS).map(|(value, weight)| value * weight).sum()
    };
    let mut order: Vec<(usize, f32)> = places.iter().map(score).enumerate().collect();
    if order.len() > MAX_RANKED {
        order.select_nth_unstable_by(MAX_RANKED, |a, b| b.1.total_cmp(&a.1));
        order.truncate(MAX_RANKED);
    }
    let mut probabilities = vec![0.0; places.len()];
    for (idx, _) in order {
        if let (Some(slot), Some(features)) = (probabilities.get_mut(idx), places.get(idx)) {
            *slot = sigmoid(trees::log_odds(features));
        }
    }
    probabilities
}

pub(crate) fn sigmoid(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}
