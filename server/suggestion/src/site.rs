//! The surroundings of a completion: the brackets that are open at the cursor, and which of them
//! are closed already.
//!
//! Read once per request from the lines around the cursor; the rules query this instead of reading
//! the text again. The document knows which literals and comments are open at the first of those
//! lines. Brackets outside those lines are unknown, and the rules leave unknown brackets to the
//! model.

use lowkey_document::Scope;
use lowkey_document::lexical::{Scanner, TextKind, Token, TokenKind};

use crate::indent::{IndentUnit, item_columns};
use crate::lines::{indent_columns, indentation};
use crate::request::Request;

/// Where an open bracket is closed in the current document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Not in the visible lines.
    No,
    /// By the tail that the answer replaces: the answer may close it itself.
    ByTail,
    /// By text that stays: the answer must not close it again.
    ByWhatFollows,
}

/// A bracket that is open at the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opener {
    pub bracket: char,
    /// The closing bracket.
    pub closer: char,
    /// The indentation of its line, in columns.
    pub indent: usize,
    /// Whether it is on the cursor's line.
    pub on_line: bool,
    /// The scanner's depth when the bracket was read.
    pub depth: usize,
    pub closed: Closed,
}

/// A literal that is open at the cursor. The cursor is in its text or in code inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenLiteral {
    /// The depth at which it was opened. The literal ends when the scanner returns to this depth.
    pub depth: usize,
    /// Whether text that stays ends it.
    pub ends_after: bool,
}

/// A request and the analysis of its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Site<'a> {
    pub request: Request<'a>,
    /// The brackets open at the cursor, outermost first.
    pub openers: Vec<Opener>,
    /// How many brackets are open at the start of the cursor's line.
    pub n_open_above: usize,
    /// The kind of text at the cursor.
    pub text_kind: TextKind,
    /// Whether the last line above that is not blank opens a block.
    pub opens_block_above: bool,
    /// The scanner's depth at the cursor.
    pub depth: usize,
    /// The literals that are open at the cursor, outermost first.
    pub literals: Vec<OpenLiteral>,
    /// Closers in text that stays whose openers are not in the visible lines; each with its line's
    /// indentation if it is at the head of a line.
    pub more_closers: Vec<(char, Option<usize>)>,
    /// Whether the rest of the cursor's line closes more brackets than are open.
    pub closes_more_on_line: bool,
    /// Whether the rest of the cursor's line begins and ends outside of literals.
    pub rest_is_sound: bool,
    line_start: Scanner,
}

impl<'a> Site<'a> {
    pub(crate) fn new(request: &Request<'a>) -> Self {
        let request = request.clipped();
        let mut scanner = request.scanner_above();
        let mut openers = Vec::new();
        let mut opens_block_above = false;
        let last = request
            .lines_above()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .last()
            .map(|(idx, _)| idx);
        for (idx, line) in request.lines_above().enumerate() {
            if Some(idx) == last {
                opens_block_above = scanner.opens_block(line);
            }
            read_line(&mut scanner, line, false, &mut openers);
        }
        let line_start = scanner.clone();
        let n_open_above = openers.len();
        read_line(&mut scanner, request.before, true, &mut openers);
        let literals =
            scanner.literals().map(|(depth, _)| OpenLiteral { depth, ends_after: false });
        let mut site = Self {
            request,
            openers,
            n_open_above,
            text_kind: scanner.text_kind(),
            opens_block_above,
            depth: scanner.depth(),
            literals: literals.collect(),
            more_closers: Vec::new(),
            closes_more_on_line: false,
            rest_is_sound: true,
            line_start,
        };
        site.read_what_follows(scanner);
        site
    }

    /// Visits the characters of `text` as inserted at the cursor; offsets count from the cursor. A
    /// delimiter that begins before the cursor is not visited.
    pub(crate) fn scan(&self, text: &str, mut visit: impl FnMut(Token)) {
        let mut scanner = self.line_start.clone();
        let cursor = self.request.before.len();
        let mut line = String::with_capacity(cursor + text.len());
        line.push_str(self.request.before);
        line.push_str(text);
        scanner.scan(&line, |token| {
            if let Some(at) = token.at.checked_sub(cursor) {
                visit(Token { at, ..token });
            }
        });
    }

    pub(crate) fn scanner_at_line_start(&self) -> Scanner {
        self.line_start.clone()
    }

    /// Returns the column from which a line's block is indented.
    pub(crate) fn item_columns(&self, line: &str) -> usize {
        item_columns(self.request.language, line)
    }

    /// Returns the character that indents the lines around the cursor, if they agree. If no line is
    /// indented, returns the editor's character.
    pub(crate) fn indent_character(&self) -> Option<char> {
        let around = self.request.lines_above().chain(self.request.lines_below());
        let mut found = None;
        for line in around.chain([self.request.before]) {
            let indentation = indentation(line);
            if indentation.len() == line.len() {
                continue;
            }
            // A single space aligns the stars of a comment.
            let character = match indentation {
                "" | " " => continue,
                spaces if spaces.starts_with(' ') => ' ',
                _ => '\t',
            };
            match found {
                Some(before) if before != character => return None,
                _ => found = Some(character),
            }
        }
        found.or_else(|| self.request.indent_unit.map(IndentUnit::character))
    }

    /// Whether brackets outside of literals come in pairs. In prose and tags they are punctuation;
    /// in shell, `case` patterns end with a bare `)`.
    pub(crate) fn has_paired_brackets(&self) -> bool {
        let language = self.request.language;
        !matches!(language.id, "plaintext" | "markdown" | "shellscript" | "latex" | "rst")
            && !language.block_ends.contains(&"</")
    }

    /// Determines which open brackets and literals are closed by the text after the cursor.
    fn read_what_follows(&mut self, mut scanner: Scanner) {
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
            let closed = if token.at < tail_bytes { Closed::ByTail } else { Closed::ByWhatFollows };
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
        self.rest_is_sound = depth <= self.depth && !has_literal(&scanner);
        self.forget_what_the_line_opened(&mut scanner, &at_cursor);
        for line in request.lines_below() {
            let is_code = scanner.text_kind() == TextKind::Code && !line.trim().is_empty();
            let mut head = None;
            if is_code {
                let indent = indent_columns(line);
                let first = line.trim_start();
                if first.starts_with([')', ']', '}']) {
                    head = Some(Head { indent, end: line.len() - first.len() });
                } else if !self.is_outdented_by_custom(first) {
                    closers.wall = Some(closers.wall.map_or(indent, |wall| wall.min(indent)));
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
                closers.read(token, Closed::ByWhatFollows, at_head);
            });
        }
        self.match_closers(&closers, n_on_line);
    }

    /// Text that the cursor's line opens and does not end belongs to the completion, not to the
    /// lines below.
    fn forget_what_the_line_opened(&mut self, scanner: &mut Scanner, at_cursor: &Scanner) {
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
    fn is_outdented_by_custom(&self, line: &str) -> bool {
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
                self.more_closers.push((closer.closer, closer.indent));
                self.closes_more_on_line |= is_on_line;
            }
        }
        if self.request.is_cut_below() {
            // A block that no visible line leaves is closed below the visible lines.
            for opener in self.openers.iter_mut().filter(|opener| opener.closed == Closed::No) {
                // Calls are short: a call opened on the cursor's line is closed in the visible
                // lines or not at all.
                let is_block = !opener.on_line || opener.bracket == '{';
                if is_block && closers.wall.is_some_and(|wall| wall > opener.indent) {
                    opener.closed = Closed::ByWhatFollows;
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
    wall: Option<usize>,
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
    closed: Closed,
    /// The indentation of its line if only closers precede it there.
    indent: Option<usize>,
    wall: Option<usize>,
}

impl Closers {
    fn read(&mut self, token: Token, closed: Closed, indent: Option<usize>) {
        match token.kind {
            TokenKind::Open { closer } => self.inner.push(closer),
            TokenKind::Close if self.inner.pop().is_none() => {
                let (closer, wall) = (token.c, self.wall);
                self.outer.push(OuterCloser { closer, closed, indent, wall });
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
            && self.wall.is_none_or(|wall| opener.indent < wall)
    }
}

/// Applies one line's brackets to the stack: a whole line above, or the cursor's line up to the
/// cursor. A closer without a matching opener is ignored. Openers that a closer skips were no
/// brackets or were never closed.
fn read_line(scanner: &mut Scanner, line: &str, on_line: bool, openers: &mut Vec<Opener>) {
    let indent = indent_columns(line);
    let read = |token: Token| match token.kind {
        TokenKind::Open { closer } => {
            let closed = Closed::No;
            let depth = token.depth;
            openers.push(Opener { bracket: token.c, closer, indent, on_line, depth, closed });
        }
        TokenKind::Close => {
            if let Some(idx) = openers.iter().rposition(|opener| opener.closer == token.c) {
                openers.truncate(idx);
            }
        }
        // Brackets opened in code inside a literal end with the literal.
        TokenKind::LiteralEnd(_) | TokenKind::BrokenLiteral => {
            openers.retain(|opener| opener.depth <= token.depth);
        }
        _ => {}
    };
    if on_line {
        scanner.scan(line, read);
    } else {
        scanner.scan_line(line, read);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::fixtures::Fixture;

    /// Prints the brackets open at the cursor, each with its [`Closed`].
    fn check(language: &str, fixture: &str, expect: &Expect) {
        let fixture = Fixture::new(language, fixture);
        let site = Site::new(&fixture.request());
        let openers: Vec<String> = site
            .openers
            .iter()
            .map(|opener| format!("{}:{:?}", opener.bracket, opener.closed))
            .collect();
        expect.assert_eq(&format!("{:?} {}", site.text_kind, openers.join(" ")));
    }

    #[test]
    fn call_in_closed_block() {
        check("rust", "fn a() {\n    b(c$0\n}\n", &expect!["Code {:ByWhatFollows (:No"]);
    }

    #[test]
    fn indentation_identifies_unfinished_block() {
        check(
            "javascript",
            "describe('a', () => {\n  it('b', () => {\n    $0\n});\n",
            &expect!["Code (:ByWhatFollows {:ByWhatFollows (:No {:No"],
        );
    }

    #[test]
    fn tail_closers_differ_from_those_that_stay() {
        check("python", "print(f(x$0))\n", &expect!["Code (:ByTail (:ByTail"]);
        check("python", "print(f(x$0y))\n", &expect!["Code (:ByWhatFollows (:ByWhatFollows"]);
    }

    #[test]
    fn brackets_in_literals_do_not_count() {
        check("go", "x := \"((\" // ((\ny := []int{$0\n", &expect!["Code {:No"]);
        check("rust", "fn f<'a>(x: &'a str, c: char) { g('(', $0", &expect!["Code {:No (:No"]);
    }

    #[test]
    fn cursor_place_is_detected() {
        check("c", "/* a\n ( $0", &expect!["Comment "]);
        check("python", "x = 'don$0", &expect!["Literal "]);
        check("html", "<p>don't (stop$0", &expect!["Code (:No"]);
        check("shellscript", "echo ${#list} \"$0", &expect!["Literal "]);
    }
}
