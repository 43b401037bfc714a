//! The one mutable view of an open file.
//!
//! Edits apply in arrival order, each one to the text that the one before it left.
//! A version that goes backwards, or an edit that makes no sense, proves that our text is not the editor's:
//! the document is then *desynced* and takes no edits until the whole text arrives. Equal versions pass,
//! because clients that do not count send 0 for ever; [`Document::revision`] tells such texts apart.

use std::sync::{Arc, Mutex};

use ropey::Rope;

use crate::language::Language;
use crate::lexical::Checkpoints;
use crate::position::{self, PositionEncoding, Range};
use crate::snapshot::{self, Snapshot};
use crate::uri::Uri;

/// One entry of a `didChange` notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The whole new text.
    Full(String),
    /// Replaces a range; positions outside the text are clamped to it.
    Edit {
        /// What goes, in the encoding that the connection negotiated.
        range: Range,
        /// What comes in its place.
        text: String,
    },
}

/// Our text is not the editor's any more; nothing may be suggested from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("document is out of step with the editor: {reason}")]
pub struct Desync {
    pub reason: DesyncReason,
}

/// What proved that a document is out of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DesyncReason {
    /// The version went backwards, so a change was lost or came out of order.
    #[error("version went backwards from {from} to {to}")]
    VersionWentBackwards {
        /// The version that the document had.
        from: i32,
        /// The version that came.
        to: i32,
    },
    /// An edit's range ends before it starts.
    #[error("edit ends before it starts, lines {} to {}", .range.start.line, .range.end.line)]
    StartAfterEnd {
        /// The range as it came.
        range: Range,
    },
    /// The rope refused an edit inside its own bounds; never seen, but not worth a panic.
    #[error("edit could not be applied")]
    EditRefused,
    /// An earlier change proved it, and the full text has not come yet.
    #[error("edits are ignored until the full text arrives")]
    AwaitingFullText,
}

/// An open file: its text, version and language. Has one owner.
#[derive(Debug, Clone)]
pub struct Document {
    uri: Uri,
    language_id: Arc<str>,
    language: &'static Language,
    version: i32,
    revision: u64,
    rope: Rope,
    /// The scanner's states of this text; snapshots of it add to them.
    lexical: Arc<Mutex<Checkpoints>>,
    desynced: bool,
}

impl Document {
    /// Takes over a file that the editor opened; an unknown language id falls back to the path's language.
    pub fn open(uri: &str, language_id: &str, version: i32, text: &str) -> Self {
        let uri = Uri::new(uri);
        let language = match Language::find(language_id) {
            Some(language) => language,
            None => {
                uri.file_path().map_or_else(Language::plain_text, |path| Language::by_path(&path))
            }
        };
        Self {
            uri,
            language_id: language_id.into(),
            language,
            version,
            revision: 0,
            rope: Rope::from_str(text),
            lexical: Arc::new(Mutex::new(Checkpoints::new(language))),
            desynced: false,
        }
    }

    /// Applies one `didChange`, in order; on [`Desync`] the document stays silent until a [`Change::Full`].
    ///
    /// Edits before the offending one have been applied, those after it are ignored.
    /// A full text anywhere in `changes` brings the document back in step, whatever its version.
    pub fn change(
        &mut self,
        version: i32,
        changes: &[Change],
        encoding: PositionEncoding,
    ) -> Result<(), Desync> {
        let mut reason = self.desynced.then_some(DesyncReason::AwaitingFullText);
        if version < self.version && reason.is_none() {
            reason = Some(DesyncReason::VersionWentBackwards { from: self.version, to: version });
        }
        for change in changes {
            match change {
                Change::Full(text) => {
                    let rope = Rope::from_str(text);
                    self.own_states();
                    snapshot::replaced(
                        &self.rope,
                        &rope,
                        text,
                        &mut snapshot::states(&self.lexical),
                    );
                    self.rope = rope;
                    reason = None;
                }
                Change::Edit { range, text } if reason.is_none() => {
                    reason = self.edit(*range, text, encoding).err();
                }
                Change::Edit { .. } => {}
            }
        }
        self.version = version;
        self.revision += 1;
        self.desynced = reason.is_some();
        match reason {
            Some(reason) => Err(Desync { reason }),
            None => Ok(()),
        }
    }

    fn edit(
        &mut self,
        range: Range,
        text: &str,
        encoding: PositionEncoding,
    ) -> Result<(), DesyncReason> {
        if range.end < range.start {
            return Err(DesyncReason::StartAfterEnd { range });
        }
        let start = position::char_of(&self.rope, range.start, encoding);
        let end = position::char_of(&self.rope, range.end, encoding);
        self.own_states();
        let mut lexical = snapshot::states(&self.lexical);
        snapshot::edit(&mut self.rope, &mut lexical, start..end, text)
            .map_err(|_| DesyncReason::EditRefused)
    }

    /// Makes the scanner's states this document's own: snapshots of the text before keep theirs.
    fn own_states(&mut self) {
        if Arc::get_mut(&mut self.lexical).is_none() {
            let copy = snapshot::states(&self.lexical).clone();
            self.lexical = Arc::new(Mutex::new(copy));
        }
    }

    /// Tells whether the text is known to differ from the editor's.
    pub fn is_desynced(&self) -> bool {
        self.desynced
    }

    /// Returns the version that the last change carried.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Counts the changes since the document was opened; unlike the version it grows with every one.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns a copy of the whole text.
    pub fn text(&self) -> String {
        String::from(&self.rope)
    }

    /// Returns an immutable view of the present text; costs no copy of it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::new(
            self.uri.clone(),
            Arc::clone(&self.language_id),
            self.language,
            self.version,
            self.revision,
            self.rope.clone(),
            Arc::clone(&self.lexical),
        )
    }
}

#[cfg(test)]
mod tests;
