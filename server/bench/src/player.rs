//! Plays a trace's steps on real documents and predicts the text that the user types next.

use std::collections::HashMap;

use anyhow::bail;
use lowkey_document::{ByteOffset, Change, Document, Position, PositionEncoding, Range, Snapshot};

use super::trace::{Edit, Place, Step, Trace};

/// The documents of a trace after a step.
pub(super) struct Player {
    documents: HashMap<String, Document>,
    current: String,
    /// The cursor in the current document.
    cursor: Position,
    n_changes: i32,
}

/// The workspace folder of every trace; it need not exist.
pub(super) const FOLDER: &str = "/lowkey-trace";

fn position([line, column]: Place) -> Position {
    Position { line, column }
}

impl Player {
    /// Opens the trace's documents.
    pub(super) fn new(trace: &Trace) -> anyhow::Result<Self> {
        let Some(first) = trace.opens.first() else { bail!("the trace opens no document") };
        let documents = trace.opens.iter().map(|open| {
            let uri = format!("file://{FOLDER}/{}", open.path);
            (open.path.clone(), Document::open(&uri, &open.language, 0, &open.text))
        });
        Ok(Self {
            documents: documents.collect(),
            current: first.path.clone(),
            cursor: position([0, 0]),
            n_changes: 0,
        })
    }

    /// Returns the documents at the start.
    pub(super) fn snapshots(&self) -> impl Iterator<Item = Snapshot> {
        self.documents.values().map(Document::snapshot)
    }

    pub(super) fn snapshot(&self) -> anyhow::Result<Snapshot> {
        match self.documents.get(&self.current) {
            Some(document) => Ok(document.snapshot()),
            None => bail!("{} is not open", self.current),
        }
    }

    pub(super) fn cursor(&self, snapshot: &Snapshot) -> ByteOffset {
        snapshot.offset(self.cursor, PositionEncoding::Utf16)
    }

    /// Applies a step; returns whether the text changed.
    pub(super) fn step(&mut self, step: &Step) -> anyhow::Result<bool> {
        if let Some(path) = &step.path {
            self.current.clone_from(path);
        }
        if let Some(edit) = &step.edit {
            self.edit(edit)?;
        }
        if let Some(cursor) = step.cursor {
            self.cursor = position(cursor);
        }
        Ok(step.edit.is_some())
    }

    fn edit(&mut self, edit: &Edit) -> anyhow::Result<()> {
        let range = Range { start: position(edit.start), end: position(edit.end) };
        let start = self.snapshot()?.offset(range.start, PositionEncoding::Utf16);
        self.n_changes += 1;
        let version = self.n_changes;
        let Some(document) = self.documents.get_mut(&self.current) else {
            bail!("{} is not open", self.current)
        };
        let change = Change::Edit { range, text: edit.text.clone() };
        if let Err(desync) = document.change(version, &[change], PositionEncoding::Utf16) {
            bail!("an edit does not fit {}: {desync}", self.current);
        }
        let snapshot = document.snapshot();
        let end = ByteOffset(start.0 + edit.text.len());
        self.cursor = snapshot.position(end, PositionEncoding::Utf16);
        Ok(())
    }

    /// Inserts `text` at the cursor, like an accepted suggestion.
    pub(super) fn insert(&mut self, text: &str) -> anyhow::Result<()> {
        let at = [self.cursor.line, self.cursor.column];
        self.edit(&Edit { start: at, end: at, text: text.to_owned() })
    }
}

/// Returns the text that the next steps type at one place: each step is an insertion at the cursor
/// of the one before. Also returns the length in bytes at the end of each of these steps.
pub(super) fn upcoming(steps: &[Step], mut cursor: Place) -> (String, Vec<usize>) {
    let (mut text, mut ends) = (String::new(), Vec::new());
    for step in steps {
        let Some(edit) = &step.edit else { break };
        if step.path.is_some()
            || step.cursor.is_some()
            || edit.start != cursor
            || edit.end != cursor
            || edit.text.is_empty()
        {
            break;
        }
        text.push_str(&edit.text);
        ends.push(text.len());
        for c in edit.text.chars() {
            cursor = match (c, cursor) {
                ('\n', [line, _]) => [line + 1, 0],
                (c, [line, column]) => [line, column + c.len_utf16() as u32],
            };
        }
    }
    (text, ends)
}

impl Player {
    /// Returns the cursor in the form of a trace.
    pub(super) fn place(&self) -> Place {
        [self.cursor.line, self.cursor.column]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(at: Place, text: &str) -> Step {
        let edit = Edit { start: at, end: at, text: text.to_owned() };
        Step { dt_ms: 100, path: None, edit: Some(edit), cursor: None }
    }

    #[test]
    fn upcoming_text_ends_at_a_cursor_move() {
        let steps =
            [typed([0, 2], "a"), typed([0, 3], "😀"), typed([0, 5], "\n"), typed([4, 0], "x")];
        let (text, ends) = upcoming(&steps, [0, 2]);
        assert_eq!(text, "a😀\n");
        assert_eq!(ends, [1, 5, 6]);
        assert_eq!(upcoming(&steps, [9, 9]).0, "");
    }
}
