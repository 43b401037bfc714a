//! Shortens the model's text until it is right in form, or silences it.
//!
//! The rules are an ordered list, one file each. A rule returns the part to keep and its reason. It
//! cannot write text, so it can only shorten it.
//! Each rule is applied until it makes no more cuts, and the list until no rule does. So each rule
//! and the whole list are idempotent.
//! Some steps are not rules, because they change the middle of the text or add to it. Before the
//! rules, a block is re-indented (`reindent.rs`) and commas before closers are removed. After the
//! rules, the tail that the answer replaces (`tail.rs`) and a missing comma after an element are
//! added.

mod balance;
mod blank_start;
mod comma;
mod dangling;
mod doubled_closer;
mod half_line;
mod indentation;
mod next_line;
mod previous_line;
mod quotes;
mod repetition;
mod stop_point;
mod suffix_overlap;
mod too_little;
mod trailing_space;
mod unit;

use std::borrow::Cow;
use std::ops::Range;

use crate::reindent;
use crate::request::{Completion, Request};
use crate::suggestion::{Suggestion, TrimOutcome, Trimmed};
use crate::surroundings::Surroundings;
use crate::tail;

/// The part that a rule keeps, and the reason for the cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The bytes to keep.
    pub keep: Range<usize>,
    /// The reason, in plain words and without text of the document.
    pub why: Cow<'static, str>,
}

impl Cut {
    /// Keeps the first `end` bytes.
    pub(crate) fn at(end: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self { keep: 0..end, why: why.into() }
    }
}

/// A trim: its name and its function.
struct Rule {
    name: &'static str,
    cut: fn(&Surroundings<'_>, &str) -> Option<Cut>,
}

/// The trims, in order. Rules for whole lines come before rules that look inside lines.
const RULES: &[Rule] = &[
    Rule { name: "stop rules", cut: stop_point::cut },
    Rule { name: "blank start", cut: blank_start::cut },
    Rule { name: "suffix overlap", cut: suffix_overlap::cut },
    Rule { name: "next line", cut: next_line::cut },
    Rule { name: "previous line", cut: previous_line::cut },
    Rule { name: "repetition", cut: repetition::cut },
    Rule { name: "indentation", cut: indentation::cut },
    Rule { name: unit::NAME, cut: unit::cut },
    Rule { name: "doubled closer", cut: doubled_closer::cut },
    Rule { name: "bracket balance", cut: balance::cut },
    Rule { name: "quote balance", cut: quotes::cut },
    Rule { name: "half block", cut: dangling::cut },
    Rule { name: "trailing space", cut: trailing_space::cut },
    Rule { name: comma::NAME, cut: comma::cut },
];

/// Longer completions are clipped: ten lines of code are never this long.
const MAX_COMPLETION_BYTES: usize = 8 << 10;

/// Returns the names of the rules that may shorten or silence, in order.
pub fn rule_names() -> Vec<&'static str> {
    let trims = RULES.iter().map(|rule| rule.name);
    [half_line::NAME].into_iter().chain(trims).chain([too_little::NAME]).collect()
}

/// Turns the model's text into a suggestion, or returns the rule that silenced it.
pub fn trim<'c>(request: &Request<'_>, completion: impl Into<Completion<'c>>) -> TrimOutcome {
    let completion = completion.into();
    let surroundings = Surroundings::new(request);
    let mut trims = Vec::new();
    let raw = completion.text;
    let end = raw.floor_char_boundary(MAX_COMPLETION_BYTES);
    let is_complete = completion.is_complete && end == raw.len();
    // Lines end with `\n` inside this function; the document's line ends are restored when the edit
    // is made.
    let mut text = raw.get(..end).unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
    if !is_complete && let Some(cut) = half_line::cut(&surroundings, &text) {
        apply(&mut text, half_line::NAME, cut, &mut trims);
    }
    if let Some(fitted) = reindent::fit(&surroundings, &text) {
        text = fitted;
        let why = "the block is indented as the editor has begun it".to_owned();
        trims.push(Trimmed { rule: unit::NAME, why, removed_bytes: 0 });
    }
    if let Some(fitted) = comma::without_last_commas(&surroundings, &text) {
        let removed_bytes = text.len() - fitted.len();
        text = fitted;
        let why = "no comma is allowed after the last element".to_owned();
        trims.push(Trimmed { rule: comma::NAME, why, removed_bytes });
    }
    apply_all(&surroundings, &mut text, &mut trims);
    let mut shown = tail::join(&surroundings, &text);
    if !text.is_empty() && comma::is_missing(&surroundings, &text, &shown) {
        shown.push(',');
        let why = "a comma follows an element".to_owned();
        trims.push(Trimmed { rule: comma::NAME, why, removed_bytes: 0 });
    }
    let Some(why) = too_little::reason(&surroundings, &text, &shown) else {
        let replaces_tail_bytes = request.replaced_tail.len();
        return TrimOutcome::Show(Suggestion { text: shown, replaces_tail_bytes, trims });
    };
    // The rule that removed the last text is the rule that silenced it.
    let rule = match trims.last() {
        Some(last) if text.is_empty() => last.rule,
        _ => {
            let rule = too_little::NAME;
            trims.push(Trimmed { rule, why: why.to_owned(), removed_bytes: 0 });
            rule
        }
    };
    TrimOutcome::Silent { rule, text, trims }
}

/// Applies the list until no rule makes a cut; each pass but the last shortens the text.
fn apply_all(surroundings: &Surroundings<'_>, text: &mut String, trims: &mut Vec<Trimmed>) {
    loop {
        let n_bytes = text.len();
        for rule in RULES {
            apply_rule(rule, surroundings, text, trims);
        }
        if text.len() == n_bytes {
            return;
        }
    }
}

/// Applies one rule until it makes no cut.
fn apply_rule(
    rule: &Rule,
    surroundings: &Surroundings<'_>,
    text: &mut String,
    trims: &mut Vec<Trimmed>,
) {
    while !text.is_empty() {
        let Some(cut) = (rule.cut)(surroundings, text) else { return };
        if !apply(text, rule.name, cut, trims) {
            return;
        }
    }
}

/// Applies a cut; returns whether it shortened the text.
fn apply(text: &mut String, rule: &'static str, cut: Cut, trims: &mut Vec<Trimmed>) -> bool {
    let end = text.floor_char_boundary(cut.keep.end);
    let start = text.floor_char_boundary(cut.keep.start.min(end));
    let removed_bytes = text.len() - (end - start);
    if removed_bytes == 0 {
        return false;
    }
    text.truncate(end);
    text.drain(..start);
    trims.push(Trimmed { rule, why: cut.why.into_owned(), removed_bytes });
    true
}

#[cfg(test)]
mod good_text;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
