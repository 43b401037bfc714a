//! Whether a proposal is what the next release has at that place.

use std::ops::Range;

use serde::Deserialize;

/// A replaced part of a text: bytes, and the new text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Splice(pub(super) usize, pub(super) usize, pub(super) String);

impl Splice {
    pub(super) fn range(&self) -> Range<usize> {
        self.0..self.1
    }
}

/// Lines with more tokens are compared as a whole.
const MAX_TOKENS: usize = 600;

/// Whether replacing `range` by `new` is a step on a shortest way from the text to the changed one:
/// in the lines concerned, the tokens that it removes are not there afterwards, and those that it
/// adds are. `changes` are in order and do not overlap.
pub(super) fn is_right(text: &str, changes: &[Splice], range: &Range<usize>, new: &str) -> bool {
    // The lines of the proposal, and of the changes that touch them.
    let mut lines = lines_around(text, range);
    for change in changes {
        if change.0 <= lines.end && lines.start <= change.1 {
            let touched = lines_around(text, &change.range());
            lines = lines.start.min(touched.start)..lines.end.max(touched.end);
        }
    }
    let inside: Vec<&Splice> =
        changes.iter().filter(|change| lines.start <= change.0 && change.1 <= lines.end).collect();
    let before = text.get(lines.clone()).unwrap_or_default();
    let after = applied(text, &lines, &inside);
    let proposed = [text.get(lines.start..range.start), Some(new), text.get(range.end..lines.end)];
    let proposed: String = proposed.into_iter().map(Option::unwrap_or_default).collect();
    let [before, proposed, after] = [before, &*proposed, &*after].map(tokens);
    if [&before, &proposed, &after].iter().any(|tokens| tokens.len() > MAX_TOKENS) {
        return proposed == after && before != after;
    }
    let way = distance(&before, &proposed) + distance(&proposed, &after);
    before != proposed && way == distance(&before, &after)
}

/// Returns the number of tokens to remove and to add.
fn distance(a: &[&str], b: &[&str]) -> usize {
    let mut row: Vec<usize> = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        let mut left = 0;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            *cell = if x == y { diagonal + 1 } else { above.max(left) };
            (diagonal, left) = (above, *cell);
        }
    }
    a.len() + b.len() - 2 * row.last().copied().unwrap_or(0)
}

fn lines_around(text: &str, range: &Range<usize>) -> Range<usize> {
    let start =
        text.get(..range.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let after = text.get(range.end..).and_then(|after| after.find('\n'));
    start..after.map_or(text.len(), |at| range.end + at)
}

/// Returns the text of a range with changes applied.
fn applied(text: &str, range: &Range<usize>, changes: &[&Splice]) -> String {
    let mut result = String::new();
    let mut at = range.start;
    for Splice(start, end, new) in changes {
        result += text.get(at..*start).unwrap_or_default();
        result += new;
        at = *end;
    }
    result + text.get(at..range.end).unwrap_or_default()
}

/// Returns the words and marks of a text.
fn tokens(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found: Vec<&str> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if is_word(first) {
            rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end);
        found.push(token);
        rest = after.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splice(start: usize, end: usize, new: &str) -> Splice {
        Splice(start, end, new.to_owned())
    }

    #[test]
    fn proposals_are_compared_with_the_changes() {
        let text = "f(a)\ng(a)\n";
        let changes = [splice(0, 1, "h"), splice(3, 3, ", b"), splice(5, 6, "h")];
        assert!(is_right(text, &changes, &(0..1), "h"), "one of two changes of the line");
        assert!(is_right(text, &changes, &(3..3), ", b"));
        assert!(is_right(text, &changes, &(0..4), "h(a,b)"), "blanks do not count");
        assert!(!is_right(text, &changes, &(0..1), "x"));
        assert!(!is_right(text, &changes, &(7..8), "b"), "nothing changes there");
        assert!(is_right(text, &changes, &(5..8), "h(a"));
        assert!(!is_right(text, &changes, &(0..4), "h(a, c)"), "one right, one wrong");
    }

    #[test]
    fn line_decides_if_tokens_are_aligned_differently() {
        let text = "f(a, a)";
        let changes = [splice(3, 3, ", b")];
        assert!(is_right(text, &changes, &(4..4), " b,"));
    }
}
