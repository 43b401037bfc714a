//! Where a prompt has the snippets from other files, and how they are written.
//!
//! Snippets are included whole or not at all, in their order, the most helpful last. If they do not
//! all fit, the least helpful are dropped. They depend on the context and the budget alone, never on
//! the cursor's line. All tokens before them are the same for all snippets, and without a snippet
//! the prompt is the same for every placement.

use crate::TokenId;
use crate::families::Piece;
use crate::fim::FimFormat;
use lowkey_context::Context;
use lowkey_document::Language;
use std::path::Path;
use std::sync::Arc;

/// The place of snippets from other files in a prompt with sentinels.
///
/// In a family without a file separator they are comments at every place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// Before the document, each as a file after the family's separator.
    #[default]
    Before,
    /// The same after the repository's name, in families that were trained on it.
    Repository,
    /// At the start of the prefix, as comments in the document's language.
    AbovePrefix,
    /// After the suffix, each as a file after the family's separator.
    AfterSuffixFiles,
    /// After the suffix, as comments in the document's language.
    AfterSuffixComments,
}

/// The format of paths and snippets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As comments in the document's language.
    Comments,
    /// As files, each after this token if there is one.
    Files(Option<TokenId>),
}

impl Placement {
    /// Every place.
    pub const ALL: [Placement; 5] = [
        Placement::Before,
        Placement::Repository,
        Placement::AbovePrefix,
        Placement::AfterSuffixFiles,
        Placement::AfterSuffixComments,
    ];

    /// Returns the index in `layout` of the piece that follows the snippets.
    pub(crate) fn index(self, layout: &[Piece]) -> usize {
        let is_path = |piece: &Piece| matches!(piece, Piece::Separator | Piece::CommentedPath);
        let is_prefix = |piece: &Piece| matches!(piece, Piece::CommentedPath | Piece::Prefix);
        let index = match self {
            Placement::Before | Placement::Repository => layout.iter().position(is_path),
            Placement::AbovePrefix => layout.iter().position(is_prefix),
            Placement::AfterSuffixFiles | Placement::AfterSuffixComments => {
                layout.iter().position(|&piece| piece == Piece::Suffix).map(|suffix| suffix + 1)
            }
        };
        index.unwrap_or_default()
    }

    pub(crate) fn is_after_suffix(self) -> bool {
        matches!(self, Placement::AfterSuffixFiles | Placement::AfterSuffixComments)
    }

    /// Returns how snippets are written at this place.
    pub(crate) fn style(self, format: &FimFormat) -> Style {
        match (self, format.style()) {
            (Placement::AbovePrefix | Placement::AfterSuffixComments, _)
            | (_, Style::Comments | Style::Files(None)) => Style::Comments,
            (_, files) => files,
        }
    }
}

impl Style {
    /// Writes `text` in this style.
    pub(crate) fn written(self, text: String, language: &Language) -> String {
        match self {
            Style::Comments => comment(&text, language),
            Style::Files(_) => text,
        }
    }
}

/// The snippets that fit into a prompt.
#[derive(Debug, Default)]
pub(crate) struct Fitting {
    pub(crate) tokens: Vec<TokenId>,
    /// How many there are.
    pub(crate) n: usize,
}

/// Returns the tokens of as many snippets as fit into `allowed` tokens, the most helpful ones.
///
/// `opening` precedes the first snippet; it is omitted if there is none.
pub(crate) fn snippets(
    context: &Context,
    style: Style,
    opening: &[TokenId],
    allowed: usize,
    encode: impl Fn(&str) -> Arc<[TokenId]>,
) -> Fitting {
    let Some(mut left) = allowed.checked_sub(opening.len()) else { return Fitting::default() };
    let language = Language::by_path(Path::new(&context.label));
    let separator = match style {
        Style::Files(separator) => separator,
        Style::Comments => None,
    };
    let mut chosen = Vec::new();
    for snippet in context.snippets.iter().rev() {
        let end = if snippet.text.ends_with('\n') { "" } else { "\n" };
        let text = format!("{}\n{}{end}", snippet.label, snippet.text);
        let text = encode(&style.written(text, language));
        let n_tokens = text.len() + usize::from(separator.is_some());
        // A less helpful snippet that fits would be in the prompt or not depending on its length.
        let Some(after) = left.checked_sub(n_tokens) else { break };
        left = after;
        // A language without comments has no text for them.
        if n_tokens > 0 {
            chosen.push(text);
        }
    }
    if chosen.is_empty() {
        return Fitting::default();
    }
    let mut tokens = opening.to_vec();
    for text in chosen.iter().rev() {
        tokens.extend(separator);
        tokens.extend(text.iter());
    }
    Fitting { tokens, n: chosen.len() }
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
