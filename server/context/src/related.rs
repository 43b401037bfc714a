//! Cross-file context: which definitions and parts of other files may help at the cursor.
//!
//! Each collector is a pure function of the place and of a state of the index. The order of its
//! snippets is that of prompts: the most helpful is last.

use lowkey_document::{ByteOffset, Cursor, Language, Snapshot};

use crate::Anchor;
use crate::gather::{Context, Snippet, WindowBudget, group_start};

mod candidates;
mod chunks;
mod evidence;
mod near;
mod signatures;
#[cfg(test)]
mod tests;
mod words;

pub use chunks::similar_chunks;
pub use evidence::WEIGHTS;
pub use signatures::{Ranked, SignatureLimits, ranked, signatures};

/// Bytes of a document that collectors search for names and imports.
pub const MAX_SEARCHED_BYTES: usize = 128 << 10;

/// The text in which names are near the cursor. It is the same for every model and budget.
const WINDOW: WindowBudget =
    WindowBudget { prefix_bytes: 2000, suffix_bytes: 600, whole_bytes: 2600 };
/// Lines of the group at whose start the window is cut.
const GROUP_LINES: usize = 8;

/// Returns the window around a cursor that collectors read.
pub fn window(snapshot: &Snapshot, cursor: &Cursor, label: &str) -> Context {
    Context::gather(snapshot, cursor, label, &WINDOW, Anchor::Lines(GROUP_LINES))
}

/// Returns the anchor of the window around a cursor, without the window.
pub fn anchor(snapshot: &Snapshot, cursor: &Cursor) -> ByteOffset {
    group_start(snapshot, cursor, WINDOW.prefix_bytes, GROUP_LINES)
}

/// The text of one other file for a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileSnippet {
    /// The file's absolute path with `/` between its parts.
    pub path: String,
    pub snippet: Snippet,
}

/// The place for which text of other files is collected.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The window around the cursor.
    pub context: &'p Context,
    /// The document's text; collectors read the first [`MAX_SEARCHED_BYTES`].
    pub text: &'p str,
    pub language: &'static Language,
    /// The document's absolute path with `/` between its parts; "" if it is no file.
    pub path: &'p str,
    /// The same of the files that the session has edited, the last one first.
    pub edited: &'p [String],
}
