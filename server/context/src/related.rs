//! Cross-file context: which definitions and parts of other files may help at the cursor.
//!
//! Each collector is a pure function of the place and of a state of the index. The order of its
//! snippets is that of prompts: the most helpful is last.

use lowkey_document::Language;

use crate::gather::Context;

mod candidates;
mod chunks;
mod near;
mod signatures;
#[cfg(test)]
mod tests;
mod words;

pub use chunks::similar_chunks;
pub use signatures::{SignatureLimits, signatures};

/// The place for which text of other files is collected.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The window around the cursor.
    pub context: &'p Context,
    /// The document's text; collectors read the first 128 KiB.
    pub text: &'p str,
    pub language: &'static Language,
    /// The document's absolute path with `/` between its parts; "" if it is no file.
    pub path: &'p str,
}
