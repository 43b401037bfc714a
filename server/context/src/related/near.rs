//! The names around the cursor.

use std::collections::HashSet;

use crate::gather::Context;

/// Lines above and below the anchor that are searched.
const LINES_ABOVE: usize = 40;
const LINES_BELOW: usize = 12;
/// Shorter names are local variables.
const MIN_NAME_BYTES: usize = 3;
/// Maximum number of names.
const MAX_NAMES: usize = 256;

/// Returns the names around the anchor. Text typed on the cursor's line has no effect.
pub(super) fn names_near(context: &Context) -> HashSet<&str> {
    let above = context.prefix.lines().rev().take(LINES_ABOVE);
    let below = context.suffix.lines().take(LINES_BELOW);
    let mut near = HashSet::new();
    for name in above.chain(below).flat_map(names) {
        if near.len() >= MAX_NAMES {
            break;
        }
        near.insert(name);
    }
    near
}

/// Returns the identifiers of a text with at least three bytes, in order.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .filter(|word| word.len() >= MIN_NAME_BYTES && !word.starts_with(|c: char| c.is_numeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anchor, WindowBudget};
    use lowkey_document::fixture;

    #[test]
    fn names_above_and_below_are_near() {
        let (snapshot, cursor) =
            fixture::open("rust", "far();\nnear(far2, x);\n$0\nbelow(1234abc);\n");
        let budget = WindowBudget { prefix_bytes: 500, suffix_bytes: 500, whole_bytes: 1000 };
        let context = Context::gather(&snapshot, &cursor, "a.rs", &budget, Anchor::Lines(1));
        assert_eq!(names_near(&context), HashSet::from(["far2", "near", "below", "far"]));
    }
}
