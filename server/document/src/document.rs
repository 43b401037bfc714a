//! The only mutable view of an open file.
//!
//! Edits apply in arrival order, each to the text that the previous one left. A version that goes
//! backwards, or an invalid edit, proves that our text differs from the editor's. The document is
//! then *desynced* and accepts no edits until the whole text arrives. Equal versions are accepted,
//! because clients that do not count versions always send 0; [`Document::revision`] distinguishes
//! such texts.

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
    /// The complete new text.
    Full(String),
    /// Replaces a range; positions outside the text are clamped to it.
    Edit {
        /// The range to replace, in the negotiated encoding.
        range: Range,
        /// The replacement.
        text: String,
    },
}

/// Our text differs from the editor's; no suggestion may be computed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("document is out of step with the editor: {reason}")]
pub struct Desync {
    pub reason: DesyncReason,
}

/// Why a document is known to be desynced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DesyncReason {
    /// The version went backwards, so a change was lost or arrived out of order.
    #[error("version went backwards from {from} to {to}")]
    VersionWentBackwards {
        /// The version of the document.
        from: i32,
        /// The version of the change.
        to: i32,
    },
    /// An edit's range ends before it starts.
    #[error("edit ends before it starts, lines {} to {}", .range.start.line, .range.end.line)]
    StartAfterEnd {
        /// The range as the client sent it.
        range: Range,
    },
    /// The rope refused an edit inside its own bounds. Never observed, but it must not panic.
    #[error("edit could not be applied")]
    EditRefused,
    /// An earlier change desynced the document, and the full text has not arrived yet.
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
    /// The scanner's checkpoints of this text; its snapshots add to them.
    lexical: Arc<Mutex<Checkpoints>>,
    desynced: bool,
}

impl Document {
    /// Creates the document of a file that the editor opened. An unknown language id falls back to
    /// the path's language.
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

    /// Applies one `didChange`. Changes must be passed in arrival order. On [`Desync`] the document
    /// accepts no edits until a [`Change::Full`].
    ///
    /// Edits before the invalid one are applied, those after it are ignored. A full text anywhere
    /// in `changes` brings the document back in sync, at any version.
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
                    self.unshare_checkpoints();
                    snapshot::replaced(
                        &self.rope,
                        &rope,
                        text,
                        &mut snapshot::lock_checkpoints(&self.lexical),
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
        self.unshare_checkpoints();
        let mut lexical = snapshot::lock_checkpoints(&self.lexical);
        snapshot::edit(&mut self.rope, &mut lexical, start..end, text)
            .map_err(|_| DesyncReason::EditRefused)
    }

    /// Copies the scanner's checkpoints if snapshots of the previous text share them, so that those
    /// keep theirs.
    fn unshare_checkpoints(&mut self) {
        if Arc::get_mut(&mut self.lexical).is_none() {
            let copy = snapshot::lock_checkpoints(&self.lexical).clone();
            self.lexical = Arc::new(Mutex::new(copy));
        }
    }

    /// Whether the text is known to differ from the editor's.
    pub fn is_desynced(&self) -> bool {
        self.desynced
    }

    /// Returns the version of the last change.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Returns the number of changes since the document was opened; unlike the version it increases
    /// with every change.
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

    /// Returns an immutable view of the current text, without copying it.
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
