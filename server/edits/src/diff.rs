//! Compares two token sequences.

use std::ops::Range;

use crate::tokens::Tokens;

/// More tokens on one side than this are not compared.
pub(crate) const MAX_TOKENS: usize = 400;

/// A part in which two texts differ: tokens of the old text, and the tokens that replace them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) old: Range<usize>,
    pub(crate) new: Range<usize>,
}

/// What an equal word and an equal mark are worth, and what each part costs: a mark alone does not
/// divide a part in two, and a word does.
const WORD: i32 = 6;
const MARK: i32 = 2;
const PART: i32 = 3;

/// The best score from a pair of tokens on, if a part is open there or not.
#[derive(Debug, Clone, Copy)]
struct Best {
    closed: i32,
    open: i32,
}

/// Returns the parts in which two texts differ, in order, so that many tokens are equal and the
/// parts are few. `None` for texts that are too long.
pub(crate) fn differences(old: &Tokens, new: &Tokens) -> Option<Vec<Difference>> {
    let (n, m) = (old.all.len(), new.all.len());
    if n > MAX_TOKENS || m > MAX_TOKENS {
        return None;
    }
    let equal = |i: usize, j: usize| -> Option<i32> {
        let worth = if old.is_word(i) { WORD } else { MARK };
        (i < n && j < m && old.str(i) == new.str(j)).then_some(worth)
    };
    let width = m + 1;
    let mut table = vec![Best { closed: 0, open: 0 }; (n + 1) * width];
    let at = |table: &[Best], i: usize, j: usize| {
        table.get(i * width + j).copied().unwrap_or(Best { closed: 0, open: 0 })
    };
    for i in (0..=n).rev() {
        for j in (0..=m).rev() {
            if (i, j) == (n, m) {
                continue;
            }
            // Inside a part a step costs nothing; from outside it opens one.
            let mut gap = i32::MIN / 2;
            if i < n {
                gap = gap.max(at(&table, i + 1, j).open);
            }
            if j < m {
                gap = gap.max(at(&table, i, j + 1).open);
            }
            let matched = equal(i, j).map(|worth| worth + at(&table, i + 1, j + 1).closed);
            let matched = matched.unwrap_or(i32::MIN / 2);
            let best = Best { closed: matched.max(gap - PART), open: matched.max(gap) };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let mut found: Vec<Difference> = Vec::new();
    let (mut i, mut j, mut is_open) = (0, 0, false);
    while i < n || j < m {
        let best = at(&table, i, j);
        let best = if is_open { best.open } else { best.closed };
        let matched = equal(i, j).map(|worth| worth + at(&table, i + 1, j + 1).closed);
        if matched == Some(best) {
            (i, j, is_open) = (i + 1, j + 1, false);
            continue;
        }
        if !is_open {
            found.push(Difference { old: i..i, new: j..j });
            is_open = true;
        }
        let takes_old = i < n && (j == m || at(&table, i + 1, j).open >= at(&table, i, j + 1).open);
        (i, j) = if takes_old { (i + 1, j) } else { (i, j + 1) };
        if let Some(part) = found.last_mut() {
            (part.old.end, part.new.end) = (i, j);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use lowkey_document::Document;

    use super::*;

    fn found(old: &str, new: &str) -> Vec<(String, String)> {
        let snapshot = Document::open("file:///a.rs", "rust", 1, "").snapshot();
        let lex = |text: &str| Tokens::new(text.to_owned(), &snapshot.lexical_state(0));
        let (old, new) = (lex(old), lex(new));
        let differences = differences(&old, &new).unwrap();
        let spans = |d: &Difference| {
            (old.span(d.old.clone()).to_owned(), new.span(d.new.clone()).to_owned())
        };
        differences.iter().map(spans).collect()
    }

    fn pair(old: &str, new: &str) -> (String, String) {
        (old.to_owned(), new.to_owned())
    }

    #[test]
    fn differences_are_minimal() {
        assert_eq!(found("f(a, b)", "f(a, c)"), [pair("b", "c")]);
        assert_eq!(found("f(a)", "f(a, b)"), [pair("", ", b")]);
        assert_eq!(
            found("Optional[str]", "str | None"),
            [pair("Optional[", ""), pair("]", "| None")]
        );
        assert_eq!(found("a", "a"), []);
        assert_eq!(found("", "x"), [pair("", "x")]);
    }
}
