//! Open documents: ropes with versions, positions in three encodings, snapshots, the language
//! table, and a lexical scanner that uses this table to separate code from comments and literals.
//!
//! The first stage that a keystroke passes. A [`Document`] has one owner and changes only in the
//! order in which the editor's edits arrive. Every later stage sees a [`Snapshot`], which never
//! changes.
//!
//! Invariant: all functions here are total. Broken input (positions outside the text, half a
//! surrogate pair, versions that go backwards) is clamped or reported, never a panic.

mod difference;
mod document;
pub mod fixture;
mod language;
mod languages;
pub mod lexical;
mod line_ending;
#[cfg(test)]
mod plain;
mod position;
mod snapshot;
mod uri;

pub use document::{Change, Desync, DesyncReason, Document};
pub use language::{
    BlockComment, Commas, Delimiter, EmbeddedLanguage, Escape, HereDoc, Interpolation, Language,
    Markup, Scope, StringSyntax,
};
pub use line_ending::LineEnding;
pub use position::{ByteOffset, LineIdx, Position, PositionEncoding, Range};
pub use snapshot::{Cursor, Snapshot};
pub use uri::{Carried, Names, Uri};
