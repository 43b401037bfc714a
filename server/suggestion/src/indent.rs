//! One step of indentation: what a block's lines have more than its opener.
//!
//! On the first line of a block the blanks before the cursor say it: the editor has just made them. Elsewhere the
//! lines around the cursor, where blocks show it; where none does, what the editor's options say counts.
//! Nothing is assumed of its size: three blanks are as good as four.

use lowkey_document::lexical::Scanner;
use lowkey_document::{Language, Scope};

use crate::lines::{indent_columns, indentation};
use crate::site::Site;

/// One step of indentation, as an editor's `formattingOptions` say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndentUnit {
    /// A tab.
    Tab,
    /// So many blanks.
    Spaces(u8),
}

impl IndentUnit {
    /// Reads `tabSize` and `insertSpaces`; no blanks at all are no unit.
    pub fn of_options(tab_size: u64, insert_spaces: bool) -> Option<Self> {
        if !insert_spaces {
            return Some(Self::Tab);
        }
        u8::try_from(tab_size).ok().filter(|&n| n > 0).map(Self::Spaces)
    }

    /// The character that it is made of.
    pub(crate) fn character(self) -> char {
        match self {
            Self::Tab => '\t',
            Self::Spaces(_) => ' ',
        }
    }

    /// Its columns, as lines are compared.
    fn columns(self) -> usize {
        match self {
            Self::Tab => indent_columns("\t"),
            Self::Spaces(n) => usize::from(n),
        }
    }
}

/// What the lines of a block have more than its opener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The blanks from which the step counts.
    pub base: String,
    /// From where the step counts, in columns.
    pub base_columns: usize,
    /// How many columns it has.
    pub columns: usize,
    /// What it is made of.
    pub character: char,
}

/// Returns the step that the editor has made: the cursor is on the first line of a block, behind blanks.
pub(crate) fn editors_step(site: &Site<'_>) -> Option<Step> {
    let request = &site.request;
    let opener = request.lines_above().next_back().filter(|line| !line.trim().is_empty())?;
    let is_deeper = !request.replaced_indent.is_empty() && request.before.is_empty();
    if !is_deeper || !site.opens_block_above {
        return None;
    }
    let base_columns = site.item_columns(opener);
    let columns = indent_columns(request.replaced_indent).checked_sub(base_columns)?;
    let character = request.replaced_indent.chars().next_back()?;
    let base = blanks_before_block(site.request.language, opener);
    (columns > 0).then_some(Step { base, base_columns, columns, character })
}

/// Returns the blanks up to the column from which the block of `opener` is indented.
pub(crate) fn blanks_before_block(language: &Language, opener: &str) -> String {
    let n_more = item_columns(language, opener).saturating_sub(indent_columns(opener));
    [indentation(opener), &" ".repeat(n_more)].concat()
}

/// Returns the columns of a step: what the editor has made, what the blocks around the cursor agree on, or the
/// editor's options; `None` where blocks differ among themselves.
pub(crate) fn unit_columns(site: &Site<'_>) -> Option<usize> {
    if let Some(step) = editors_step(site) {
        return Some(step.columns);
    }
    let mut found = None;
    let above = steps(site, site.request.lines_above());
    for step in above.chain(steps(site, site.request.lines_below())) {
        match found {
            Some(before) if before != step => return None,
            _ => found = Some(step),
        }
    }
    found.or_else(|| site.request.indent_unit.map(IndentUnit::columns))
}

/// How much deeper the first line of each block stands than its opener.
fn steps<'a>(
    site: &Site<'_>,
    lines: impl Iterator<Item = &'a str> + Clone,
) -> impl Iterator<Item = usize> {
    let language = site.request.language;
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines.clone().zip(lines.skip(1)).filter_map(move |(opener, line)| step(language, opener, line))
}

/// How much deeper `line` stands than the line before it, when that opens a block and this is an ordinary line of it.
pub(crate) fn step(language: &'static Language, opener: &str, line: &str) -> Option<usize> {
    let deeper =
        indent_columns(line).checked_sub(item_columns(language, opener)).filter(|&n| n > 0)?;
    let mixes = indentation(line).contains('\t') != indentation(opener).contains('\t')
        && !indentation(opener).is_empty();
    // What follows a label stands where custom wants it, too.
    let is_label = language.scope == Scope::Braces && opener.trim_end().ends_with(':');
    // Arguments are aligned by hand, and so is what follows a `=`, `->` or a tag.
    let end = opener.trim_end();
    let is_block = end.ends_with(['{', ':'])
        || (!end.ends_with(['(', '[', '=', '>']) && language.block_ends.contains(&"end"));
    let opens = || Scanner::new(language).opens_block(opener);
    (is_ordinary(language, line) && !is_label && !mixes && is_block && opens()).then_some(deeper)
}

/// Says whether a line is indented as its block is: labels, comments, tags and closers stand where custom wants them.
pub(crate) fn is_ordinary(language: &Language, line: &str) -> bool {
    let is_label = language.scope == Scope::Braces && line.trim_end().ends_with(':');
    !is_label && !line.trim_start().starts_with(['}', ')', ']', '*', '/', '#', '<'])
}

/// Returns the column from which a line's block is indented: its first character's, but for an item of a list the
/// first of its text.
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
    fn an_editor_s_options_are_a_unit_or_nothing() {
        assert_eq!(IndentUnit::of_options(8, false), Some(IndentUnit::Tab));
        assert_eq!(IndentUnit::of_options(3, true), Some(IndentUnit::Spaces(3)));
        assert_eq!(IndentUnit::of_options(0, true), None);
        assert_eq!(IndentUnit::of_options(300, true), None);
    }

    #[test]
    fn members_of_an_item_are_deeper_than_its_text() {
        let yaml = Language::by_id("yaml");
        assert_eq!(step(yaml, "    - copy:", "        src: a"), Some(2));
        assert_eq!(step(yaml, "- - a:", "      b: c"), Some(2));
        assert_eq!(step(yaml, "jobs:", "  test:"), Some(2));
    }

    #[test]
    fn the_unit_is_what_blocks_agree_on() {
        for (text, columns) in [
            ("if a {\n   b\n}\n$0\nif c {\n   d\n}\n", Some(3)),
            ("if a {\n   b\n}\n$0\nif c {\n  d\n}\n", None),
            ("if a {\n\tb\n}\n$0\n", Some(4)),
            // Arguments, labels and comments are aligned by hand.
            ("f(\n      a,\n)\nswitch a {\n case b:\n}\n$0\n", None),
        ] {
            let fixture = Fixture::new("go", text);
            assert_eq!(unit_columns(&Site::new(&fixture.request())), columns, "{text}");
        }
    }
}
