//! An index of the definitions in the workspace's files.
//!
//! [`definitions`] reads one text. [`DefinitionIndex`] has the definitions of many files and gives
//! readers unchanging snapshots ([`Table`]). [`Indexer`] keeps an index current on a thread of low
//! priority, under the ignore and secret rules.
//!
//! A reader asks a [`Table`] for names ([`Table::named`]), for a file ([`Table::file`]) and for the
//! files that an import may mean ([`Table::modules`]). A verdict of the rules may change after a
//! file was indexed, so a reader asks [`Rules`](crate::Rules) again before a file's text enters a
//! prompt.

mod braces;
mod definitions;
mod disk;
mod grammar;
mod head;
mod indexer;
mod keywords;
mod lines;
mod neighbours;
mod pause;
mod script;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod tokens;
mod typed;
mod walk;
mod worker;

pub use definitions::{Definition, DefinitionKind, MAX_DEFINITIONS, definitions, has_definitions};
pub use indexer::Indexer;
pub use pause::{InFlight, Pause};
pub use store::{DefinitionIndex, IndexLimits, MAX_FILE_BYTES, TextOrigin, Update, key};
pub use table::{File, Indexed, Table};
pub use worker::{Progress, ReadLimits};
