//! One step of indentation: what a block's lines have more than its opener.
//!
//! Read from the lines around the cursor, where blocks show it; where none does, what the editor says counts.
//! Nothing is assumed of its size: three blanks are as good as four.

use lowkey_document::Scope;

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

/// Returns the columns of a step: what the blocks around the cursor agree on, or the editor's word; `None` where
/// blocks differ among themselves.
pub(crate) fn unit_columns(site: &Site<'_>) -> Option<usize> {
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
    let scope = site.request.language.scope;
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines.clone().zip(lines.skip(1)).filter_map(move |(opener, line)| step(scope, opener, line))
}

/// How much deeper `line` stands than the line before it, when that opens a block and this is an ordinary line of it.
pub(crate) fn step(scope: Scope, opener: &str, line: &str) -> Option<usize> {
    let end = opener.trim_end();
    let opens = match scope {
        Scope::Braces => end.ends_with('{'),
        Scope::Indent => end.ends_with(':'),
    };
    let first = line.trim_start();
    // Labels, comments and closers stand where custom wants them.
    let is_label = scope == Scope::Braces && line.trim_end().ends_with(':');
    let is_ordinary = !is_label && !first.starts_with(['}', ')', ']', '*', '/', '#', '<']);
    let mixes = indentation(line).contains('\t') != indentation(opener).contains('\t')
        && !indentation(opener).is_empty();
    let deeper = indent_columns(line).checked_sub(indent_columns(opener)).filter(|&n| n > 0);
    deeper.filter(|_| opens && is_ordinary && !mixes)
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
