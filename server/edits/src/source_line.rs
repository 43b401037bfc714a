//! The line that a hunk changed, and its neighbours.

use crate::hunk::Hunk;
use crate::rewrite::{line_of, opener};
use crate::tokens::{Tokens, is_word_char};

/// Tokens of a line that are compared with other lines.
pub(crate) const MAX_COMPARED: usize = 80;

/// A changed line before its change.
#[derive(Debug, Clone)]
pub(crate) struct SourceLine {
    /// At most [`MAX_COMPARED`] tokens of it, of the line above and of the line below.
    pub(crate) tokens: Vec<String>,
    pub(crate) above: Vec<String>,
    pub(crate) below: Vec<String>,
    /// Tokens of the line before the change.
    pub(crate) column: usize,
    /// Bytes of blanks at its start.
    pub(crate) indent: usize,
    /// The word before the innermost bracket that is open at the change: a called name, as a rule.
    pub(crate) callee: Option<String>,
    /// Whether a bracket of the hunk is open at the change.
    pub(crate) is_in_brackets: bool,
    pub(crate) n_tokens: usize,
    /// The last token.
    pub(crate) last: Option<String>,
    /// Whether the line begins a definition.
    pub(crate) is_definition: bool,
}

impl SourceLine {
    /// Reads the line of a token of a hunk's old lines.
    pub(crate) fn new(old: &Tokens, at: usize, hunk: &Hunk) -> Self {
        let line = line_of(old, at);
        let strings = |range: std::ops::Range<usize>| -> Vec<String> {
            range.take(MAX_COMPARED).map(|idx| old.str(idx).to_owned()).collect()
        };
        let outside = |text: Option<&str>| -> Vec<String> {
            let tokens = Tokens::new(text.unwrap_or_default().to_owned(), &hunk.scanner);
            (0..tokens.all.len())
                .filter(|&idx| !tokens.is_line_end(idx))
                .take(MAX_COMPARED)
                .map(|idx| tokens.str(idx).to_owned())
                .collect()
        };
        // The token before the line is the end of the line above.
        let above = if line.start > 1 {
            strings(line_of(old, line.start - 1))
        } else {
            outside(hunk.above())
        };
        let below = if line.end + 1 < old.all.len() {
            strings(line_of(old, line.end + 1))
        } else {
            outside(hunk.below())
        };
        let text = old.text.get(..old.start(line.start)).unwrap_or_default();
        let indent = text.rsplit('\n').next().unwrap_or_default().len();
        let open = opener(old, at);
        let callee = open
            .and_then(|open| open.checked_sub(1))
            .filter(|&idx| old.is_word(idx))
            .map(|idx| old.str(idx).to_owned());
        Self {
            above,
            below,
            column: at.saturating_sub(line.start),
            indent,
            callee,
            is_in_brackets: open.is_some(),
            n_tokens: line.len(),
            last: line.end.checked_sub(1).map(|idx| old.str(idx).to_owned()),
            is_definition: begins_definition((line.start..line.end).map(|idx| old.str(idx))),
            tokens: strings(line),
        }
    }
}

/// Words that begin the definition of a function or a type.
const BEGINS: &[&str] =
    &["def", "fn", "func", "function", "fun", "class", "struct", "enum", "trait", "interface"];

/// Whether one of a line's first words begins the definition of a function or a type.
pub(crate) fn begins_definition<'t>(tokens: impl Iterator<Item = &'t str>) -> bool {
    let words = tokens.filter(|text| text.starts_with(is_word_char));
    words
        .take(4)
        .enumerate()
        .any(|(idx, word)| BEGINS.contains(&word) || (idx == 0 && word == "type"))
}
