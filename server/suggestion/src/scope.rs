//! Where the block ends that a multi-line completion belongs to.
//!
//! By brackets where they show it, else by indentation: a line that is indented less than the first,
//! or, once the cursor's line has opened a block, a line that leaves it.
//! Told line by line, with the state at each line's head and end; nothing is read twice.

use lowkey_document::Scope;
use lowkey_document::lexical::{Kind, Place, Scanner, Token};

use crate::lines::{indent_columns, is_block_end};
use crate::site::{Closed, Opener, Site};

/// Words that go on with a statement at the indentation of its first line.
pub(crate) const CONTINUATIONS: &[&str] = &[
    "else", "elif", "elsif", "elseif", "except", "finally", "case", "default", "when", "in",
    "then", "do", "rescue", "ensure", "catch", "after",
];

/// What a line says about the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// The block goes on.
    GoOn,
    /// The block ended before this line.
    EndBefore,
    /// The block ends with this line.
    EndWith,
}

/// Follows the completion's lines through brackets and indentation.
#[derive(Debug, Clone)]
pub(crate) struct ScopeEnd {
    scope: Scope,
    block_ends: &'static [&'static str],
    scanner: Scanner,
    /// Open brackets, outermost first; those of the surroundings know where they are closed.
    open: Vec<Opener>,
    /// The fewest brackets that were open at once on the cursor's line.
    floor: usize,
    /// The indentation of the cursor's line, or of the first line with text; it must be kept.
    base: Option<usize>,
    /// Whether the cursor's line has opened a block, by a bracket or by a deeper line below it.
    has_block: bool,
    /// Whether it did so by a bracket.
    has_bracket: bool,
    n_blank_lines: usize,
    ends_with_line: bool,
}

impl ScopeEnd {
    pub(crate) fn new(site: &Site<'_>) -> Self {
        let before = site.request.before;
        Self {
            scope: site.request.language.scope,
            block_ends: site.request.language.block_ends,
            scanner: site.scanner_at_line_start(),
            open: site.openers.clone(),
            floor: site.n_open_above.min(site.openers.len()),
            base: (!before.trim().is_empty()).then(|| indent_columns(before)),
            has_block: false,
            has_bracket: false,
            n_blank_lines: 0,
            ends_with_line: false,
        }
    }

    /// Whether the current line begins in code, not in a literal or comment.
    pub(crate) fn is_in_code(&self) -> bool {
        self.scanner.place() == Place::Code
    }

    /// Takes the completion's first line, behind what stands before the cursor.
    pub(crate) fn first_line(&mut self, before: &str, text: &str) {
        let cursor = before.len();
        let line = [before, text, "\n"].concat();
        if !line.trim().is_empty() {
            self.base.get_or_insert(indent_columns(&line));
        }
        let mut floor = self.floor;
        let open = &mut self.open;
        let indent = indent_columns(&line);
        self.scanner.scan(&line, |token| {
            if token.at >= cursor {
                floor = floor.min(read(open, token, indent));
            }
        });
        self.floor = floor;
        self.has_bracket = self.open.len() > floor;
        self.has_block = self.has_bracket;
    }

    /// Takes the first word or mark of a line below the cursor's, as soon as it is complete.
    pub(crate) fn head(&mut self, head: &str, indent: usize) -> Says {
        self.ends_with_line = false;
        if self.scanner.place() != Place::Code {
            return Says::GoOn;
        }
        let Some(base) = self.base else {
            self.base = Some(indent);
            return Says::GoOn;
        };
        let is_closer = head.starts_with([')', ']', '}']);
        if is_closer {
            return self.closing_head(head);
        }
        if indent < base {
            return Says::EndBefore;
        }
        if indent > base {
            self.has_block = true;
            return Says::GoOn;
        }
        if !self.has_block || self.scope == Scope::Braces || self.open.len() > self.floor {
            return Says::GoOn;
        }
        // Back at the indentation of the line that opened the block.
        if CONTINUATIONS.contains(&head) {
            return Says::GoOn;
        }
        if !is_block_end(head, self.block_ends) {
            return Says::EndBefore;
        }
        self.ends_with_line = true;
        Says::GoOn
    }

    fn closing_head(&mut self, head: &str) -> Says {
        match self.open.last() {
            // Opened by the completion, or by the cursor's line and closed by what the answer replaces.
            Some(top) if self.open.len() > self.floor && top.closed != Closed::ByWhatFollows => {
                Says::GoOn
            }
            // An unfinished block around the cursor: its closer is the last thing to say.
            Some(top) if top.closed == Closed::No && head.starts_with(top.closer) => {
                self.ends_with_line = true;
                Says::GoOn
            }
            _ => Says::EndBefore,
        }
    }

    /// Takes a complete line below the cursor's.
    pub(crate) fn line(&mut self, line: &str) -> Says {
        let is_code = self.scanner.place() == Place::Code;
        if line.trim().is_empty() && is_code {
            self.scanner.scan("\n", |_| {});
            self.n_blank_lines += 1;
            // A blank line ends a paragraph; in a block of its own it takes two.
            let n_allowed = if self.has_block || self.base.is_none() { 2 } else { 1 };
            return if self.n_blank_lines >= n_allowed { Says::EndBefore } else { Says::GoOn };
        }
        self.n_blank_lines = 0;
        let indent = indent_columns(line);
        let open = &mut self.open;
        self.scanner.scan_line(line, |token| {
            read(open, token, indent);
        });
        let is_closed = self.has_bracket && self.open.len() <= self.floor;
        if self.ends_with_line || is_closed { Says::EndWith } else { Says::GoOn }
    }
}

/// Reads one token onto the stack of open brackets; returns how many are open then.
fn read(open: &mut Vec<Opener>, token: Token, indent: usize) -> usize {
    let (bracket, depth, closed) = (token.c, token.depth, Closed::No);
    match token.kind {
        Kind::Open { closer } => {
            open.push(Opener { bracket, closer, indent, on_line: true, depth, closed });
        }
        Kind::Close => {
            if let Some(idx) = open.iter().rposition(|opener| opener.closer == bracket) {
                open.truncate(idx);
            }
        }
        _ => {}
    }
    open.len()
}
