//! Here documents: from the line after `<<NAME` to the line that holds the name.

use super::{Rest, Scanner, is_word};
use crate::language::{HereDoc, Language};

/// Maximum length of a name.
const MAX_NAME_BYTES: usize = 64;

/// A here document whose name has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HereDocTerminator {
    name: Box<str>,
    /// Indentation allowed before the name that ends it.
    indent: Indent,
    code_after_end: bool,
}

/// How the end of a here document may be indented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Indent {
    None,
    Tabs,
    Blanks,
}

impl HereDocTerminator {
    /// Returns the length of the part of `line` that ends the here document; `None` if the line
    /// belongs to it.
    pub(super) fn end_of(&self, line: &str) -> Option<usize> {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let head = match self.indent {
            Indent::None => line,
            Indent::Tabs => line.trim_start_matches('\t'),
            Indent::Blanks => line.trim_start(),
        };
        let rest = head.strip_prefix(&*self.name)?;
        let ends = if self.code_after_end { !rest.starts_with(is_word) } else { rest.is_empty() };
        ends.then(|| line.len() - rest.len())
    }
}

impl Scanner {
    /// Records a here document that begins on the next line. Returns the length of its mark and
    /// name.
    pub(super) fn here_doc_at(&mut self, rest: Rest<'_>, language: &Language) -> Option<usize> {
        let syntax = language.here_doc?;
        if rest.c != '<' || !self.may_begin_here_doc(&syntax) {
            return None;
        }
        let after = rest.line_rest().strip_prefix(syntax.open)?;
        let marked = after.strip_prefix(|c| syntax.marks.contains(c)).unwrap_or(after);
        let mark = after.chars().next().filter(|&c| syntax.marks.contains(c));
        let (name, len) = name_of(marked, &syntax)?;
        let indent = match mark {
            _ if syntax.code_after_end => Indent::Blanks,
            // Shells allow tabs only; Ruby and HCL allow blanks, too.
            Some('-') if syntax.capitals => Indent::Blanks,
            Some('-') => Indent::Tabs,
            Some(_) => Indent::Blanks,
            None => Indent::None,
        };
        self.pending.push(HereDocTerminator {
            name: name.into(),
            indent: if language.id == "terraform" { Indent::Blanks } else { indent },
            code_after_end: syntax.code_after_end,
        });
        Some(syntax.open.len() + (after.len() - marked.len()) + len)
    }

    /// Whether a here document may follow the previous character: `1<<N` is a shift, and so is
    /// `a<<N` in languages with capital names.
    fn may_begin_here_doc(&self, syntax: &HereDoc) -> bool {
        if self.previous == '<' {
            return false;
        }
        if syntax.capitals {
            !is_word(self.previous) && !matches!(self.previous, ')' | ']')
        } else {
            !self.previous.is_ascii_digit() && self.previous != ')'
        }
    }
}

/// Returns a here document's name and the length of its spelling.
fn name_of<'t>(text: &'t str, syntax: &HereDoc) -> Option<(&'t str, usize)> {
    let blanks = text.len() - text.trim_start_matches(' ').len();
    // `<< 'EOF'` begins one; `a << B` may be a shift.
    let text = if syntax.capitals { text } else { text.get(blanks..)? };
    let blanks = if syntax.capitals { 0 } else { blanks };
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`')) {
        let inside = text.get(1..)?;
        let name = inside.get(..inside.find(quote)?)?;
        let is_name = !name.is_empty() && name.len() <= MAX_NAME_BYTES;
        return is_name.then_some((name, blanks + name.len() + 2));
    }
    let (bare, escape) = match text.strip_prefix('\\') {
        Some(bare) => (bare, 1),
        None => (text, 0),
    };
    let end = bare.find(|c: char| !is_word(c)).unwrap_or(bare.len());
    let name = bare.get(..end).filter(|name| !name.is_empty() && name.len() <= MAX_NAME_BYTES)?;
    let first = name.chars().next()?;
    let is_name = if syntax.capitals {
        first.is_uppercase() || first == '_'
    } else {
        !first.is_ascii_digit()
    };
    // `$((1 << N))` is arithmetic.
    let shifts = bare.get(end..).is_some_and(|rest| rest.starts_with("))"));
    (is_name && !shifts).then_some((name, blanks + name.len() + escape))
}
