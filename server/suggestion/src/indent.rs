//! One step of indentation: the additional columns of a block's lines compared with its opener.
//!
//! On the first line of a block, the blanks before the cursor define the step, because the editor
//! has just inserted them. Elsewhere the blocks around the cursor define it. If there are none, the
//! editor's options do.
//! The step can have any size: three blanks are as good as four.

use lowkey_document::lexical::Scanner;
use lowkey_document::{Language, Scope};

use crate::lines::{indent_columns, indentation};
use crate::surroundings::Surroundings;

/// One step of indentation, as given by an editor's `formattingOptions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndentUnit {
    Tab,
    /// This many blanks.
    Spaces(u8),
}

impl IndentUnit {
    /// Converts `tabSize` and `insertSpaces`; returns `None` for 0 blanks.
    pub fn of_options(tab_size: u64, insert_spaces: bool) -> Option<Self> {
        if !insert_spaces {
            return Some(Self::Tab);
        }
        u8::try_from(tab_size).ok().filter(|&n| n > 0).map(Self::Spaces)
    }

    pub(crate) fn character(self) -> char {
        match self {
            Self::Tab => '\t',
            Self::Spaces(_) => ' ',
        }
    }

    /// Returns the width in columns, as [`indent_columns`] counts them.
    fn columns(self) -> usize {
        match self {
            Self::Tab => indent_columns("\t"),
            Self::Spaces(n) => usize::from(n),
        }
    }
}

/// The additional indentation of a block's lines compared with its opener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The blanks before the step.
    pub base: String,
    /// The column where the step starts.
    pub base_columns: usize,
    /// The step's width in columns.
    pub columns: usize,
    /// The character that the step consists of.
    pub character: char,
}

/// Returns the step that the editor has inserted, if the cursor is on the first line of a block,
/// after blanks.
pub(crate) fn editors_step(surroundings: &Surroundings<'_>) -> Option<Step> {
    let request = &surroundings.request;
    let opener = request.lines_above().next_back().filter(|line| !line.trim().is_empty())?;
    let is_deeper = !request.replaced_indent.is_empty() && request.before.is_empty();
    if !is_deeper || !surroundings.opens_block_above {
        return None;
    }
    let base_columns = surroundings.item_columns(opener);
    let columns = indent_columns(request.replaced_indent).checked_sub(base_columns)?;
    let character = request.replaced_indent.chars().next_back()?;
    let base = blanks_before_block(surroundings.request.language, opener);
    (columns > 0).then_some(Step { base, base_columns, columns, character })
}

/// Returns the blanks up to the column from which the block of `opener` is indented.
pub(crate) fn blanks_before_block(language: &Language, opener: &str) -> String {
    let n_more = item_columns(language, opener).saturating_sub(indent_columns(opener));
    [indentation(opener), &" ".repeat(n_more)].concat()
}

/// Returns the width of a step in columns: from the blanks that the editor has inserted, from the
/// blocks around the cursor, or from the editor's options. Returns `None` if the blocks differ.
pub(crate) fn unit_columns(surroundings: &Surroundings<'_>) -> Option<usize> {
    if let Some(step) = editors_step(surroundings) {
        return Some(step.columns);
    }
    let mut found = None;
    let above = steps(surroundings, surroundings.request.lines_above());
    for step in above.chain(steps(surroundings, surroundings.request.lines_below())) {
        match found {
            Some(before) if before != step => return None,
            _ => found = Some(step),
        }
    }
    found.or_else(|| surroundings.request.indent_unit.map(IndentUnit::columns))
}

/// Returns the additional columns of the first line of each block compared with its opener.
fn steps<'a>(
    surroundings: &Surroundings<'_>,
    lines: impl Iterator<Item = &'a str> + Clone,
) -> impl Iterator<Item = usize> {
    let language = surroundings.request.language;
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines.clone().zip(lines.skip(1)).filter_map(move |(opener, line)| step(language, opener, line))
}

/// Returns the additional columns of `line` compared with the line before it, if that line opens a
/// block and `line` is an ordinary line of it.
pub(crate) fn step(language: &'static Language, opener: &str, line: &str) -> Option<usize> {
    let deeper =
        indent_columns(line).checked_sub(item_columns(language, opener)).filter(|&n| n > 0)?;
    let mixes = indentation(line).contains('\t') != indentation(opener).contains('\t')
        && !indentation(opener).is_empty();
    // The indentation of lines after a label is a matter of convention, too.
    let is_label = language.scope == Scope::Braces && opener.trim_end().ends_with(':');
    // Arguments are aligned by hand, and so are lines after a `=`, a `->` or a tag.
    let end = opener.trim_end();
    let is_block = end.ends_with(['{', ':'])
        || (!end.ends_with(['(', '[', '=', '>']) && language.block_ends.contains(&"end"));
    let opens = || Scanner::new(language).opens_block(opener);
    (is_ordinary(language, line) && !is_label && !mixes && is_block && opens()).then_some(deeper)
}

/// Whether a line is indented like its block. Labels, comments, tags and closers have other
/// conventions.
pub(crate) fn is_ordinary(language: &Language, line: &str) -> bool {
    let is_label = language.scope == Scope::Braces && line.trim_end().ends_with(':');
    !is_label && !line.trim_start().starts_with(['}', ')', ']', '*', '/', '#', '<'])
}

/// Returns the column from which a line's block is indented: the column of its first character, or,
/// for a list item, the column of the item's text.
pub(crate) fn item_columns(language: &Language, line: &str) -> usize {
    let mut columns = indent_columns(line);
    let mut text = line.trim_start();
    while language.has_plain_values
        && let Some(item) = text.strip_prefix("- ")
    {
        let inner = item.trim_start();
        columns += text.len() - inner.len();
        text = inner;
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Fixture;

    #[test]
    fn editor_options_convert_to_unit() {
        assert_eq!(IndentUnit::of_options(8, false), Some(IndentUnit::Tab));
        assert_eq!(IndentUnit::of_options(3, true), Some(IndentUnit::Spaces(3)));
        assert_eq!(IndentUnit::of_options(0, true), None);
        assert_eq!(IndentUnit::of_options(300, true), None);
    }

    #[test]
    fn list_item_members_are_one_step_deeper() {
        let yaml = Language::by_id("yaml");
        assert_eq!(step(yaml, "    - copy:", "        src: a"), Some(2));
        assert_eq!(step(yaml, "- - a:", "      b: c"), Some(2));
        assert_eq!(step(yaml, "jobs:", "  test:"), Some(2));
    }

    #[test]
    fn unit_needs_agreeing_blocks() {
        for (text, columns) in [
            ("if a {\n   b\n}\n$0\nif c {\n   d\n}\n", Some(3)),
            ("if a {\n   b\n}\n$0\nif c {\n  d\n}\n", None),
            ("if a {\n\tb\n}\n$0\n", Some(4)),
            // Arguments, labels and comments are aligned by hand.
            ("f(\n      a,\n)\nswitch a {\n case b:\n}\n$0\n", None),
        ] {
            let fixture = Fixture::new("go", text);
            assert_eq!(unit_columns(&Surroundings::new(&fixture.request())), columns, "{text}");
        }
    }
}
