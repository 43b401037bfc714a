//! A suggestion as an edit of the snapshot that it was made for.

use lowkey_document::{ByteOffset, Snapshot};

/// A suggestion in terms of the snapshot of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert {
    /// Start of the replaced text: at or before the cursor, on its line.
    pub start: ByteOffset,
    /// End of the replaced text: at or after the cursor, on its line.
    pub end: ByteOffset,
    /// The new text, with the document's line endings.
    pub text: String,
}

impl Insert {
    /// Returns the text added at the cursor; `None` if the suggestion changes other text too.
    pub fn continuation(&self, snapshot: &Snapshot, cursor: ByteOffset) -> Option<&str> {
        if self.start != cursor {
            return None;
        }
        let tail = snapshot.slice(self.start..self.end);
        self.text.strip_suffix(tail.as_str()).filter(|rest| !rest.is_empty())
    }
}
