//! The edits of one answer of a next-edit model, offered one after the other.
//!
//! After the user accepts one, the next is offered if the text is the expected one; nothing is
//! computed for that.

use std::ops::Range;

use lowkey_document::{ByteOffset, Snapshot, Uri};
use lowkey_edits::Proposal;
use lowkey_prompt::BlockEdit;

/// What is left of an answer.
#[derive(Debug, Clone)]
pub(super) struct ModelAnswer {
    /// The text that the edits are for.
    snapshot: Snapshot,
    /// The rewritten part of it.
    block: Range<usize>,
    /// The edit to offer first is the first.
    edits: Vec<BlockEdit>,
    /// How sure the model was, 0 to 1.
    probability: f32,
    /// Why there is no edit.
    why_none: String,
}

impl ModelAnswer {
    pub(super) fn new(
        snapshot: Snapshot,
        block: Range<usize>,
        edits: Vec<BlockEdit>,
        probability: f32,
        why_none: String,
    ) -> Self {
        Self { snapshot, block, edits, probability, why_none }
    }

    pub(super) fn uri(&self) -> &Uri {
        self.snapshot.uri()
    }

    pub(super) fn why_none(&self) -> &str {
        &self.why_none
    }

    /// Returns the proposals that are left, the one to offer first is the first.
    pub(super) fn proposals(&self) -> impl Iterator<Item = Proposal> {
        self.edits.iter().map(|edit| Proposal {
            range: ByteOffset(edit.range.start)..ByteOffset(edit.range.end),
            text: edit.text.clone(),
            probability: self.probability,
        })
    }

    /// Follows the text; returns whether the answer is about it.
    ///
    /// It is if the text is unchanged and the cursor is in the block, or if one of the edits was
    /// accepted and others are left.
    pub(super) fn follow(&mut self, now: &Snapshot, cursor: ByteOffset) -> bool {
        if now.uri() != self.uri() {
            return false;
        }
        if self.snapshot.difference(now).is_none() {
            return (self.block.start..=self.block.end).contains(&cursor.0);
        }
        let accepted = self.edits.iter().position(|edit| {
            let range = ByteOffset(edit.range.start)..ByteOffset(edit.range.end);
            self.snapshot.with_edit(range, &edit.text).difference(now).is_none()
        });
        let Some(accepted) = accepted.filter(|_| self.edits.len() > 1) else { return false };
        let BlockEdit { range, text } = self.edits.remove(accepted);
        let moved = |at: usize| {
            if at >= range.end { (at + text.len()).saturating_sub(range.len()) } else { at }
        };
        for edit in &mut self.edits {
            edit.range = moved(edit.range.start)..moved(edit.range.end);
        }
        self.block.end = moved(self.block.end);
        self.snapshot = now.clone();
        true
    }
}

#[cfg(test)]
mod tests {
    use lowkey_document::Document;

    use super::*;

    #[test]
    fn rest_follows_an_accepted_edit() {
        let snapshot = Document::open("file:///a.rs", "rust", 1, "one\ntwo\nthree\n").snapshot();
        let edit = |range: Range<usize>, text: &str| BlockEdit { range, text: text.to_owned() };
        let edits = vec![edit(4..7, "second"), edit(8..13, "3"), edit(0..0, "// ")];
        let mut answer = ModelAnswer::new(snapshot.clone(), 0..14, edits, 1.0, String::new());
        let left = |answer: &ModelAnswer| {
            answer.proposals().map(|edit| (edit.range.start.0, edit.text)).collect::<Vec<_>>()
        };
        assert!(answer.follow(&snapshot, ByteOffset(3)) && answer.edits.len() == 3);
        assert!(!answer.follow(&snapshot, ByteOffset(15)), "the cursor has left the block");
        let accepted = snapshot.with_edit(ByteOffset(4)..ByteOffset(7), "second");
        assert!(answer.follow(&accepted, ByteOffset(0)));
        assert_eq!(left(&answer), [(11, "3".to_owned()), (0, "// ".to_owned())]);
        let typed = accepted.with_edit(ByteOffset(0)..ByteOffset(0), "x");
        assert!(!answer.follow(&typed, ByteOffset(1)), "the user typed other text");
        let accepted = accepted.with_edit(ByteOffset(0)..ByteOffset(0), "// ");
        assert!(answer.follow(&accepted, ByteOffset(0)));
        assert_eq!(left(&answer), [(14, "3".to_owned())]);
        let last = accepted.with_edit(ByteOffset(14)..ByteOffset(19), "3");
        assert!(!answer.follow(&last, ByteOffset(0)), "all are accepted");
    }
}
