//! The part in which two texts of a document differ.

use std::ops::Range;

use ropey::Rope;
use ropey::iter::Chunks;

use crate::position::{self, ByteOffset};
use crate::snapshot::Snapshot;

impl Snapshot {
    /// Returns the range of this text that `newer` replaced, and the range of the replacement;
    /// `None` if the texts are equal. Several edits give one range that includes all of them.
    ///
    /// Ropes share the nodes that an edit leaves, so that most chunks are compared by address.
    pub fn difference(&self, newer: &Self) -> Option<[Range<ByteOffset>; 2]> {
        let (old, new) = (self.rope(), newer.rope());
        let head = common(old.chunks(), new.chunks(), false);
        if head == old.len_bytes() && head == new.len_bytes() {
            return None;
        }
        let start = position::byte_of(old, position::char_at_or_before(old, ByteOffset(head))).0;
        let longest = old.len_bytes().min(new.len_bytes()) - start;
        let tail = common(from_end(old), from_end(new), true).min(longest);
        // The tail must begin at the same character in both texts.
        let end = |rope: &Rope, tail: usize| {
            let at = ByteOffset(rope.len_bytes() - tail);
            let floor = position::byte_of(rope, position::char_at_or_before(rope, at));
            if floor == at { at.0 } else { ceil(rope, floor) }
        };
        let tail = (old.len_bytes() - end(old, tail)).min(new.len_bytes() - end(new, tail));
        let range =
            |rope: &Rope| ByteOffset(start)..ByteOffset((rope.len_bytes() - tail).max(start));
        Some([range(old), range(new)])
    }
}

/// Returns the end of the character at `floor`.
fn ceil(rope: &Rope, floor: ByteOffset) -> usize {
    let at = position::char_at_or_before(rope, floor);
    position::byte_of(rope, (at + 1).min(rope.len_chars())).0
}

fn from_end(rope: &Rope) -> Chunks<'_> {
    rope.chunks_at_byte(rope.len_bytes()).0.reversed()
}

/// Returns the number of equal bytes at the beginning, or with `from_end` at the end.
fn common(mut a: Chunks<'_>, mut b: Chunks<'_>, from_end: bool) -> usize {
    let (mut x, mut y): (&[u8], &[u8]) = (&[], &[]);
    let mut n_equal = 0;
    loop {
        if x.is_empty() {
            x = a.next().unwrap_or_default().as_bytes();
        }
        if y.is_empty() {
            y = b.next().unwrap_or_default().as_bytes();
        }
        let n = x.len().min(y.len());
        if n == 0 {
            return n_equal;
        }
        let (head_x, rest_x) = split(x, n, from_end);
        let (head_y, rest_y) = split(y, n, from_end);
        if !std::ptr::eq(head_x, head_y) && head_x != head_y {
            let pairs = head_x.iter().zip(head_y);
            let equal = if from_end {
                pairs.rev().take_while(|(x, y)| x == y).count()
            } else {
                pairs.take_while(|(x, y)| x == y).count()
            };
            return n_equal + equal;
        }
        n_equal += n;
        (x, y) = (rest_x, rest_y);
    }
}

/// Returns `n` bytes from one end, and the rest. `n` is at most the length.
fn split(bytes: &[u8], n: usize, from_end: bool) -> (&[u8], &[u8]) {
    if from_end {
        let (rest, taken) = bytes.split_at(bytes.len() - n);
        (taken, rest)
    } else {
        bytes.split_at(n)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Document;

    fn snapshot(text: &str) -> Snapshot {
        Document::open("file:///a.rs", "rust", 1, text).snapshot()
    }

    proptest! {
        #[test]
        fn difference_is_the_edit(
            text in "[aäb\n]{0,40}", start in 0_usize..50, len in 0_usize..20, new in "[aäc\n]{0,9}"
        ) {
            let before = snapshot(&text);
            let after = before.with_edit(ByteOffset(start)..ByteOffset(start + len), &new);
            let replayed = match before.difference(&after) {
                None => before.text(),
                Some([old, new]) => before.with_edit(old, &after.slice(new)).text(),
            };
            prop_assert_eq!(replayed, after.text());
        }

        #[test]
        fn difference_is_minimal(head in "[a-c]{0,20}", tail in "[a-c]{0,20}") {
            let before = snapshot(&format!("{head}x{tail}"));
            let after = snapshot(&format!("{head}yz{tail}"));
            let at = head.len();
            let expected = [ByteOffset(at)..ByteOffset(at + 1), ByteOffset(at)..ByteOffset(at + 2)];
            prop_assert_eq!(before.difference(&after), Some(expected));
        }
    }

    #[test]
    fn large_text_has_a_small_difference() {
        let before = snapshot(&"let a = 1;\n".repeat(20_000));
        let after = before.with_edit(ByteOffset(110_004)..ByteOffset(110_005), "b");
        let at = ByteOffset(110_004)..ByteOffset(110_005);
        assert_eq!(before.difference(&after), Some([at.clone(), at]));
    }
}
