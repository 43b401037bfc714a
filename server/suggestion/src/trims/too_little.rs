//! Silences a suggestion that adds too little to be worth showing.

use crate::surroundings::Surroundings;

pub(super) const NAME: &str = "too little";

/// Returns why not to show `shown`, which is `text` with the replaced tail put back.
pub(super) fn reason(
    surroundings: &Surroundings<'_>,
    text: &str,
    shown: &str,
) -> Option<&'static str> {
    if text.is_empty() {
        return Some("the model has nothing to add");
    }
    if text.trim().is_empty() {
        return Some("only blanks");
    }
    let is_there = shown.trim_end() == surroundings.request.replaced_tail.trim_end();
    is_there.then_some("only closers that are there already")
}
