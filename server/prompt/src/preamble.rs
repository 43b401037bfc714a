//! The part of a prompt before the document's own text: snippets from other files, and the
//! document's path.
//!
//! If the family has a file separator, or the model is used by instruction, each snippet is a
//! separate file. Otherwise all of it is written as comments in the document's language, above the
//! prefix. Snippets are included whole or not at all, in their order, and the path is last. All of
//! it depends on the context alone, never on the cursor's line.

use crate::TokenId;
use lowkey_context::Context;
use lowkey_document::Language;
use std::path::Path;
use std::sync::Arc;

/// The tokens before the document's text.
#[derive(Debug, Default)]
pub(crate) struct Preamble {
    /// Snippets, before the beginning of the document; each after a separator if there is one.
    pub(crate) snippets: Vec<TokenId>,
    /// The document's path.
    pub(crate) path: Vec<TokenId>,
}

/// The format of snippets and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As comments in the document's language.
    Comments,
    /// As files, each after this token if there is one.
    Files(Option<TokenId>),
}

impl Preamble {
    /// Fits path and snippets into `allowed` tokens: the path first, then the snippets, most
    /// helpful first.
    ///
    /// A part that does not fit is omitted whole, because a part of a path names another file.
    pub(crate) fn fit(
        context: &Context,
        style: Style,
        allowed: usize,
        encode: impl Fn(&str) -> Arc<[TokenId]>,
    ) -> Preamble {
        let commented = style == Style::Comments;
        let language = Language::by_path(Path::new(&context.label));
        let written = |text: String| if commented { comment(&text, language) } else { text };
        let mut left = allowed;
        let mut preamble = Preamble::default();
        if !context.label.is_empty() {
            let path = encode(&written(format!("{}\n", context.label)));
            if let Some(after) = left.checked_sub(path.len()) {
                left = after;
                preamble.path = path.to_vec();
            }
        }
        let separator = match style {
            Style::Files(separator) => separator,
            Style::Comments => None,
        };
        let mut chosen = Vec::new();
        for snippet in context.snippets.iter().rev() {
            let end = if snippet.text.ends_with('\n') { "" } else { "\n" };
            let text = encode(&written(format!("{}\n{}{end}", snippet.label, snippet.text)));
            let n_tokens = text.len() + usize::from(separator.is_some());
            if let Some(after) = left.checked_sub(n_tokens) {
                left = after;
                chosen.push(text);
            }
        }
        for text in chosen.iter().rev() {
            preamble.snippets.extend(separator);
            preamble.snippets.extend(text.iter());
        }
        preamble
    }

    /// Returns the number of tokens.
    pub(crate) fn len(&self) -> usize {
        self.snippets.len() + self.path.len()
    }
}

/// Writes every line of `text` as a comment; "" in a language without comments.
fn comment(text: &str, language: &Language) -> String {
    let (open, close) = match (language.line_comments.first(), language.block_comments.first()) {
        (Some(open), _) => (*open, ""),
        (None, Some(block)) => (block.open, block.close),
        (None, None) => return String::new(),
    };
    let mut commented = String::new();
    for line in text.lines() {
        commented.push_str(format!("{open} {line} {close}").trim_end());
        commented.push('\n');
    }
    commented
}
