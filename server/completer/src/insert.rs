//! A suggestion as an edit of the snapshot that it was made for.

use lowkey_document::{ByteOffset, Snapshot};

/// A suggestion in terms of the snapshot that it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    /// Where the replaced text starts: at or before the cursor, on its line.
    pub start: ByteOffset,
    /// Where it ends: at or after the cursor, on its line.
    pub end: ByteOffset,
    /// What replaces it, in the document's line endings.
    pub text: String,
}

impl Insert {
    /// What it adds at the cursor, where it can be said without touching anything else.
    pub fn continuation(&self, snapshot: &Snapshot, cursor: ByteOffset) -> Option<&str> {
        if self.start != cursor {
            return None;
        }
        let tail = snapshot.slice(self.start..self.end);
        self.text.strip_suffix(tail.as_str()).filter(|rest| !rest.is_empty())
    }
}
