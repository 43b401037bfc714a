//! Finds the end of the block that a multi-line completion belongs to.
//!
//! Brackets decide where there are any. Otherwise indentation does: the block ends at a line that
//! is indented less than the first line, or, if the cursor's line opens a block, at a line that
//! leaves that block.
//! Reads the completion line by line, with the scanner's state at each line's head and end. No text
//! is read twice.

use lowkey_document::Scope;
use lowkey_document::lexical::{Scanner, TextKind, Token, TokenKind};

use crate::lines::{indent_columns, is_block_end};
use crate::surroundings::{ClosedBy, Opener, Surroundings};

/// Words that continue a statement at the indentation of its first line.
pub(crate) const CONTINUATIONS: &[&str] = &[
    "else", "elif", "elsif", "elseif", "except", "finally", "case", "default", "when", "in",
    "then", "do", "rescue", "ensure", "catch", "after",
];

/// A line's effect on the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScopeEffect {
    /// The block continues.
    Continues,
    /// The block ended before this line.
    EndedBefore,
    /// The block ends with this line.
    EndsWith,
}

/// Follows the completion's lines through brackets and indentation.
#[derive(Debug, Clone)]
pub(crate) struct ScopeEnd {
    scope: Scope,
    block_ends: &'static [&'static str],
    scanner: Scanner,
    /// Open brackets, outermost first. Brackets of the surroundings carry where they are closed.
    open: Vec<Opener>,
    /// The lowest number of brackets open at any point of the cursor's line.
    floor: usize,
    /// The indentation of the cursor's line, or of the first line that is not blank. Later lines
    /// must not be indented less.
    base: Option<usize>,
    /// Whether the cursor's line opens a block, by a bracket or by a deeper line below it.
    has_block: bool,
    /// Whether it opens the block by a bracket.
    has_bracket: bool,
    n_blank_lines: usize,
    ends_with_line: bool,
}

impl ScopeEnd {
    pub(crate) fn new(surroundings: &Surroundings<'_>) -> Self {
        let before = surroundings.request.before;
        Self {
            scope: surroundings.request.language.scope,
            block_ends: surroundings.request.language.block_ends,
            scanner: surroundings.scanner_at_line_start(),
            open: surroundings.openers.clone(),
            floor: surroundings.n_open_above.min(surroundings.openers.len()),
            base: (!before.trim().is_empty()).then(|| indent_columns(before)),
            has_block: false,
            has_bracket: false,
            n_blank_lines: 0,
            ends_with_line: false,
        }
    }

    /// Whether the current line begins in code, not in a literal or comment.
    pub(crate) fn is_in_code(&self) -> bool {
        self.scanner.text_kind() == TextKind::Code
    }

    /// Takes the completion's first line, which follows `before` on the cursor's line.
    pub(crate) fn push_first_line(&mut self, before: &str, text: &str) {
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
    pub(crate) fn push_head(&mut self, head: &str, indent: usize) -> ScopeEffect {
        self.ends_with_line = false;
        if self.scanner.text_kind() != TextKind::Code {
            return ScopeEffect::Continues;
        }
        let Some(base) = self.base else {
            self.base = Some(indent);
            return ScopeEffect::Continues;
        };
        let is_closer = head.starts_with([')', ']', '}']);
        if is_closer {
            return self.closing_head(head);
        }
        if indent < base {
            return ScopeEffect::EndedBefore;
        }
        if indent > base {
            self.has_block = true;
            return ScopeEffect::Continues;
        }
        if !self.has_block || self.scope == Scope::Braces || self.open.len() > self.floor {
            return ScopeEffect::Continues;
        }
        // This line has the indentation of the line that opened the block.
        if CONTINUATIONS.contains(&head) {
            return ScopeEffect::Continues;
        }
        if !is_block_end(head, self.block_ends) {
            return ScopeEffect::EndedBefore;
        }
        self.ends_with_line = true;
        ScopeEffect::Continues
    }

    fn closing_head(&mut self, head: &str) -> ScopeEffect {
        match self.open.last() {
            // Opened by the completion, or opened by the cursor's line and closed by the tail that
            // the answer replaces.
            Some(top) if self.open.len() > self.floor && top.closed != ClosedBy::LaterText => {
                ScopeEffect::Continues
            }
            // An unfinished block around the cursor: the answer may end with its closer.
            Some(top) if top.closed == ClosedBy::Nothing && head.starts_with(top.closer) => {
                self.ends_with_line = true;
                ScopeEffect::Continues
            }
            _ => ScopeEffect::EndedBefore,
        }
    }

    /// Takes a complete line below the cursor's.
    pub(crate) fn push_line(&mut self, line: &str) -> ScopeEffect {
        let is_code = self.scanner.text_kind() == TextKind::Code;
        if line.trim().is_empty() && is_code {
            self.scanner.scan("\n", |_| {});
            self.n_blank_lines += 1;
            // One blank line ends a paragraph. Inside the completion's own block it takes two.
            let n_allowed = if self.has_block || self.base.is_none() { 2 } else { 1 };
            return if self.n_blank_lines >= n_allowed {
                ScopeEffect::EndedBefore
            } else {
                ScopeEffect::Continues
            };
        }
        self.n_blank_lines = 0;
        let indent = indent_columns(line);
        let open = &mut self.open;
        self.scanner.scan_line(line, |token| {
            read(open, token, indent);
        });
        let is_closed = self.has_bracket && self.open.len() <= self.floor;
        if self.ends_with_line || is_closed {
            ScopeEffect::EndsWith
        } else {
            ScopeEffect::Continues
        }
    }
}

/// Applies one token to the stack of open brackets; returns how many are open afterwards.
fn read(open: &mut Vec<Opener>, token: Token, indent: usize) -> usize {
    let (bracket, depth, closed) = (token.c, token.depth, ClosedBy::Nothing);
    match token.kind {
        TokenKind::Open { closer } => {
            open.push(Opener { bracket, closer, indent, on_line: true, depth, closed });
        }
        TokenKind::Close => {
            if let Some(idx) = open.iter().rposition(|opener| opener.closer == bracket) {
                open.truncate(idx);
            }
        }
        _ => {}
    }
    open.len()
}
