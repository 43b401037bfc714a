//! The names around the cursor, nearest first.

use std::collections::HashMap;

use crate::gather::Context;

/// Lines above and below the anchor that are searched.
const LINES_ABOVE: usize = 40;
const LINES_BELOW: usize = 12;
/// Shorter names are local variables.
const MIN_NAME_BYTES: usize = 3;
/// Maximum number of names.
const MAX_NAMES: usize = 256;

/// The names in the window around the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Near<'c> {
    /// Each name's distance from the anchor in lines.
    distances: HashMap<&'c str, usize>,
}

impl<'c> Near<'c> {
    /// Reads the names around the anchor. Text typed on the cursor's line has no effect.
    pub(super) fn of(context: &'c Context) -> Self {
        let above = context.prefix.lines().rev().take(LINES_ABOVE).enumerate();
        let below = context.suffix.lines().take(LINES_BELOW).enumerate();
        let mut distances = HashMap::new();
        for (distance, line) in above.chain(below) {
            for name in names(line) {
                if distances.len() >= MAX_NAMES && !distances.contains_key(name) {
                    continue;
                }
                let known = distances.entry(name).or_insert(distance);
                *known = distance.min(*known);
            }
        }
        Self { distances }
    }

    /// Returns how many lines a name is away; `None` if it is not near.
    pub(super) fn distance(&self, name: &str) -> Option<usize> {
        self.distances.get(name).copied()
    }

    /// Returns the names, nearest first; names of one line in alphabetical order.
    pub(super) fn nearest_first(&self) -> Vec<&'c str> {
        let mut names: Vec<(usize, &str)> =
            self.distances.iter().map(|(&name, &distance)| (distance, name)).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }
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
    fn nearest_names_are_first() {
        let (snapshot, cursor) =
            fixture::open("rust", "far();\nnear(far2, x);\n$0\nbelow(1234abc);\n");
        let budget = WindowBudget { prefix_bytes: 500, suffix_bytes: 500, whole_bytes: 1000 };
        let context = Context::gather(&snapshot, &cursor, "a.rs", &budget, Anchor::Lines(1));
        let near = Near::of(&context);
        assert_eq!(near.nearest_first(), ["far2", "near", "below", "far"]);
        assert_eq!(near.distance("far"), Some(1));
    }
}
