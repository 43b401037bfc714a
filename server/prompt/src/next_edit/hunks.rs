//! The difference of two short texts, as edits of whole lines made minimal.
//!
//! A longest common subsequence of lines, in time and memory proportional to the product of the
//! lengths: a block has a few lines, and an answer at most twenty more.

use std::ops::Range;

/// A replacement of a part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// Lines of the old text that are replaced by lines of the new one. Either may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// Two texts, line by line.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    old: Vec<&'t str>,
    new: Vec<&'t str>,
}

impl<'t> Lines<'t> {
    /// Compares two texts. The first line of `old` is not empty, as in a block; otherwise two
    /// insertions could have the same place.
    pub(super) fn of(old: &'t str, new: &'t str) -> Lines<'t> {
        Lines { old: old.split('\n').collect(), new: new.split('\n').collect() }
    }

    /// Returns the hunks from the top. At least one equal line is between two of them.
    pub(super) fn hunks(&self) -> Vec<Hunk> {
        let (old, new) = (&self.old, &self.new);
        let n_head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let tails = old.iter().skip(n_head).rev().zip(new.iter().skip(n_head).rev());
        let n_tail = tails.take_while(|(old, new)| old == new).count();
        let middle = |lines: &[&'t str]| -> Vec<&'t str> {
            lines.get(n_head..lines.len() - n_tail).unwrap_or_default().to_vec()
        };
        let (old, new) = (middle(old), middle(new));
        let common = common_lengths(&old, &new);
        let length = |at: usize, to: usize| {
            common.get(at).and_then(|row| row.get(to)).copied().unwrap_or_default()
        };
        let mut hunks = Vec::new();
        let (mut at, mut to) = (0, 0);
        while at < old.len() || to < new.len() {
            let (from_old, from_new) = (at, to);
            // Lines are equal where both are in the longest common subsequence of the rests.
            while (at < old.len() || to < new.len())
                && !(old.get(at).is_some() && old.get(at) == new.get(to))
            {
                if at < old.len() && (to >= new.len() || length(at + 1, to) >= length(at, to + 1)) {
                    at += 1;
                } else {
                    to += 1;
                }
            }
            if (at, to) != (from_old, from_new) {
                hunks.push(Hunk {
                    old: n_head + from_old..n_head + at,
                    new: n_head + from_new..n_head + to,
                });
            }
            while old.get(at).is_some() && old.get(at) == new.get(to) {
                at += 1;
                to += 1;
            }
        }
        hunks
    }

    /// Returns how many of the first hunks have an equal line with text after them. Both texts agree
    /// up to there, so these hunks do not depend on how the new text goes on.
    pub(super) fn n_confirmed(&self, hunks: &[Hunk]) -> usize {
        let agrees = |at: usize| {
            let from = hunks.get(at).map_or(0, |hunk| hunk.old.end);
            let to = hunks.get(at + 1).map_or(self.old.len(), |next| next.old.start);
            let equal = self.old.get(from..to).unwrap_or_default();
            equal.iter().any(|line| !line.trim().is_empty())
        };
        (0..hunks.len()).rev().find(|&at| agrees(at)).map_or(0, |last| last + 1)
    }

    /// Returns a hunk as the smallest edit of the old text.
    pub(super) fn edit(&self, hunk: &Hunk) -> Edit {
        let old = self.old.get(hunk.old.clone()).unwrap_or_default();
        let new = self.new.get(hunk.new.clone()).unwrap_or_default().join("\n");
        let start = self.offset(hunk.old.start);
        let end = self.offset(hunk.old.end);
        let is_first = hunk.old.start == 0;
        let is_last = hunk.old.end >= self.old.len();
        match (hunk.old.is_empty(), hunk.new.is_empty()) {
            // After the line above, where the cursor is more often than before the line below.
            (true, _) if !is_first => {
                Edit { range: start - 1..start - 1, text: format!("\n{new}") }
            }
            (true, _) => Edit { range: start..start, text: format!("{new}\n") },
            (false, true) if !is_last => Edit { range: start..end, text: new },
            (false, true) => Edit { range: start.saturating_sub(1)..end - 1, text: new },
            (false, false) => minimal(start, &old.join("\n"), &new),
        }
    }

    /// Returns the offset of a line of the old text; after the last line, one more than the length
    /// of the text.
    fn offset(&self, line: usize) -> usize {
        self.old.iter().take(line).map(|line| line.len() + 1).sum()
    }
}

/// Returns, for each pair of positions, the number of equal lines in the rests after them.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut below = vec![0; new.len() + 1];
    let mut rows = vec![below.clone()];
    for old_line in old.iter().rev() {
        let mut row = vec![0; new.len() + 1];
        for (to, new_line) in new.iter().enumerate().rev() {
            let get = |row: &[u32], at: usize| row.get(at).copied().unwrap_or_default();
            let length = if old_line == new_line {
                get(&below, to + 1) + 1
            } else {
                get(&below, to).max(get(&row, to + 1))
            };
            if let Some(cell) = row.get_mut(to) {
                *cell = length;
            }
        }
        below.clone_from(&row);
        rows.push(row);
    }
    rows.reverse();
    rows
}

/// Returns the replacement of `old` at `start` by `new` without what both begin and end with.
fn minimal(start: usize, old: &str, new: &str) -> Edit {
    let same = |(old, new): &(char, char)| old == new;
    let head = old.chars().zip(new.chars()).take_while(same);
    let n_head: usize = head.map(|(c, _)| c.len_utf8()).sum();
    let [old, new] = [old, new].map(|text| text.get(n_head..).unwrap_or_default());
    let tail = old.chars().rev().zip(new.chars().rev()).take_while(same);
    let n_tail: usize = tail.map(|(c, _)| c.len_utf8()).sum();
    let [old, new] = [old, new].map(|text| text.get(..text.len() - n_tail).unwrap_or_default());
    let start = start + n_head;
    Edit { range: start..start + old.len(), text: new.to_owned() }
}

/// Returns `text` after edits that do not overlap, in any order.
pub(super) fn applied<'e>(text: &str, edits: impl IntoIterator<Item = &'e Edit>) -> String {
    let mut edits: Vec<&Edit> = edits.into_iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse((edit.range.start, edit.range.end)));
    let mut text = text.to_owned();
    for edit in edits {
        if text.get(edit.range.clone()).is_some() {
            text.replace_range(edit.range.clone(), &edit.text);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edits(old: &str, new: &str) -> Vec<(Range<usize>, String)> {
        let lines = Lines::of(old, new);
        let edit = |hunk| lines.edit(&hunk);
        lines.hunks().into_iter().map(edit).map(|edit| (edit.range, edit.text)).collect()
    }

    fn edit(range: Range<usize>, text: &str) -> (Range<usize>, String) {
        (range, text.to_owned())
    }

    #[test]
    fn edits_are_minimal() {
        assert_eq!(edits("let a = 1;\nb", "let a = 2;\nb"), [edit(8..9, "2")]);
        assert_eq!(edits("a\nb", "a\nx\nb"), [edit(1..1, "\nx")]);
        assert_eq!(edits("a\nb", "x\na\nb"), [edit(0..0, "x\n")]);
        assert_eq!(edits("a\nb", "a\nb\nx"), [edit(3..3, "\nx")]);
        assert_eq!(edits("a\nb\nc", "a\nc"), [edit(2..4, "")]);
        assert_eq!(edits("a\nb\nc", "a\nb"), [edit(3..5, "")]);
        assert_eq!(edits("xé\nb\nc", "xè\nb\nd"), [edit(1..3, "è"), edit(6..7, "d")]);
    }

    #[test]
    fn moved_lines_are_two_edits() {
        let all = "a\nb\nc\nd\ne";
        assert_eq!(edits(all, "b\nc\nd\ne\na"), [edit(0..2, ""), edit(9..9, "\na")]);
    }

    fn text() -> impl Strategy<Value = String> {
        let line = prop::sample::select(&["", "a", "b", "ab", "é", "aé", "    c"][..]);
        prop::collection::vec(line, 1..12).prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn hunks_give_the_new_text(old in text(), new in text()) {
            let old = format!("first {old}");
            let lines = Lines::of(&old, &new);
            let hunks = lines.hunks();
            let edits: Vec<Edit> = hunks.iter().map(|hunk| lines.edit(hunk)).collect();
            prop_assert_eq!(applied(&old, &edits), new.as_str());
            prop_assert_eq!(hunks.is_empty(), old == new);
            for pair in edits.windows(2) {
                prop_assert!(pair[0].range.end <= pair[1].range.start);
            }
            for pair in hunks.windows(2) {
                prop_assert!(pair[0].old.end < pair[1].old.start);
            }
            for edit in &edits {
                let replaced = old.get(edit.range.clone());
                prop_assert!(replaced.is_some_and(|replaced| replaced != edit.text));
            }
        }
    }
}
