//! The document's path, before its text: after the family's separator, or as a comment above the
//! prefix in a family without one.
//!
//! It depends on the context alone, never on the cursor's line.

use crate::TokenId;
use crate::placement::Style;
use lowkey_context::Context;
use lowkey_document::Language;
use std::path::Path;
use std::sync::Arc;

/// Returns the tokens of the document's path, at most `allowed`.
///
/// A path that does not fit is omitted whole, because a part of a path names another file.
pub(crate) fn path(
    context: &Context,
    style: Style,
    allowed: usize,
    encode: impl Fn(&str) -> Arc<[TokenId]>,
) -> Vec<TokenId> {
    if context.label.is_empty() {
        return Vec::new();
    }
    let language = Language::by_path(Path::new(&context.label));
    let path = encode(&style.written(format!("{}\n", context.label), language));
    if path.len() > allowed { Vec::new() } else { path.to_vec() }
}
