//! The user's recent changes: how the prompt shows them, and the block before them.
//!
//! A change is compared line by line, so that the unchanged lines of an edit become its context.
//! The numbers in a heading are those of a unified diff with one line of context: the hunk's first
//! line, and a last line that the authors' program counts without the hunk's first line.

use std::borrow::Cow;

use super::lines::push_cut;
use super::parts::Parts;

/// An edit of the session, in any file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditHunk<'t> {
    /// The file, as [`NextEditInput::path`](super::NextEditInput::path).
    pub path: &'t str,
    /// The number, from 1, of the first of these lines when the edit was made.
    pub first_line: usize,
    /// Whole lines before the edit, with their line ends; "" if there were none.
    pub old: &'t str,
    /// The same lines after it.
    pub new: &'t str,
    /// The line above, without its end; `None` at the start of the file.
    pub above: Option<&'t str>,
    /// The line below, `None` at the end of the file. A line end at the end begins no line.
    pub below: Option<&'t str>,
}

/// Changes in a prompt: the newest ones.
const MAX_CHANGES: usize = 6;

/// A hunk of a unified diff with one line of context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change<'t> {
    path: &'t str,
    /// The number of the hunk's first line, its context included.
    first_line: usize,
    above: Option<Cow<'t, str>>,
    old: Vec<Cow<'t, str>>,
    new: Vec<Cow<'t, str>>,
    below: Option<Cow<'t, str>>,
}

/// One side of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Old,
    New,
}

/// Whether a side has the context, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WithContext {
    Yes,
    No,
}

impl<'t> Change<'t> {
    /// Returns the change of an edit; `None` if it changes nothing except blanks at its ends.
    pub(super) fn of(hunk: &EditHunk<'t>) -> Option<Change<'t>> {
        let line = |text: &'t str| match super::line_ends::converted(text).0 {
            Cow::Borrowed(text) => Cow::Borrowed(text.split('\n').next().unwrap_or_default()),
            Cow::Owned(text) => Cow::Owned(text.split('\n').next().unwrap_or_default().to_owned()),
        };
        let mut old = lines(hunk.old);
        let mut new = lines(hunk.new);
        let mut above = hunk.above.map(line);
        let mut below = hunk.below.map(line);
        let mut first_line = hunk.first_line;
        let n_same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
        if let Some(last) = n_same.checked_sub(1).and_then(|last| old.get(last)) {
            above = Some(last.clone());
        }
        old.drain(..n_same);
        new.drain(..n_same);
        first_line += n_same;
        let ends = old.iter().rev().zip(new.iter().rev());
        let n_same = ends.take_while(|(old, new)| old == new).count();
        let old_end = old.len() - n_same;
        if n_same > 0 {
            below = old.get(old_end).cloned();
        }
        old.truncate(old_end);
        new.truncate(new.len() - n_same);
        if old.join("\n").trim() == new.join("\n").trim() {
            return None;
        }
        let first_line = first_line.saturating_sub(usize::from(above.is_some()));
        Some(Change { path: hunk.path, first_line, above, old, new, below })
    }

    /// Returns the text of one side. Each line has a line end, except the hunk's last line.
    fn text(&self, side: Side, context: WithContext) -> String {
        let context = context == WithContext::Yes;
        let lines = if side == Side::Old { &self.old } else { &self.new };
        let above = self.above.iter().filter(|_| context);
        let below = self.below.iter().filter(|_| context);
        let mut text = String::new();
        for line in above.chain(lines).chain(below) {
            text.push_str(line);
            text.push('\n');
        }
        // The hunk ends with its context, else with the new lines, else with the old ones.
        let ends_hunk = match (&self.below, self.new.is_empty()) {
            (Some(_), _) => context,
            (None, true) => side == Side::Old,
            (None, false) => side == Side::New,
        };
        if ends_hunk {
            text.pop();
        }
        text
    }

    /// Returns the text before the change; `None` if the change is not in `text`.
    fn undone(&self, text: &str) -> Option<String> {
        let undo = |context| {
            let new = self.text(Side::New, context);
            let found = !new.trim().is_empty() && text.contains(&new);
            found.then(|| text.replacen(&new, &self.text(Side::Old, context), 1))
        };
        let with_context = self.above.as_ref().and_then(|_| undo(WithContext::Yes));
        with_context.or_else(|| undo(WithContext::No))
    }

    /// Appends the change to a prompt.
    fn write(&self, parts: &mut Parts, is_last: bool) {
        let n_context = usize::from(self.above.is_some()) + usize::from(self.below.is_some());
        // The authors' reader skips the line after the hunk's head.
        let skips_new = self.above.is_some() || self.old.is_empty();
        let n_counted = (self.new.len() + n_context).saturating_sub(usize::from(skips_new));
        let last_line = (self.first_line + n_counted).saturating_sub(1);
        let [old, new] = [Side::Old, Side::New].map(|side| self.text(side, WithContext::Yes));
        parts.separator();
        let text = parts.text();
        text.push_str(self.path);
        text.push_str(&[":", &self.first_line.to_string(), ":", &last_line.to_string()].concat());
        text.push_str("\noriginal:\n");
        push_cut(text, old.trim_matches('\n'));
        text.push_str("\nupdated:");
        let new = new.trim_matches('\n');
        if !(is_last && new.is_empty()) {
            text.push('\n');
        }
        push_cut(text, new);
    }
}

/// Returns the lines without their ends.
fn lines(text: &str) -> Vec<Cow<'_, str>> {
    let without_end = |line: &str| line.strip_suffix('\n').unwrap_or(line).to_owned();
    match super::line_ends::converted(text).0 {
        Cow::Borrowed(text) => text.lines().map(Cow::Borrowed).collect(),
        Cow::Owned(text) => text.split_inclusive('\n').map(without_end).map(Cow::Owned).collect(),
    }
}

/// Returns the block before the newest change, before the two newest, and so on. Ends at a change
/// that is not in the block.
pub(super) fn earlier_blocks(changes: &[Change], block: &str) -> Vec<String> {
    let mut earlier: Vec<String> = Vec::new();
    for change in changes.iter().rev() {
        let now = earlier.last().map_or(block, String::as_str);
        let Some(before) = change.undone(now) else { break };
        earlier.push(before);
    }
    earlier
}

/// Appends the newest changes to a prompt, the oldest of them first, with a line end between them.
pub(super) fn write(changes: &[Change], parts: &mut Parts) {
    let newest = changes.get(changes.len().saturating_sub(MAX_CHANGES)..).unwrap_or_default();
    for (n, change) in newest.iter().enumerate() {
        if n > 0 {
            parts.text().push('\n');
        }
        change.write(parts, n + 1 == newest.len());
    }
}
