//! The far edge of a window of text, which moves rarely and in large steps.
//!
//! A window that moved with every line would change the prompt's first token, and with it
//! everything that is cached. So its far edge is always at a *mark*. Marks form a chain that starts
//! at the document's far end (its first byte for text above the cursor, its last for text below).
//! The next mark is the first line start that is at least one step, ¼ of the budget, away from the
//! last mark. The edge is the farthest mark within the budget.
//!
//! Marks depend on bytes and not on line numbers because lines are uneven: n lines may be 10 bytes
//! or a megabyte. The chain keeps both the budget and the step for lines of any length. It also
//! recovers: after an edit far away the chain returns to its old marks within a few steps if line
//! lengths vary, while line numbers stay shifted forever.
//!
//! A line longer than half the budget would put the next mark out of reach, so such a line (data,
//! not code) gets marks inside, at whole characters. To avoid a walk from the start of a large
//! file, the chain restarts every 64 steps, at a place that depends only on its distance from the
//! far end.
//!
//! Invariant: the edge depends only on the text between the far end and the near end, never on the
//! cursor's line.

use lowkey_document::{ByteOffset, Snapshot};

/// Steps between two places where the chain of marks restarts; bounds the walk.
const STEPS_PER_ORIGIN: usize = 64;

/// Smaller steps could end between the CR and the LF of one line end.
const MIN_STEP_BYTES: usize = 4;

/// The end of the document from which distances are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FarEnd {
    Start,
    End,
}

/// A document's marks, by their distance in bytes from one of its ends.
struct MarkChain<'s> {
    snapshot: &'s Snapshot,
    far_end: FarEnd,
}

/// Returns the start of the window above `near`, at most `budget_bytes` before it.
pub(crate) fn start_above(
    snapshot: &Snapshot,
    near: ByteOffset,
    budget_bytes: usize,
) -> ByteOffset {
    let chain = MarkChain { snapshot, far_end: FarEnd::Start };
    ByteOffset(chain.edge(near.0, budget_bytes))
}

/// Returns the end of the window below `near`, at most `budget_bytes` after it.
pub(crate) fn end_below(snapshot: &Snapshot, near: ByteOffset, budget_bytes: usize) -> ByteOffset {
    let chain = MarkChain { snapshot, far_end: FarEnd::End };
    let n_bytes = snapshot.n_bytes();
    ByteOffset(n_bytes.saturating_sub(chain.edge(n_bytes.saturating_sub(near.0), budget_bytes)))
}

impl MarkChain<'_> {
    /// Returns the mark that is farthest from `near` and within `budget` of it.
    fn edge(&self, near: usize, budget: usize) -> usize {
        let near = near.min(self.snapshot.n_bytes());
        // All the text up to the far end fits: the far end itself is the first mark.
        let reach = near.saturating_sub(budget);
        if reach == 0 {
            return 0;
        }
        let step = budget.div_ceil(4).max(MIN_STEP_BYTES);
        let (mut mark, next_origin) = self.origins(reach, near, step);
        while mark < reach {
            let next = self.mark_from(mark + step, near, step).unwrap_or(near).max(mark + 1);
            mark = match next_origin {
                // A mark less than a step before the new chain would make a short step.
                Some(origin) if next + step > origin => origin,
                _ => next,
            };
        }
        mark.min(near)
    }

    /// Returns the last origin that is not past `reach`, and the next one if it is not past `near`.
    fn origins(&self, reach: usize, near: usize, step: usize) -> (usize, Option<usize>) {
        let spacing = step.saturating_mul(STEPS_PER_ORIGIN);
        let origin = |idx: usize| {
            if idx == 0 { Some(0) } else { self.mark_from(idx.saturating_mul(spacing), near, step) }
        };
        let idx = reach / spacing;
        match origin(idx) {
            Some(last) if last <= reach => (last, origin(idx + 1)),
            // A mark is up to three steps past the distance of its search; the origin before that
            // one is well before.
            next => (origin(idx.saturating_sub(1)).unwrap_or(0), next),
        }
    }

    /// Returns the first line start at or past `distance`, or a cut at a whole character inside a
    /// long line.
    ///
    /// `None` if the result would depend on text past `near`.
    fn mark_from(&self, distance: usize, near: usize, step: usize) -> Option<usize> {
        let farthest = distance.saturating_add(step.saturating_mul(2));
        let line = self.next_line(distance);
        if line <= farthest.min(near) {
            Some(line)
        } else if farthest <= near {
            Some(self.next_char(distance))
        } else {
            None
        }
    }

    fn next_line(&self, distance: usize) -> usize {
        let n_bytes = self.snapshot.n_bytes();
        match self.far_end {
            FarEnd::Start => {
                let line = self.snapshot.line_of(ByteOffset(distance));
                let start = self.snapshot.line_start(line).0;
                if start >= distance { start } else { self.snapshot.line_start(line + 1).0 }
            }
            FarEnd::End => {
                let line = self.snapshot.line_of(ByteOffset(n_bytes.saturating_sub(distance)));
                n_bytes.saturating_sub(self.snapshot.line_start(line).0)
            }
        }
    }

    fn next_char(&self, distance: usize) -> usize {
        let n_bytes = self.snapshot.n_bytes();
        match self.far_end {
            FarEnd::Start => self.snapshot.ceil_char_boundary(ByteOffset(distance)).0,
            FarEnd::End => {
                let offset = ByteOffset(n_bytes.saturating_sub(distance));
                n_bytes.saturating_sub(self.snapshot.floor_char_boundary(offset).0)
            }
        }
    }
}
