//! The scanner's state at the starts of lines, kept while a document is edited.
//!
//! A checkpoint records the state every few lines. An edit marks the stretch of lines that it
//! touches as changed. A query for a line scans the changed stretches before it again, and stops
//! where the result equals the recorded state. A keystroke therefore costs the lines of one
//! stretch, and after a jump to another place of the document no line is scanned a second time.

use ropey::Rope;

use super::Scanner;
use crate::language::Language;
use crate::position::{LineIdx, line_span};

/// Lines from one checkpoint to the next, unless the lines are long.
const CHECKPOINT_LINES: usize = 64;
/// Bytes from one checkpoint to the next, not counting the last line.
const CHECKPOINT_BYTES: usize = 4 << 10;

/// The checkpoints of one text.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    language: &'static Language,
    /// Ordered by line; the first is at line 0.
    checkpoints: Vec<Checkpoint>,
}

#[derive(Debug, Clone)]
struct Checkpoint {
    line: LineIdx,
    state: Scanner,
    /// Whether the text up to the next checkpoint is unchanged since that one was recorded.
    is_clean: bool,
}

impl Checkpoints {
    pub(crate) fn new(language: &'static Language) -> Self {
        let first = Checkpoint { line: 0, state: Scanner::new(language), is_clean: false };
        Self { language, checkpoints: vec![first] }
    }

    /// Records an edit that has replaced the lines from `first` to `last` with lines from `first`
    /// to `new_last`.
    pub(crate) fn edited(&mut self, first: LineIdx, last: LineIdx, new_last: LineIdx) {
        self.checkpoints.retain(|checkpoint| checkpoint.line <= first || checkpoint.line > last);
        for checkpoint in &mut self.checkpoints {
            if checkpoint.line > last {
                checkpoint.line = checkpoint.line - last + new_last;
            }
        }
        let touched = self
            .checkpoints
            .partition_point(|checkpoint| checkpoint.line <= first)
            .saturating_sub(1);
        if let Some(checkpoint) = self.checkpoints.get_mut(touched) {
            checkpoint.is_clean = false;
        }
    }

    /// Returns the state at the start of `line`, or of the last line if `line` does not exist.
    pub(crate) fn state_at(&mut self, rope: &Rope, line: LineIdx) -> Scanner {
        let line = line.min(rope.len_lines().saturating_sub(1));
        let mut idx = 0;
        loop {
            let next_line = self.checkpoints.get(idx + 1).map(|next| next.line);
            let Some(checkpoint) = self.checkpoints.get(idx) else {
                return Scanner::new(self.language);
            };
            match next_line {
                Some(next) if next <= line => {
                    if !checkpoint.is_clean {
                        self.rescan(rope, idx);
                    }
                    idx += 1;
                }
                // The stretch that contains the line, or the one after the last checkpoint.
                _ => {
                    if checkpoint.line == line {
                        return checkpoint.state.clone();
                    }
                    if let Some(state) = self.reach(rope, idx, line) {
                        return state;
                    }
                    idx += 1;
                }
            }
        }
    }

    /// Scans from checkpoint `idx` to `line`. Returns `None` if it recorded a checkpoint on the
    /// way.
    fn reach(&mut self, rope: &Rope, idx: usize, line: LineIdx) -> Option<Scanner> {
        let checkpoint = self.checkpoints.get(idx)?;
        let (mut state, start) = (checkpoint.state.clone(), checkpoint.line);
        let mut n_bytes = 0;
        for at in start..line {
            n_bytes += scan_line(&mut state, rope, at);
            let is_long = n_bytes >= CHECKPOINT_BYTES || at + 1 - start >= CHECKPOINT_LINES;
            if is_long && at + 1 < line {
                // The new checkpoint takes over the mark of its stretch.
                let is_clean =
                    self.checkpoints.get(idx).is_some_and(|checkpoint| checkpoint.is_clean);
                let checkpoint = Checkpoint { line: at + 1, state, is_clean };
                self.checkpoints.insert(idx + 1, checkpoint);
                if let Some(checkpoint) = self.checkpoints.get_mut(idx) {
                    checkpoint.is_clean = true;
                }
                return None;
            }
        }
        Some(state)
    }

    /// Scans a changed stretch again, up to the next checkpoint.
    fn rescan(&mut self, rope: &Rope, idx: usize) {
        let (Some(from), Some(to)) = (self.checkpoints.get(idx), self.checkpoints.get(idx + 1))
        else {
            return;
        };
        let (mut state, start, end) = (from.state.clone(), from.line, to.line);
        let mut n_bytes = 0;
        for at in start..end {
            n_bytes += scan_line(&mut state, rope, at);
            let is_long = n_bytes >= CHECKPOINT_BYTES || at + 1 - start >= CHECKPOINT_LINES;
            if is_long && at + 1 < end {
                // The stretch has grown: the rest of it becomes a separate stretch.
                let rest = Checkpoint { line: at + 1, state, is_clean: false };
                self.checkpoints.insert(idx + 1, rest);
                if let Some(from) = self.checkpoints.get_mut(idx) {
                    from.is_clean = true;
                }
                return;
            }
        }
        if let Some(from) = self.checkpoints.get_mut(idx) {
            from.is_clean = true;
        }
        if let Some(to) = self.checkpoints.get_mut(idx + 1)
            && to.state != state
        {
            to.state = state;
            to.is_clean = false;
        }
    }
}

/// Scans a line and its end; returns their length in bytes.
fn scan_line(state: &mut Scanner, rope: &Rope, line: LineIdx) -> usize {
    let (start, end) = line_span(rope, line);
    let Some(slice) = rope.get_slice(start..end) else { return 1 };
    match slice.as_str() {
        Some(text) => state.scan_line(text, |_| {}),
        // A line that is in several nodes of the rope.
        None => state.scan_line(&String::from(slice), |_| {}),
    }
    slice.len_bytes() + 1
}
