//! Matches the closers after the cursor with the brackets that are open at it.
//!
//! Brackets alone are not enough: a document in the middle of an edit is unbalanced. Indentation
//! then decides which block a closer belongs to.

use lowkey_document::Scope;
use lowkey_document::lexical::{Scanner, TextKind, Token, TokenKind};

use super::{ClosedBy, Opener, Surroundings};
use crate::lines::indent_columns;

impl Surroundings<'_> {
    /// Determines which open brackets and literals are closed by the text after the cursor.
    pub(super) fn read_text_after_cursor(&mut self, mut scanner: Scanner) {
        let request = self.request;
        let tail_bytes = request.replaced_tail.len();
        let rest = [request.replaced_tail, request.after, "\n"].concat();
        let at_cursor = scanner.clone();
        let mut closers = Closers::default();
        let mut ends: Vec<Option<usize>> = vec![None; self.literals.len()];
        let mut depth = self.depth;
        scanner.scan(&rest, |token| {
            if token.c == '\n' && token.kind != TokenKind::BrokenLiteral {
                return;
            }
            depth = token.depth;
            for (end, literal) in ends.iter_mut().zip(&self.literals) {
                if end.is_none() && depth <= literal.depth {
                    *end = Some(token.at);
                }
            }
            let closed = if token.at < tail_bytes { ClosedBy::Tail } else { ClosedBy::LaterText };
            closers.read(token, closed, None);
        });
        for (end, literal) in ends.into_iter().zip(&mut self.literals) {
            // With an even number of quotes the rest is balanced by itself, and the literal is
            // still open.
            let is_end = |at| (tail_bytes..rest.len() - 1).contains(&at);
            literal.ends_after = depth <= literal.depth && end.is_some_and(is_end);
        }
        let n_on_line = closers.outer.len();
        let has_literal = |scanner: &Scanner| scanner.literals().next().is_some();
        self.rest_is_balanced = depth <= self.depth && !has_literal(&scanner);
        self.drop_unfinished_constructs(&mut scanner, &at_cursor);
        for line in request.lines_below() {
            let is_code = scanner.text_kind() == TextKind::Code && !line.trim().is_empty();
            let mut head = None;
            if is_code {
                let indent = indent_columns(line);
                let first = line.trim_start();
                if first.starts_with([')', ']', '}']) {
                    head = Some(Head { indent, end: line.len() - first.len() });
                } else if !self.is_outdented_by_convention(first) {
                    closers.min_indent = Some(
                        closers.min_indent.map_or(indent, |min_indent| min_indent.min(indent)),
                    );
                }
            }
            scanner.scan_line(line, |token| {
                if let Some(Head { end, .. }) = &mut head
                    && *end == token.at
                    && matches!(token.kind, TokenKind::Close)
                {
                    *end += token.len;
                }
                let at_head = head.filter(|head| token.at < head.end).map(|head| head.indent);
                closers.read(token, ClosedBy::LaterText, at_head);
            });
        }
        self.match_closers(&closers, n_on_line);
    }

    /// Text that the cursor's line opens and does not end belongs to the completion, not to the
    /// lines below.
    fn drop_unfinished_constructs(&mut self, scanner: &mut Scanner, at_cursor: &Scanner) {
        let request = self.request;
        let is_document_ended =
            || request.lines_below().any(|line| scanner.ends_here_doc(line.trim_end()));
        let began_document = at_cursor.has_pending_here_doc() && !is_document_ended();
        let is_open = self.depth > self.line_start.depth() && scanner.depth() >= self.depth;
        if began_document || is_open {
            *scanner = self.line_start.clone();
            return;
        }
        let Some(syntax) = at_cursor.literal() else { return };
        if scanner.text_kind() == TextKind::Literal
            && self.text_kind == TextKind::Literal
            && let Some(literal) = self.literals.last_mut()
        {
            let next = request.next_line().unwrap_or_default();
            literal.ends_after = next.trim_start().starts_with(syntax.close);
        }
    }

    /// Whether a line is indented less than the block it belongs to: labels, comments, preprocessor
    /// lines.
    fn is_outdented_by_convention(&self, line: &str) -> bool {
        (self.request.language.scope == Scope::Braces && line.trim_end().ends_with(':'))
            || line.starts_with('#')
            || self.request.language.line_comments.iter().any(|open| line.starts_with(open))
    }

    /// Marks the open brackets that `closers` close.
    fn match_closers(&mut self, closers: &Closers, n_on_line: usize) {
        let outer = &closers.outer;
        let is_whole = !self.request.is_cut_above() && !self.request.is_cut_below();
        let fits = self.openers.len() == outer.len()
            && self.openers.iter().rev().zip(outer).all(|(o, closer)| o.closer == closer.closer);
        if is_whole && fits {
            // The document is balanced, so indentation is not needed.
            for (opener, closer) in self.openers.iter_mut().rev().zip(outer) {
                opener.closed = closer.closed;
            }
            return;
        }
        let mut top = self.openers.len();
        let is_mid_line = !self.request.before.trim().is_empty();
        for (idx, closer) in outer.iter().enumerate() {
            let is_on_line = idx < n_on_line;
            let in_reach = self.openers.get(..top).unwrap_or_default();
            // In the middle of a line, a closer does not match an opener that is outside of one
            // opened above, and never a block.
            let first = match in_reach.iter().rposition(|opener| !opener.on_line) {
                Some(above) if is_on_line && is_mid_line => {
                    let is_block = in_reach.get(above).is_some_and(|opener| opener.bracket == '{');
                    above + usize::from(is_block)
                }
                _ => 0,
            };
            let found = in_reach
                .iter()
                .enumerate()
                .skip(first)
                .rfind(|(_, opener)| closer.may_close(opener))
                .map(|(idx, _)| idx);
            if let Some(idx) = found
                && let Some(opener) = self.openers.get_mut(idx)
            {
                opener.closed = closer.closed;
                top = idx;
            } else {
                self.unmatched_closers.push((closer.closer, closer.indent));
                self.closes_more_on_line |= is_on_line;
            }
        }
        if self.request.is_cut_below() {
            // A block that no visible line leaves is closed below the visible lines.
            for opener in
                self.openers.iter_mut().filter(|opener| opener.closed == ClosedBy::Nothing)
            {
                // Calls are short: a call opened on the cursor's line is closed in the visible
                // lines or not at all.
                let is_block = !opener.on_line || opener.bracket == '{';
                if is_block
                    && closers.min_indent.is_some_and(|min_indent| min_indent > opener.indent)
                {
                    opener.closed = ClosedBy::LaterText;
                }
            }
        }
    }
}

/// Collects closers after the cursor whose openers are before it.
#[derive(Debug, Default)]
struct Closers {
    outer: Vec<OuterCloser>,
    /// Brackets that the text after the cursor opens itself.
    inner: Vec<char>,
    /// The lowest indentation so far of a line that does not begin with a closer. A block at this
    /// depth or deeper has been left.
    min_indent: Option<usize>,
}

/// The closers at the start of a line.
#[derive(Debug, Clone, Copy)]
struct Head {
    indent: usize,
    end: usize,
}

/// A closer after the cursor whose opener is before it.
#[derive(Debug, Clone, Copy)]
struct OuterCloser {
    closer: char,
    closed: ClosedBy,
    /// The indentation of its line if only closers precede it there.
    indent: Option<usize>,
    min_indent: Option<usize>,
}

impl Closers {
    fn read(&mut self, token: Token, closed: ClosedBy, indent: Option<usize>) {
        match token.kind {
            TokenKind::Open { closer } => self.inner.push(closer),
            TokenKind::Close if self.inner.pop().is_none() => {
                let (closer, min_indent) = (token.c, self.min_indent);
                self.outer.push(OuterCloser { closer, closed, indent, min_indent });
            }
            _ => {}
        }
    }
}

impl OuterCloser {
    /// Whether indentation allows this closer to close `opener`: a closer at the head of its line
    /// is at its opener's indentation or deeper, and no line in between has left the block.
    fn may_close(&self, opener: &Opener) -> bool {
        self.closer == opener.closer
            && self.indent.is_none_or(|indent| opener.indent <= indent)
            && self.min_indent.is_none_or(|min_indent| opener.indent < min_indent)
    }
}
